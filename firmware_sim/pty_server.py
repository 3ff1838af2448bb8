"""Gives a simulated locker real serial ports: one pty per port, reached by a stable link as with /dev/serial/by-id.

All effects of the simulators stand here: ptys, links, timers. The decisions are the pure models'.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from firmware_sim.board import Sent
from firmware_sim.faults import Fault, FaultName
from firmware_sim.locker import Locker

READ_BYTES = 4096


@dataclass(slots=True)
class _Plug:
    """An adapter that is plugged in. The server holds the far end open, so the pty outlives its users."""

    server_fd: int
    line_fd: int
    path: str


class PtyServer:
    """Runs a `Locker` behind ptys, on the running event loop.

    Args:
        locker: the models.
        links: folder for the links `<port name> → /dev/pts/N`; made when absent.
    """

    def __init__(self, locker: Locker, links: Path) -> None:
        self.locker = locker
        self._links = links
        self._plugs: dict[str, _Plug] = {}
        self._last_paths: dict[str, str] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        self._loop = asyncio.get_running_loop()

    def now_ms(self) -> int:
        """Monotonic milliseconds, comparable between the processes of one machine."""
        return int(self._loop.time() * 1000)

    def start(self) -> dict[str, str]:
        """Plug every port in; returns the stable path of each."""
        self._links.mkdir(parents=True, exist_ok=True)
        for name in self.locker.ports:
            self._plug(name)
        return self.paths()

    def paths(self) -> dict[str, str]:
        """Stable path by port name, plugged in or not."""
        return {name: str(self._links / name) for name in self.locker.ports}

    def device_paths(self) -> dict[str, str]:
        """Where the plugged ports really are at this moment."""
        return {name: plug.path for name, plug in self._plugs.items()}

    def unplug(self, name: str) -> None:
        """Pull an adapter: its users see the line die. Nothing happens when it is out already."""
        self.locker.note_plug(name, self.now_ms(), plugged=False)
        self._pull(name)

    def replug(self, name: str) -> str:
        """Put an adapter back, always under another device name; returns it."""
        self.locker.note_plug(name, self.now_ms(), plugged=True)
        self._pull(name)
        return self._plug(name)

    def set_fault(self, fault: Fault) -> None:
        """Set any fault, `unplug_replug` included (which ends by itself after its delay)."""
        self.locker.set_fault(fault)
        if fault.name is FaultName.UNPLUG_REPLUG:
            self.unplug(fault.target)
            self._later(fault.delay_ms / 1000, partial(self._end_unplug, fault))

    def close(self) -> None:
        """Pull every port and remove the links."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for name in list(self._plugs):
            self._pull(name)

    def _end_unplug(self, fault: Fault) -> None:
        if self.locker.clear_fault(fault.name, fault.target) and fault.target not in self._plugs:
            self.replug(fault.target)

    def _plug(self, name: str) -> str:
        plug = _open_pty()
        if plug.path == self._last_paths.get(name):
            other = _open_pty()
            _close(plug)
            plug = other
        self._plugs[name] = plug
        self._loop.add_reader(plug.server_fd, self._receive, name, plug)
        self._link(name, plug.path)
        return plug.path

    def _link(self, name: str, path: str) -> None:
        fresh = self._links / f".{name}.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(path)
        fresh.replace(self._links / name)
        self._last_paths[name] = path

    def _pull(self, name: str) -> None:
        plug = self._plugs.pop(name, None)
        (self._links / name).unlink(missing_ok=True)
        if plug is not None:
            self._loop.remove_reader(plug.server_fd)
            _close(plug)

    def _receive(self, name: str, plug: _Plug) -> None:
        try:
            data = os.read(plug.server_fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._pull(name)
            return
        now_ms = self.now_ms()
        self._say(name, plug, self.locker.receive(name, data, now_ms), now_ms)

    def show(self, name: str, code: bytes) -> None:
        """Hold a code in front of a port's reader; nothing is heard while the port is unplugged."""
        now_ms = self.now_ms()
        said = self.locker.show(name, code, now_ms)
        if (plug := self._plugs.get(name)) is not None:
            self._say(name, plug, said, now_ms)

    def _wake(self, name: str, plug: _Plug) -> None:
        now_ms = self.now_ms()
        self._say(name, plug, self.locker.wake(name, now_ms), now_ms)

    def _say(self, name: str, plug: _Plug, said: Sequence[Sent], now_ms: int) -> None:
        for at_ms, answer in said:
            self._later((at_ms - now_ms) / 1000, partial(self._send, name, plug, answer))
        wakes_at_ms = self.locker.wakes_at_ms(name)
        if said and wakes_at_ms is not None:
            self._later((wakes_at_ms - now_ms) / 1000, partial(self._wake, name, plug))

    def _send(self, name: str, plug: _Plug, data: bytes) -> None:
        if self._plugs.get(name) is plug:
            with contextlib.suppress(BlockingIOError):  # nobody reads: a real line drops the bytes, too
                os.write(plug.server_fd, data)

    def _later(self, delay_s: float, act: Callable[[], None]) -> None:
        def run() -> None:
            self._timers.discard(timer)
            act()

        timer = self._loop.call_later(delay_s, run)
        self._timers.add(timer)


def _open_pty() -> _Plug:
    server_fd, line_fd = os.openpty()
    tty.setraw(line_fd)
    os.set_blocking(server_fd, False)
    return _Plug(server_fd, line_fd, os.ttyname(line_fd))


def _close(plug: _Plug) -> None:
    os.close(plug.server_fd)
    os.close(plug.line_fd)
