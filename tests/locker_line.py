"""The simulated locker without ptys: its ports as in-process serial lines, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from edge.errors import LineLost
from firmware_sim.board import Sent
from firmware_sim.locker import Locker
from tests.virtual_loop import VirtualLoop


class LockerLine:
    """`edge.ports.SerialLine` straight into a `Locker` model."""

    def __init__(self, locker: Locker, port: str, loop: VirtualLoop) -> None:
        self._locker = locker
        self._port = port
        self._loop = loop
        self._received = bytearray()
        self._fresh = asyncio.Event()
        self.lost = False

    async def write(self, data: bytes) -> None:
        self._check()
        now_ms = self._loop.now_ms()
        self.say(self._locker.receive(self._port, data, now_ms))

    def say(self, said: Sequence[Sent]) -> None:
        """Let the far end's bytes arrive at their times, and wake a reader that waits for an answer."""
        now_ms = self._loop.now_ms()
        for at_ms, answer in said:
            self._loop.call_later((at_ms - now_ms) / 1000, self._arrive, answer)
        wakes_at_ms = self._locker.wakes_at_ms(self._port)
        if said and wakes_at_ms is not None:
            self._loop.call_later((wakes_at_ms - now_ms) / 1000, self._wake)

    def _wake(self) -> None:
        self.say(self._locker.wake(self._port, self._loop.now_ms()))

    async def read(self) -> bytes:
        while not self._received:
            self._check()
            self._fresh.clear()
            await self._fresh.wait()
        data = bytes(self._received)
        self._received.clear()
        return data

    def discard_input(self) -> None:
        self._received.clear()

    async def close(self) -> None:
        self.unplug()

    def unplug(self) -> None:
        self.lost = True
        self._fresh.set()

    def _arrive(self, data: bytes) -> None:
        self._received += data
        self._fresh.set()

    def _check(self) -> None:
        if self.lost:
            raise LineLost("unplugged", where=self._port)


class LockerPorts:
    """The ports of one locker, with plugs that can be pulled; `open_line` is what a lock bank wants."""

    def __init__(self, locker: Locker, loop: VirtualLoop) -> None:
        self.locker = locker
        self._loop = loop
        self._lines: dict[str, LockerLine] = {}
        self._out: set[str] = set()

    def open_line(self, path: str, baud: int) -> LockerLine:
        port = path.rsplit("/", 1)[-1]
        if port in self._out:
            raise LineLost("no such port", where=path)
        self._lines[port] = LockerLine(self.locker, port, self._loop)
        return self._lines[port]

    def show(self, port: str, code: bytes) -> None:
        """Hold a code in front of a port's reader."""
        self._lines[port].say(self.locker.show(port, code, self._loop.now_ms()))

    def unplug(self, port: str) -> None:
        self._out.add(port)
        if port in self._lines:
            self._lines[port].unplug()

    def replug(self, port: str) -> None:
        self._out.discard(port)
