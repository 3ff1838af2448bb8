"""All hardware of one locker, as its configuration names it: opened together, run together, closed together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from edge.agents.layout import lock_bank_config
from edge.agents.sensing import Sensing
from edge.config import AgentConfig
from edge.drivers.bank_group import BankGroup, ClosableBank
from edge.drivers.board_bus import OpenLine
from edge.drivers.lock_bank import BoardNotice, SerialLockBank
from edge.drivers.one_wire import Ds18b20
from edge.drivers.scanner import ScannerConfig, SerialScanner
from edge.drivers.sensors import Sensor, SensorGroup, kernel_number
from edge.drivers.serial_line import PySerialLine
from edge.hardware_config import SensorsConfig
from edge.ports import LockBank, SensorKind, SensorReading
from edge.wire.frames.scan_text import RefusedScan, Scan

if TYPE_CHECKING:
    from edge.agents.pins import OpenChip, Pins

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class HardwareListeners:
    """Who hears what the hardware tells; each is called on the event loop."""

    board: Callable[[BoardNotice], None]
    scan: Callable[[str], None]
    key: Callable[[str], None]
    reading: Callable[[SensorReading], None]


class Hardware:
    """Boards, pins, reader and sensors.

    Args:
        open_line, open_pins: how ports and the pin chip are opened; a simulation passes its own.
    """

    def __init__(
        self,
        config: AgentConfig,
        listeners: HardwareListeners,
        open_line: OpenLine = PySerialLine.open,
        open_pins: OpenChip | None = None,
    ) -> None:
        """
        Raises:
            ConfigError: the configuration contradicts itself, or pins are named and there are none.
        """
        self._listeners = listeners
        self._pins = _open_pins(config, listeners.key, open_pins)
        self._has_boards = bool(config.bus) or config.pin_board is not None
        self._bank = _open_bank(config, self._pins, listeners.board, open_line)
        self._scanner = _open_scanner(config, self._scanned, open_line)
        pinned = self._pins.sensors if self._pins else ()
        self._sensors = SensorGroup((*_sensors(config.sensors), *pinned))
        self._sensing = Sensing(self._sensors, listeners.reading, config.sensors.poll_ms)
        self._senses = bool(pinned) or bool(_sensors(config.sensors))

    @property
    def bank(self) -> LockBank:
        return self._bank

    def boards_answer(self) -> bool:
        """Whether a board answers; with several, one that is dead is no fault of the program. True without any."""
        return not self._has_boards or self._bank.answers()

    def sound(self, pattern: str) -> None:
        if self._pins is not None and self._pins.buzzer is not None:
            self._pins.buzzer.sound(pattern)

    def light(self, compartment_no: int | None) -> None:
        if self._pins is not None:
            self._pins.lamps.show(compartment_no)

    async def run(self) -> None:
        """Run what has to be listened to until cancelled."""
        async with asyncio.TaskGroup() as group:
            if self._scanner is not None:
                group.create_task(self._scanner.run())
            if self._senses:
                group.create_task(self._sensing.run())
            if self._pins is not None and self._pins.keypad is not None:
                group.create_task(self._pins.keypad.run())
            if self._pins is not None and self._pins.buzzer is not None:
                group.create_task(self._pins.buzzer.run())

    async def close(self) -> None:
        """Release everything; outputs are inactive before."""
        if self._pins is not None:
            self._pins.lamps.close()
        await self._bank.close()
        self._sensors.close()

    def _scanned(self, scan: Scan | RefusedScan) -> None:
        if isinstance(scan, Scan):
            self._listeners.scan(scan.text)
            return
        _log.info("scan refused", reason=scan.reason.value)  # never what was read
        self.sound("refused")


def _open_pins(config: AgentConfig, on_key: Callable[[str], None], open_pins: OpenChip | None) -> Pins | None:
    gpio = config.gpio
    named = (gpio.buzzer_pin is not None, gpio.lamp, config.pin_board, config.keypad, config.sensors.contact)
    if not any(named):
        return None
    from edge.agents import pins  # gpiozero costs memory that a locker without pins does not spend

    return pins.Pins(config, on_key) if open_pins is None else pins.Pins(config, on_key, open_pins)


def _open_bank(
    config: AgentConfig, pins: Pins | None, on_board: Callable[[BoardNotice], None], open_line: OpenLine
) -> ClosableBank:
    serial = SerialLockBank(lock_bank_config(config), on_notice=on_board, open_line=open_line)
    if pins is None or pins.bank is None:
        return serial
    modules = [board.module for bus in config.bus for board in bus.board]
    return BankGroup({**dict.fromkeys(modules, serial), **dict.fromkeys(pins.bank.modules, pins.bank)})


def _open_scanner(
    config: AgentConfig, on_scan: Callable[[Scan | RefusedScan], None], open_line: OpenLine
) -> SerialScanner | None:
    if config.scanner is None:
        return None
    section = config.scanner
    return SerialScanner(ScannerConfig(section.port, section.protocol, section.baud), on_scan, open_line, _presence)


def _presence(present: bool) -> None:
    _log.info("scanner", present=present)


def _sensors(section: SensorsConfig) -> tuple[Sensor, ...]:
    found = [
        Sensor(
            SensorKind.TEMPERATURE if item.zone else SensorKind.AMBIENT,
            item.zone or "ambient",
            Ds18b20(section.one_wire_dir, item.sensor).read,
            blocking=True,
        )
        for item in section.thermometer
    ]
    if section.battery_file is not None:
        found.append(Sensor(SensorKind.BATTERY, "battery", kernel_number(section.battery_file, range(101))))
    if section.mains_file is not None:
        found.append(Sensor(SensorKind.MAINS, "mains", kernel_number(section.mains_file, range(2))))
    return tuple(found)
