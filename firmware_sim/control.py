"""The control socket: a person's hands, the faults and the oracle's trace, for a demo, a test or a rig elsewhere.

One JSON object a line in, one a line out: `{"id": …, "ok": true, "result": …}` or
`{"id": …, "ok": false, "error": {"code", "what", "where", "remedy", "retry"}}`. A Unix socket, readable by its owner.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from firmware_sim.control_requests import (
    MAX_LINE_BYTES,
    ClearFault,
    Hand,
    Inject,
    Look,
    Plug,
    ReadTrace,
    Request,
    SetFault,
    SetTemperature,
    Show,
    parse_request,
)
from firmware_sim.errors import SimError, UnknownTarget
from firmware_sim.pty_server import PtyServer
from firmware_sim.thermometers import ThermometerFolder


class Control:
    """Answers control requests about one running `PtyServer` and the thermometers beside it."""

    def __init__(self, ptys: PtyServer, thermometers: ThermometerFolder | None = None) -> None:
        self._ptys = ptys
        self._thermometers = thermometers
        self._server: asyncio.AbstractServer | None = None
        self._connections: set[_Connection] = set()

    async def start(self, socket_path: Path) -> None:
        """Listen on a Unix socket, in place of a file left behind."""
        socket_path.unlink(missing_ok=True)
        old_mask = os.umask(0o177)
        try:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_unix_server(lambda: _Connection(self, self._connections), socket_path)
        finally:
            os.umask(old_mask)

    async def close(self) -> None:
        """Hang up on everybody."""
        if self._server is not None:
            self._server.close()
            for connection in list(self._connections):
                connection.abort()
            await self._server.wait_closed()

    def answer(self, line: bytes) -> dict[str, Any]:
        """The answer to one line; never raises on any input."""
        request_id: int | None = None
        try:
            request = parse_request(line)
            request_id = request.id
            return {"id": request_id, "ok": True, "result": self._perform(request)}
        except SimError as error:
            told = {name: getattr(error, name) for name in ("code", "what", "where", "remedy", "retry")}
            return {"id": request_id, "ok": False, "error": told}

    def _perform(self, request: Request) -> object:
        locker, now_ms = self._ptys.locker, self._ptys.now_ms()
        match request:
            case Look():
                return self._look(request.op, now_ms)
            case ReadTrace():
                return [asdict(fact) for fact in locker.facts(now_ms, request.after)]
            case Hand():
                self._lend_hand(request, now_ms)
                return None
            case SetFault():
                self._ptys.set_fault(request.fault())
                return None
            case ClearFault():
                return locker.clear_fault(request.name, request.target, request.channel)
            case Inject():
                locker.receive(request.port, bytes.fromhex(request.data), now_ms)
                return None
            case Show():
                self._ptys.show(request.port, request.code())
                return None
            case SetTemperature():
                self._set_temperature(request)
                return None
            case Plug(op="unplug"):
                self._ptys.unplug(request.port)
                return None
            case Plug():
                return self._ptys.replug(request.port)

    def _set_temperature(self, request: SetTemperature) -> None:
        if self._thermometers is None:
            raise UnknownTarget("no thermometers here", remedy="List them in the locker file.")
        self._thermometers.set(request.sensor, request.value_mc, request.mood)

    def _look(self, what: str, now_ms: int) -> object:
        if what == "doors":
            return [asdict(view) for view in self._ptys.locker.doors(now_ms)]
        if what == "faults":
            return [asdict(fault) for fault in self._ptys.locker.faults]
        present = self._ptys.device_paths()
        return {name: {"path": path, "device": present.get(name)} for name, path in self._ptys.paths().items()}

    def _lend_hand(self, request: Hand, now_ms: int) -> None:
        cabinet = self._ptys.locker.cabinet(request.module)
        match request.op:
            case "open":
                cabinet.open_by_hand(request.channel, now_ms, force=request.force)
            case "close":
                cabinet.close_by_hand(request.channel, now_ms)
            case "put":
                cabinet.put(request.channel, now_ms)
            case "take":
                cabinet.take(request.channel, now_ms)


class _Connection(asyncio.Protocol):
    """One client: whole lines in, one answer each, hung up on when a line has no end."""

    def __init__(self, control: Control, connections: set[_Connection]) -> None:
        self._control = control
        self._connections = connections
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = rest
        for line in lines:
            if len(line) > MAX_LINE_BYTES:
                return self.hang_up()
            self._transport.write(_encode(self._control.answer(bytes(line))))
        if len(rest) > MAX_LINE_BYTES:
            self.hang_up()

    def pause_writing(self) -> None:
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def hang_up(self) -> None:
        """Close once the answers given so far are out."""
        self._transport.close()

    def abort(self) -> None:
        """Close at once; a client that does not read must not hold up the end."""
        self._transport.abort()


def _encode(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode() + b"\n"
