"""The named faults, and what each does to the bytes on a line. Pure: delays are data, noise comes from a counter.

| fault          | target  | effect                                                                  |
|----------------|---------|-------------------------------------------------------------------------|
| no_reply       | board   | the board obeys, its answer is lost                                     |
| late_reply     | board   | the answer comes `delay_ms` later                                       |
| dead_board     | board   | no power: neither obeys nor answers                                     |
| swapped_bytes  | board   | two neighbouring bytes change places; neither checksum sees it          |
| echo           | port    | the adapter returns every byte that is sent                             |
| split          | port    | answers arrive one byte every 16 ms                                     |
| noise          | port    | stray bytes before and after each answer                                |
| jam            | channel | the latch does not move                                                 |
| bounce         | channel | the door contact chatters after each movement                           |
| inverted       | channel | the door contact is of the other kind: open reads closed                |
| stuck_closed   | channel | the door contact says closed for ever                                   |
| stuck_open     | channel | the door contact says open for ever                                     |
| unplug_replug  | port    | the adapter goes, and comes back after `delay_ms` under another name    |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from firmware_sim.board import Sent

SPLIT_GAP_MS = 16
LATE_MS = 2_500


class FaultName(StrEnum):
    NO_REPLY = "no_reply"
    LATE_REPLY = "late_reply"
    DEAD_BOARD = "dead_board"
    SWAPPED_BYTES = "swapped_bytes"
    ECHO = "echo"
    SPLIT = "split"
    NOISE = "noise"
    JAM = "jam"
    BOUNCE = "bounce"
    INVERTED = "inverted"
    STUCK_CLOSED = "stuck_closed"
    STUCK_OPEN = "stuck_open"
    UNPLUG_REPLUG = "unplug_replug"


BOARD_FAULTS = frozenset({FaultName.NO_REPLY, FaultName.LATE_REPLY, FaultName.DEAD_BOARD, FaultName.SWAPPED_BYTES})
PORT_FAULTS = frozenset({FaultName.ECHO, FaultName.SPLIT, FaultName.NOISE, FaultName.UNPLUG_REPLUG})
CHANNEL_FAULTS = frozenset(
    {FaultName.JAM, FaultName.BOUNCE, FaultName.INVERTED, FaultName.STUCK_CLOSED, FaultName.STUCK_OPEN}
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that is set. `target` is a module, or a port for the faults of a port.

    Args:
        channel: for the faults of a channel.
        times: how many answers it spoils before it ends by itself; None means until it is cleared.
        delay_ms: for late_reply and unplug_replug.
    """

    name: FaultName
    target: str
    channel: int | None = None
    times: int | None = None
    delay_ms: int = LATE_MS


def swap_bytes(data: bytes) -> bytes:
    """Exchange the first two neighbours that differ, behind the start byte and before the checksum."""
    for at in range(1, len(data) - 2):
        if data[at] != data[at + 1]:
            return data[:at] + bytes((data[at + 1], data[at])) + data[at + 2 :]
    return data


def split(sent: Sent) -> list[Sent]:
    """One byte at a time, 16 ms apart."""
    at_ms, data = sent
    return [(at_ms + index * SPLIT_GAP_MS, data[index : index + 1]) for index in range(len(data))]


def noise(count: int) -> bytes:
    """Stray bytes, the same for the same count; start bytes of every family are among them."""
    state = count * 2_654_435_761 & 0xFFFFFFFF
    out = bytearray()
    for _ in range(3 + count % 5):
        state = (state * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        out.append(state >> 16 & 0xFF)
    return bytes(out)


def spoil_answer(sent: Sent, faults: Sequence[Fault]) -> list[Sent]:
    """What the board faults leave of one answer."""
    at_ms, data = sent
    for fault in faults:
        if fault.name in (FaultName.NO_REPLY, FaultName.DEAD_BOARD):
            return []
        if fault.name is FaultName.LATE_REPLY:
            at_ms += fault.delay_ms
        if fault.name is FaultName.SWAPPED_BYTES:
            data = swap_bytes(data)
    return [(at_ms, data)]


def spoil_line(sent: Sent, faults: Sequence[Fault], count: int) -> list[Sent]:
    """What the port faults make of one answer; `count` numbers the answers of the port."""
    names = {fault.name for fault in faults}
    if FaultName.NOISE in names:
        sent = (sent[0], noise(count) + sent[1] + noise(count + 1))
    return split(sent) if FaultName.SPLIT in names else [sent]
