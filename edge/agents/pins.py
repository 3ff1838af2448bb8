"""Everything that a configuration puts on the computer's own pins. Imported only where pins are named."""

from __future__ import annotations

from collections.abc import Callable

from gpiozero.pins import Factory

from edge.agents.buzzer import Buzzer
from edge.config import AgentConfig
from edge.drivers.gpio_chip import open_chip
from edge.drivers.gpio_pins import OutputPin, Reed
from edge.drivers.keypad import KeypadConfig, PinKeypad
from edge.drivers.lamps import PinLamps
from edge.drivers.pin_bank import InputConfig, PinBank, PinBoardConfig, PinChannel
from edge.drivers.sensors import Sensor, contact
from edge.errors import ConfigError
from edge.hardware_config import ContactSection, InputSection, PinBoardSection
from edge.ports import SensorKind

OpenChip = Callable[[str | None], Factory]


class Pins:
    """The pins of one locker; every output is claimed with its inactive level."""

    def __init__(self, config: AgentConfig, on_key: Callable[[str], None], open_pins: OpenChip = open_chip) -> None:
        """
        Raises:
            ConfigError: lgpio is missing, the chip is not there, or the pins contradict each other.
        """
        try:
            factory = open_pins(config.gpio.chip_label)
        except ImportError as error:
            raise ConfigError("lgpio is missing", where="gpio", remedy="Install lgpio, or name no pins.") from error
        gpio = config.gpio
        self.buzzer = self.bank = self.keypad = None
        if gpio.buzzer_pin is not None:
            self.buzzer = Buzzer(OutputPin(gpio.buzzer_pin, factory=factory, active_high=gpio.buzzer_active_high))
        lamps = {item.no: OutputPin(item.pin, factory=factory, active_high=item.active_high) for item in gpio.lamp}
        self.lamps = PinLamps(lamps)
        if config.pin_board is not None:
            self.bank = PinBank(pin_board_config(config.pin_board), factory)
        if config.keypad is not None:
            section = config.keypad
            self.keypad = PinKeypad(KeypadConfig(section.row_pins, section.column_pins, section.keys), on_key, factory)
        self.sensors = tuple(_contact(section, factory) for section in config.sensors.contact)


def pin_board_config(section: PinBoardSection) -> PinBoardConfig:
    channels = tuple(
        PinChannel(item.number, item.lock_pin, item.lock_active_high, _input(item.door), _input(item.item))
        for item in section.channel
    )
    return PinBoardConfig(
        section.module,
        channels,
        pulse_ms=section.pulse_ms,
        rest_ms=section.rest_ms,
        coil_rest_ms=section.coil_rest_ms,
        settle_ms=section.settle_ms,
    )


def _input(section: InputSection | None) -> InputConfig | None:
    if section is None:
        return None
    return InputConfig(section.pin, section.active_high, None if section.pull == "none" else section.pull)


def _contact(section: ContactSection, factory: Factory) -> Sensor:
    pull = None if section.pull == "none" else section.pull
    reed = Reed(section.pin, lambda state: None, factory=factory, closed_high=section.active_high, pull=pull)
    return Sensor(SensorKind(section.kind), section.name, contact(reed))
