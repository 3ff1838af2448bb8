"""What a plan may ask a rig for. Each protocol is small; a driver implements one, a backend puts drivers together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from hil.rig_file import SerialLine
from hil.trace import Edge


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command on the device ended with and said."""

    code: int
    text: str


@runtime_checkable
class Power(Protocol):
    """The device's supply."""

    async def on(self) -> None:
        """Switch on and wait until the device takes commands."""

    async def cut(self) -> None:
        """Pull the plug: nothing is flushed, nobody is told."""

    async def off(self) -> None:
        """Shut down in order, then switch off."""


@runtime_checkable
class Shell(Protocol):
    """Commands as root on the device."""

    async def run(self, command: str, timeout_s: float = 60) -> Answer: ...

    async def put(self, data: bytes, device_path: str) -> None: ...


@runtime_checkable
class Pins(Protocol):
    """The device's pins from outside."""

    async def drive(self, line: int, *, high: bool) -> None:
        """Put a level on a pin that the device listens on."""

    async def edges(self) -> Sequence[Edge]:
        """Every level that the device has put on its pins since power came on, oldest first."""

    async def level(self, line: int) -> bool: ...


@runtime_checkable
class Boards(Protocol):
    """Simulated lock boards, readers and thermometers on the device's lines, with hands, faults and a trace."""

    @property
    def lines(self) -> Sequence[SerialLine]: ...

    @property
    def thermometers(self) -> Sequence[str]: ...

    async def ask(self, op: str, **fields: object) -> object: ...


@runtime_checkable
class DataDisk(Protocol):
    """The device's data disk, whose contents a plan may throw away or copy while the power is off."""

    def renew(self) -> None: ...


@runtime_checkable
class LineToHost(Protocol):
    """A stream of lines from a program on the device to the rig, which survives no plug pull."""

    async def next_line(self, timeout_s: float) -> str | None: ...

    @property
    def device_path(self) -> str: ...


@runtime_checkable
class Cable(Protocol):
    """The network between device and host."""

    async def pull(self) -> None: ...

    async def plug(self) -> None: ...

    @property
    def host_address(self) -> str: ...


@runtime_checkable
class Share(Protocol):
    """A folder of the host that the device sees."""

    @property
    def host_path(self) -> Path: ...

    @property
    def device_path(self) -> str: ...


@runtime_checkable
class Card(Protocol):
    """The whole card in the device: what starts is what an image holds, its own first process included."""

    @property
    def card_path(self) -> Path: ...


CAPABILITIES: dict[str, type] = {
    "power": Power,
    "shell": Shell,
    "pins": Pins,
    "boards": Boards,
    "data_disk": DataDisk,
    "line_to_host": LineToHost,
    "cable": Cable,
    "share": Share,
    "card": Card,
}
