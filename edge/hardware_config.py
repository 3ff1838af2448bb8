"""The hardware's part of the agent's configuration: buses, boards, pins, readers, sensors. Nothing of it is guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

MODULE = r"^[a-z0-9_.:-]{1,32}$"
DEVICE = r"^/.+"
PIN_MAX = 60


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LampSection(Section):
    """A lamp at one door."""

    no: int = Field(ge=1, le=9999)
    pin: int = Field(ge=0, le=PIN_MAX)
    active_high: bool = True


class GpioConfig(Section):
    """The computer's own pins (BCM numbers); none are touched unless they are named."""

    chip_label: str | None = Field(None, min_length=1, max_length=31)
    buzzer_pin: int | None = Field(None, ge=0, le=PIN_MAX)
    buzzer_active_high: bool = True
    lamp: tuple[LampSection, ...] = ()


class BoardSection(Section):
    """One lock board. `closed_bit`, `unlock_answer` and `groups` differ between firmwares and are never guessed."""

    module: str = Field(pattern=MODULE)
    family: Literal["xor_8a", "kerong_cu", "kerong_cu48", "wkly", "winnsen", "modbus_relay"]
    address: int = Field(ge=0, le=255)
    channels: int = Field(ge=1, le=255)
    closed_bit: Literal[0, 1] | None = None
    door_inputs: tuple[int, ...] = ()
    inverted: tuple[int, ...] = ()
    unpopulated: tuple[int, ...] = ()
    groups: int = 3
    unlock_answer: Literal["expected", "optional", "never"] | None = None
    item_sensors: bool = False
    status_first: bool = False
    pulse_ms: int = 500
    pulse_base: int = Field(0x0200, ge=0, le=0xFF00)
    coil_rest_ms: int = 1_500


class BusSection(Section):
    """One serial port with the boards on it; `port` is a stable `/dev/serial/by-id/…` path."""

    port: str
    echo: bool = False
    baud: int | None = None
    coil_rest_ms: int = Field(700, ge=0, le=10_000)
    board: tuple[BoardSection, ...]


class InputSection(Section):
    """An input pin, and the level that means closed (a door) or occupied (a light barrier)."""

    pin: int = Field(ge=0, le=PIN_MAX)
    active_high: bool = False
    pull: Literal["up", "down", "none"] = "up"


class PinChannelSection(Section):
    """One lock on a pin, with what feels its door and what is inside."""

    number: int = Field(ge=1, le=255)
    lock_pin: int = Field(ge=0, le=PIN_MAX)
    lock_active_high: bool = True
    door: InputSection | None = None
    item: InputSection | None = None


class PinBoardSection(Section):
    """Locks on the computer's own pins, through relays or MOSFETs."""

    module: str = Field(pattern=MODULE)
    pulse_ms: int = Field(500, ge=50, le=3_000)
    rest_ms: int = Field(700, ge=0, le=10_000)
    coil_rest_ms: int = Field(1_500, ge=0, le=5_000)
    settle_ms: int = Field(30, ge=0, le=500)
    channel: tuple[PinChannelSection, ...]


class ScannerSection(Section):
    """The barcode reader on a serial port."""

    port: str = Field(pattern=DEVICE)
    protocol: Literal["line", "ssi"] = "line"
    baud: int = Field(9_600, ge=1_200, le=921_600)


class KeypadSection(Section):
    """A key matrix on the computer's own pins."""

    row_pins: tuple[int, ...]
    column_pins: tuple[int, ...]
    keys: tuple[str, ...] = ("123", "456", "789", "*0#")


class ThermometerSection(Section):
    """A DS18B20 on the 1-Wire bus; `zone` of compartments, or none for the air around the cabinet."""

    sensor: str = Field(pattern=r"^28-[0-9a-f]{12}$")
    zone: str = Field("", pattern=r"^[a-z0-9_.-]{0,32}$")


class ContactSection(Section):
    """A contact that tells about mains or the enclosure; `active_high` is the level of mains present or lid open."""

    kind: Literal["mains", "tamper"]
    name: str = Field(pattern=MODULE)
    pin: int = Field(ge=0, le=PIN_MAX)
    active_high: bool = True
    pull: Literal["up", "down", "none"] = "none"


class SensorsConfig(Section):
    """Everything that is measured; nothing is read unless it is named."""

    poll_ms: int = Field(10_000, ge=100, le=600_000)
    one_wire_dir: Path = Path("/sys/bus/w1/devices")
    thermometer: tuple[ThermometerSection, ...] = ()
    contact: tuple[ContactSection, ...] = ()
    battery_file: Path | None = None
    mains_file: Path | None = None
