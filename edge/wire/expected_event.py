"""Reading an event where one is expected: of this source and stream, with this seq, of a known type.

Nearly every event that ingest meets is an ordinary one in its place. Its bytes are then known but for boot, clock,
time, type and payload, and each type's payload is one pattern. What does not match is no error: `parse_event` and
`check_payload` judge it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from edge.wire.errors import Malformed
from edge.wire.event import parse_time
from edge.wire.event_types import EVENT_TYPES, EventType, Member

_START = re.compile(rb'\{"boot":(0|[1-9][0-9]{0,14}),"clock":"(synced|floor)","data":(?=\{)')
_TIME_BYTES = len("2026-11-25T08:00:00.000Z")
_MILLIS_BYTES = len("000Z")
_BEFORE_TYPE = b'","type":"'


class KnownEvent(NamedTuple):
    """An event of a known type with a fitting payload, as far as a ledger row needs it."""

    type: str
    at_ms: int
    parcel_id: str | None
    compartment_no: int | None
    boot: int
    clock: str
    data_json: bytes

    def data(self) -> dict[str, Any]:
        """The payload."""
        value: dict[str, Any] = json.loads(self.data_json)
        return value


class ExpectedEvents:
    """Reads the events of one stream."""

    def __init__(self, fleet: str, device_id: str, stream: str) -> None:
        self._id = f',"id":"{device_id}/{stream}/'.encode()
        self._rest = f',"source":"{fleet}/{device_id}","specversion":"1.0","stream":"{stream}","time":"'.encode()

    def read(self, raw: bytes, seq: int) -> KnownEvent | None:
        """The event when `raw` is surely canonical, in its place and of a known type; None says nothing about it."""
        return self.read_all((raw,), seq)[0]

    def read_all(self, raws: Sequence[bytes], first: int) -> list[KnownEvent | None]:
        """`read` of each, in one loop that calls nothing of ours: ingest spends the most of its time here."""
        found: list[KnownEvent | None] = []
        ident, rest, type_bytes, make = self._id, self._rest, len(_BEFORE_TYPE), tuple.__new__
        start, boot, clock = b"\0", 0, ""
        for seq, raw in enumerate(raws, first):
            time_end = raw.rfind(_BEFORE_TYPE)
            row = _PAYLOADS.get(raw[time_end + type_bytes :])
            middle = b'%b%d","seq":%d%b' % (ident, seq, seq, rest)
            data_end = time_end - _TIME_BYTES - len(middle)
            if not raw.startswith(start):
                start, boot, clock = _start(raw)
            second_ms = _second_ms(raw[data_end + len(middle) : time_end - _MILLIS_BYTES])
            millis = _MILLIS.get(raw[time_end - _MILLIS_BYTES : time_end])
            event = None
            if row and clock and second_ms is not None and millis is not None and raw.startswith(middle, data_end):
                data = row.pattern.fullmatch(raw, len(start), data_end)
                if data:
                    parcel, compartment = data[row.parcel], data[row.compartment]
                    event = make(KnownEvent, (
                        row.type, second_ms + millis, parcel.decode() if row.parcel and parcel else None,
                        int(compartment) if row.compartment and compartment else None, boot, clock, data[0],
                    ))  # fmt: skip
            found.append(event)
        return found


class _Payload(NamedTuple):
    """A type with the pattern of its payload, and the groups that hold what is indexed (0, the whole: none)."""

    type: str
    pattern: re.Pattern[bytes]
    parcel: int
    compartment: int


def _payload(row: EventType) -> _Payload:
    """Members in their canonical order; commas are counted from the first that must be there, if there is one."""
    members, anchor = "", min((name for name, member in row.members.items() if not member.optional), default="")
    for name, member in sorted(row.members.items()):
        pair = f'"{name}":{_indexed(name, member) if name in _INDEXED else member.pattern}'
        if not anchor:
            pair += r'(?:,(?=")|(?=\}))'
        elif name != anchor:
            pair = f"{pair}," if name < anchor else f",{pair}"
        members += f"(?:{pair})?" if member.optional else pair
    pattern = re.compile((r"\{" + members + r"\}").encode())
    groups = pattern.groupindex
    return _Payload(row.name, pattern, groups.get("parcel_id", 0), groups.get("compartment_no", 0))


def _indexed(name: str, member: Member) -> str:
    """The member's pattern as a group of its name, inside the quotes of a text."""
    quote = '"' if member.pattern.startswith('"') else ""
    return f"{quote}(?P<{name}>{member.pattern.strip(quote)}){quote}" if quote else f"(?P<{name}>{member.pattern})"


def _start(raw: bytes) -> tuple[bytes, int, str]:
    """How an event begins, with the boot and clock in it; a beginning that no event has when it is none."""
    match = _START.match(raw)
    return (b"\0", 0, "") if match is None else (match[0], int(match[1]), match[2].decode())


@lru_cache(maxsize=1024)
def _second_ms(text: bytes) -> int | None:
    try:
        return parse_time(text.decode() + "000Z")
    except (UnicodeDecodeError, Malformed):
        return None


_INDEXED = frozenset(["parcel_id", "compartment_no"])
_MILLIS = {b"%03dZ" % number: number for number in range(1000)}
_PAYLOADS = {row.name.encode() + b'"}': _payload(row) for row in EVENT_TYPES.values()}
