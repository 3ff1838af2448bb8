"""The locker agent's configuration: one TOML file, overridden by `PW_EDGE_…` variables, checked strictly."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from edge.errors import ConfigError
from edge.hardware_config import (
    BusSection,
    GpioConfig,
    KeypadSection,
    PinBoardSection,
    ScannerSection,
    Section,
    SensorsConfig,
)
from edge.release_config import ReleaseConfig
from edge.wire.enrolment import DeviceKind
from edge.wire.errors import WireError
from edge.wire.ids import check_device_id, check_fleet

LOOPBACK = ("127.0.0.1", "[::1]", "::1", "localhost")


class MqttConfig(Section):
    """The broker. Without TLS only loopback is allowed."""

    host: str = "127.0.0.1"
    port: int = Field(8883, ge=1, le=65535)
    tls: bool = True
    ca_file: Path | None = None
    password_file: Path | None = None
    keepalive_s: int = Field(30, ge=5, le=600)
    first_retry_ms: int = Field(10_000, ge=100, le=60_000)
    max_retry_ms: int = Field(60_000, ge=100, le=600_000)


class HttpConfig(Section):
    """The way to the bridge where MQTT is blocked; named, it takes the place of `mqtt`."""

    url: str = Field(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+$")
    token_file: Path

    @model_validator(mode="after")
    def _encrypted(self) -> HttpConfig:
        if self.url.startswith("http://") and self.url.split("/")[2].rsplit(":", 1)[0] not in LOOPBACK:
            raise ValueError("http:// is for a bridge on loopback only; use https://")
        return self


class EnrolmentConfig(Section):
    """Where this device renews its certificate, and as what; without it an operator renews by hand."""

    url: str = Field(pattern=r"^https://[A-Za-z0-9./:\[\]_-]+$")
    kind: DeviceKind = DeviceKind.LOCKER


class ScreenConfig(Section):
    """The kiosk page's own server, for the browser on this device."""

    host: Literal["127.0.0.1", "::1"] = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)


class StorageConfig(Section):
    """The event log's space. `keep_receipted_days` must exceed the cloud's backup window."""

    max_file_bytes: int = Field(256 * 1024 * 1024, ge=1024 * 1024)
    keep_receipted_days: int = Field(35, ge=0)


class CompartmentSection(Section):
    """One door: the number printed on it, the board output behind it, inner size and sill height in mm."""

    no: int = Field(ge=1, le=9999)
    module: str
    channel: int = Field(ge=1, le=255)
    width_mm: int = Field(ge=1)
    height_mm: int = Field(ge=1)
    depth_mm: int = Field(ge=1)
    sill_mm: int = Field(1000, ge=0)
    features: tuple[str, ...] = ()


class AgentConfig(Section):
    """Everything a locker agent is told by its installer."""

    device_id: str
    fleet: str
    data_dir: Path
    keys_dir: Path
    root_public_hex: str = Field(pattern=r"^[0-9a-f]{64}$")
    trust_file: Path
    mqtt: MqttConfig = MqttConfig()
    http: HttpConfig | None = None
    enrolment: EnrolmentConfig | None = None
    screen: ScreenConfig = ScreenConfig()
    storage: StorageConfig = StorageConfig()
    gpio: GpioConfig = GpioConfig()
    bus: tuple[BusSection, ...] = ()
    pin_board: PinBoardSection | None = None
    scanner: ScannerSection | None = None
    keypad: KeypadSection | None = None
    sensors: SensorsConfig = SensorsConfig()
    release: ReleaseConfig | None = None
    compartment: tuple[CompartmentSection, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> AgentConfig:
        try:
            check_device_id(self.device_id)
            check_fleet(self.fleet)
        except WireError as error:
            raise ValueError(f"{error}. {error.remedy}") from error
        if not self.mqtt.tls and self.mqtt.host not in LOOPBACK:
            raise ValueError("mqtt.tls = false is for a broker on loopback only")
        self._check_map()
        return self

    def _check_map(self) -> None:
        channels = _channels(self.bus, self.pin_board)
        numbers = [item.no for item in self.compartment]
        outputs = [(item.module, item.channel) for item in self.compartment]
        if len(set(numbers)) != len(numbers):
            raise ValueError("two compartments have the same no")
        if len(set(outputs)) != len(outputs):
            raise ValueError("two compartments share one board channel")
        missing = [item.no for item in self.compartment if (item.module, item.channel) not in channels]
        if missing:
            raise ValueError(f"no board has the channel of compartment {missing[0]}, or no lock is on it")
        dark = [lamp.no for lamp in self.gpio.lamp if lamp.no not in numbers]
        if dark:
            raise ValueError(f"gpio.lamp names compartment {dark[0]}, which does not exist")


def _channels(buses: tuple[BusSection, ...], pin_board: PinBoardSection | None) -> set[tuple[str, int]]:
    """All outputs with a lock."""
    boards = [board for bus in buses for board in bus.board]
    found = {(b.module, n) for b in boards for n in range(1, b.channels + 1) if n not in b.unpopulated}
    if pin_board is not None:
        if pin_board.module in {board.module for board in boards}:
            raise ValueError(f"two boards are called {pin_board.module}")
        found |= {(pin_board.module, channel.number) for channel in pin_board.channel}
    return found


def load_config(path: Path, environment: dict[str, str] | None = None) -> AgentConfig:
    """Read and check the file.

    Raises:
        ConfigError: unreadable, not TOML, or a key that is unknown, missing or out of range; every one is named.
    """
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path), remedy="Pass --config FILE.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"not TOML: {error}", where=str(path), remedy="Mend the line it names.") from error
    _override(raw, environment or {})
    try:
        return AgentConfig.model_validate(raw)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors(include_input=False)
        )
        raise ConfigError(problems, where=str(path), remedy="See docs/reference/configuration.md.") from error


def _override(raw: dict[str, Any], environment: dict[str, str]) -> None:
    """`PW_EDGE_MQTT__PORT=1883` sets `mqtt.port`."""
    for name, value in environment.items():
        if not name.startswith("PW_EDGE_"):
            continue
        *sections, key = name.removeprefix("PW_EDGE_").lower().split("__")
        target: Any = raw
        for section in sections:
            target = target.setdefault(section, {}) if isinstance(target, dict) else None
        if not isinstance(target, dict):
            raise ConfigError("no such key: what stands before __ is no table", where=name, remedy="Mend its name.")
        target[key] = value
