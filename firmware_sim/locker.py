"""A whole simulated locker: ports with boards, cabinets with doors, faults, and the trace. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from firmware_sim.board import Board, Sent
from firmware_sim.doors import Cabinet, DoorView, Fact, FactKind
from firmware_sim.errors import RequestInvalid, UnknownTarget
from firmware_sim.faults import (
    BOARD_FAULTS,
    CHANNEL_FAULTS,
    Fault,
    FaultName,
    spoil_answer,
    spoil_line,
)
from firmware_sim.reader import Reader


@dataclass(slots=True)
class Port:
    """One serial adapter with the boards on its bus, or with a reader; `name` is the file name of its stable link."""

    name: str
    boards: Sequence[Board]
    reader: Reader | None = None
    answers: int = 0
    on_the_line: list[tuple[Board, Sent]] = field(default_factory=list)


@dataclass(slots=True)
class Locker:
    """Everything behind the serial ports of one installation."""

    ports: dict[str, Port]
    trace: list[Fact] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _cabinets: dict[str, Cabinet] = field(init=False)

    def __post_init__(self) -> None:
        self._cabinets = {board.cabinet.module: board.cabinet for port in self.ports.values() for board in port.boards}
        for cabinet in self._cabinets.values():
            cabinet.record = self.trace.append

    def receive(self, port_name: str, data: bytes, now_ms: int) -> list[Sent]:
        """What a port's bus answers to bytes from the host, faults included, ordered by time.

        The boards share one pair of wires: each also hears what the others say.
        """
        port = self._port(port_name)
        self._overhear(port, now_ms)
        line_faults = self._faults_of(port_name)
        sent: list[Sent] = []
        if any(fault.name is FaultName.ECHO for fault in line_faults):
            sent.append((now_ms, data))
        for board in port.boards:
            for answer in self._answers(board, data, now_ms):
                port.answers += 1
                port.on_the_line.append((board, answer))
                sent += spoil_line(answer, line_faults, port.answers)
                self._use_up(port_name)
        if port.reader is not None:
            sent += self._said(port, port.reader.receive(data, now_ms))
        return sorted(sent, key=lambda item: item[0])

    def show(self, port_name: str, code: bytes, now_ms: int) -> list[Sent]:
        """Somebody holds a code in front of a port's reader.

        Raises:
            UnknownTarget: no such port, or no reader on it.
        """
        port = self._port(port_name)
        if port.reader is None:
            raise UnknownTarget("no reader on this port", where=port_name)
        return self._said(port, port.reader.show(code, now_ms))

    def wake(self, port_name: str, now_ms: int) -> list[Sent]:
        """What a port's reader says because time has passed."""
        port = self._port(port_name)
        return [] if port.reader is None else self._said(port, port.reader.wake(now_ms))

    def wakes_at_ms(self, port_name: str) -> int | None:
        reader = self._port(port_name).reader
        return None if reader is None else reader.wakes_at_ms

    def _said(self, port: Port, said: Sequence[Sent]) -> list[Sent]:
        sent: list[Sent] = []
        for item in said:
            port.answers += 1
            sent += spoil_line(item, self._faults_of(port.name), port.answers)
        return sent

    def _answers(self, board: Board, data: bytes, now_ms: int) -> list[Sent]:
        module = board.cabinet.module
        if any(fault.name is FaultName.DEAD_BOARD for fault in self._faults_of(module)):
            return []
        sent: list[Sent] = []
        for answer in board.receive(data, now_ms):
            sent += spoil_answer(answer, self._faults_of(module))
            self._use_up(module)
        return sent

    def _overhear(self, port: Port, now_ms: int) -> None:
        """Let every board of the bus hear what another one has said by now; an answer to that is nobody's wish."""
        said = sorted((item for item in port.on_the_line if item[1][0] <= now_ms), key=lambda item: item[1][0])
        port.on_the_line = [item for item in port.on_the_line if item[1][0] > now_ms]
        for speaker, (at_ms, data) in said:
            for board in port.boards:
                if board is not speaker:
                    board.receive(data, at_ms)

    def set_fault(self, fault: Fault) -> None:
        """Add a fault, in place of one of the same name on the same target.

        Raises:
            UnknownTarget: no such module, channel or port.
            RequestInvalid: a fault of a channel without a channel.
        """
        self._check(fault)
        self.clear_fault(fault.name, fault.target, fault.channel)
        self._break(fault, broken=True)
        self.faults.append(fault)

    def clear_fault(self, name: FaultName | None = None, target: str | None = None, channel: int | None = None) -> int:
        """End every set fault that fits; returns how many."""
        ended = [
            fault
            for fault in self.faults
            if name in (None, fault.name) and target in (None, fault.target) and channel in (None, fault.channel)
        ]
        for fault in ended:
            self.faults.remove(fault)
            self._break(fault, broken=False)
        return len(ended)

    def _break(self, fault: Fault, *, broken: bool) -> None:
        """What a fault of a channel does to the mechanics; all others act on bytes."""
        if fault.name not in CHANNEL_FAULTS:
            return
        cabinet, channel = self.cabinet(fault.target), fault.channel or 0
        match fault.name:
            case FaultName.JAM:
                cabinet.set_jam(channel, jammed=broken)
            case FaultName.BOUNCE:
                cabinet.set_bounce(channel, bouncing=broken)
            case FaultName.INVERTED:
                cabinet.set_inverted(channel, inverted=broken)
            case _:
                closed = fault.name is FaultName.STUCK_CLOSED
                cabinet.set_stuck(channel, closed=closed if broken else None)

    def doors(self, at_ms: int) -> tuple[DoorView, ...]:
        return tuple(view for cabinet in self._cabinets.values() for view in cabinet.view(at_ms))

    def facts(self, at_ms: int, after: int = 0) -> tuple[Fact, ...]:
        """The trace from index `after` on, complete up to `at_ms`."""
        for port in self.ports.values():
            self._overhear(port, at_ms)
        for cabinet in self._cabinets.values():
            cabinet.settle(at_ms)
        return tuple(self.trace[after:])

    def note_plug(self, port_name: str, at_ms: int, *, plugged: bool) -> None:
        """Put into the trace that an adapter was pulled or put back."""
        self._port(port_name)
        kind = FactKind.PLUGGED if plugged else FactKind.UNPLUGGED
        self.trace.append(Fact(at_ms, kind, port_name, 0))

    def cabinet(self, module: str) -> Cabinet:
        try:
            return self._cabinets[module]
        except KeyError:
            raise UnknownTarget(f"no module {module!r}", remedy="Ask for the doors to see the names.") from None

    def _port(self, name: str) -> Port:
        try:
            return self.ports[name]
        except KeyError:
            raise UnknownTarget(f"no port {name!r}", remedy="Ask for the ports to see the names.") from None

    def _check(self, fault: Fault) -> None:
        if fault.name in CHANNEL_FAULTS:
            if fault.channel is None:
                raise RequestInvalid(f"{fault.name} needs a channel", where=fault.target)
            self.cabinet(fault.target).occupied(fault.channel)
        elif fault.name in BOARD_FAULTS:
            self.cabinet(fault.target)
        else:
            self._port(fault.target)

    def _faults_of(self, target: str) -> list[Fault]:
        return [fault for fault in self.faults if fault.target == target]

    def _use_up(self, target: str) -> None:
        kept: list[Fault] = []
        for fault in self.faults:
            if fault.target == target and fault.times is not None and fault.name not in CHANNEL_FAULTS:
                fault = replace(fault, times=fault.times - 1)
            if fault.times != 0:
                kept.append(fault)
        self.faults[:] = kept
