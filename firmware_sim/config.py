"""The locker file: which simulated boards sit on which port. Checked once, here."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from firmware_sim.board import Board
from firmware_sim.doors import Cabinet, Wiring
from firmware_sim.errors import ConfigInvalid
from firmware_sim.kerong_cu import KerongCuBoard
from firmware_sim.kerong_cu48 import KerongCu48Board
from firmware_sim.locker import Locker, Port
from firmware_sim.modbus_relay import ModbusRelayBoard
from firmware_sim.reader import LineReader, SsiReader
from firmware_sim.winnsen import WinnsenBoard
from firmware_sim.wkly import WklyBoard
from firmware_sim.xor_8a import Xor8aBoard

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
DelayMs = Annotated[int, Field(ge=0, le=10_000)]
ChannelNo = Annotated[int, Field(ge=1, le=48)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Board(_Strict):
    module: Name
    channels: Annotated[int, Field(ge=1, le=48)]
    spring: bool = True
    """The door opens by itself when the latch lets go."""
    reply_ms: DelayMs = 20
    contacts: tuple[Annotated[int, Field(ge=0, le=48)], ...] = ()
    """Entry n: the channel whose door input n feels, 0 for an open end; empty: each its own."""
    inverted: tuple[ChannelNo, ...] = ()
    """Inputs whose contact is of the other kind."""
    missing_locks: tuple[ChannelNo, ...] = ()
    """Channels without a coil."""

    @model_validator(mode="after")
    def _wired(self) -> _Board:
        if any(number > self.channels for number in (*self.contacts, *self.inverted, *self.missing_locks)):
            raise ValueError(f"the wiring names more than {self.channels} channels")
        return self

    def cabinet(self) -> Cabinet:
        contacts = {number: channel for number, channel in enumerate(self.contacts, 1)}
        wiring = Wiring(contacts, frozenset(self.inverted), frozenset(self.missing_locks))
        return Cabinet(self.module, self.channels, self.spring, wiring=wiring)


class Xor8aEntry(_Board):
    family: Literal["xor_8a"]
    address: Annotated[int, Field(ge=1, le=31)]
    channels: Annotated[int, Field(ge=1, le=24)]
    groups: Annotated[int, Field(ge=1, le=3)] = 3
    closed_bit: Literal[0, 1] = 1
    unlock_reply_ms: DelayMs = 200

    @model_validator(mode="after")
    def _fits(self) -> Xor8aEntry:
        if self.channels > self.groups * 8:
            raise ValueError(f"{self.channels} channels need more than {self.groups} groups")
        return self

    def build(self) -> Board:
        return Xor8aBoard(
            self.cabinet(), self.address, self.groups, self.closed_bit, self.reply_ms, self.unlock_reply_ms
        )


class KerongCuEntry(_Board):
    family: Literal["kerong_cu"]
    address: Annotated[int, Field(ge=0, le=15)]
    channels: Annotated[int, Field(ge=1, le=24)]
    """More than 16 take the next board number, too."""
    answers_unlock: bool = False
    sees_items: bool = True
    unlock_reply_ms: DelayMs = 200

    def build(self) -> Board:
        return KerongCuBoard(
            self.cabinet(),
            self.address,
            self.answers_unlock,
            self.sees_items,
            self.reply_ms,
            self.unlock_reply_ms,
        )


class KerongCu48Entry(_Board):
    family: Literal["kerong_cu48"]
    address: Annotated[int, Field(ge=0, le=255)]

    def build(self) -> Board:
        return KerongCu48Board(self.cabinet(), self.address, self.reply_ms)


class WklyEntry(_Board):
    family: Literal["wkly"]
    address: Annotated[int, Field(ge=0, le=31)]
    closed_bit: Literal[0, 1] = 1
    answers_unlock: bool = True
    odd_start: bool = False
    counts_only: bool = False
    tells_changes: bool = False
    unlock_reply_ms: DelayMs = 200

    def build(self) -> Board:
        return WklyBoard(
            self.cabinet(),
            self.address,
            self.closed_bit,
            self.answers_unlock,
            self.odd_start,
            self.counts_only,
            self.tells_changes,
            self.reply_ms,
            self.unlock_reply_ms,
        )


class WinnsenEntry(_Board):
    family: Literal["winnsen"]
    address: Annotated[int, Field(ge=0, le=31)]
    channels: Annotated[int, Field(ge=1, le=24)]
    closed_bit: Literal[0, 1] = 0
    status_first: bool = False
    cooling_ms: DelayMs = 1_000
    unlock_reply_ms: DelayMs = 200

    def build(self) -> Board:
        return WinnsenBoard(
            self.cabinet(),
            self.address,
            self.status_first,
            self.cooling_ms,
            self.closed_bit,
            self.reply_ms,
            self.unlock_reply_ms,
        )


class ModbusRelayEntry(_Board):
    family: Literal["modbus_relay"]
    address: Annotated[int, Field(ge=1, le=247)]
    channels: Annotated[int, Field(ge=1, le=32)]
    closed_bit: Literal[0, 1] = 1
    pulse_base: Annotated[int, Field(ge=32, le=0xFF00)] = 0x0200

    def build(self) -> Board:
        return ModbusRelayBoard(self.cabinet(), self.address, self.closed_bit, self.pulse_base, self.reply_ms)


BoardEntry = Annotated[
    Xor8aEntry | KerongCuEntry | KerongCu48Entry | WklyEntry | WinnsenEntry | ModbusRelayEntry,
    Field(discriminator="family"),
]


class PortEntry(_Strict):
    name: Name
    boards: Annotated[tuple[BoardEntry, ...], Field(min_length=1)]


class ReaderEntry(_Strict):
    """A barcode reader on a port of its own."""

    name: Name
    protocol: Literal["line", "ssi"] = "line"

    def build(self) -> Port:
        return Port(self.name, (), SsiReader() if self.protocol == "ssi" else LineReader())


class LockerFile(_Strict):
    """`ports`, each with its `boards`, and `readers`; module and port names are unique over the file."""

    ports: Annotated[tuple[PortEntry, ...], Field(min_length=1)]
    readers: tuple[ReaderEntry, ...] = ()
    thermometers: tuple[Annotated[str, Field(pattern=r"^28-[0-9a-f]{12}$")], ...] = ()

    @model_validator(mode="after")
    def _unique(self) -> LockerFile:
        modules = [board.module for port in self.ports for board in port.boards]
        names = [port.name for port in self.ports] + [reader.name for reader in self.readers]
        if len(set(modules)) != len(modules) or len(set(names)) != len(names) or set(names) & set(modules):
            raise ValueError("port and module names must all differ")
        for port in self.ports:
            addresses = [(board.family, board.address) for board in port.boards]
            if len(set(addresses)) != len(addresses):
                raise ValueError(f"two boards of port {port.name} share an address")
        return self

    def build(self) -> Locker:
        ports = [Port(port.name, [board.build() for board in port.boards]) for port in self.ports]
        return Locker({port.name: port for port in (*ports, *(reader.build() for reader in self.readers))})


def read_locker_file(path: Path) -> LockerFile:
    """Read a `.toml` or `.json` locker file. Raises ConfigInvalid with the key that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        return LockerFile.model_validate(data)
    except OSError as error:
        raise ConfigInvalid(f"cannot be read: {error.strerror}", where=str(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise ConfigInvalid(f"{key}: {first['msg']}", where=str(path), remedy="Correct that key.") from error
    except ValueError as error:
        raise ConfigInvalid(f"no valid TOML or JSON: {error}", where=str(path)) from error
