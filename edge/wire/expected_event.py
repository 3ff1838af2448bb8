"""Reading an event where one is expected: of this source and stream, with this seq, of a known type.

Nearly every event that ingest meets is an ordinary one in its place. Its bytes are then known but for boot, clock,
time, type and payload, and each type's payload is one pattern. What does not match is no error: `parse_event` and
`check_payload` judge it.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, NamedTuple

from edge.wire.errors import Malformed
from edge.wire.event import parse_time
from edge.wire.event_types import EVENT_TYPES, EventType

_START = re.compile(rb'\{"boot":(0|[1-9][0-9]{0,14}),"clock":"(synced|floor)","data":\Z')
_TIME_BYTES = len("2026-11-25T08:00:00.000Z")
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
        before_type = raw.rfind(_BEFORE_TYPE)
        row = _PAYLOADS.get(raw[before_type + len(_BEFORE_TYPE) :])
        middle = b'%b%d","seq":%d%b' % (self._id, seq, seq, self._rest)
        data_start, data_end = raw.find(b"{", 1), before_type - _TIME_BYTES - len(middle)
        if row is None or data_start < 0 or data_end < 0 or not raw.startswith(middle, data_end):
            return None
        start, at_ms = _start(raw[:data_start]), _at_ms(raw[before_type - _TIME_BYTES : before_type])
        payload = row.pattern.fullmatch(raw, data_start, data_end)
        if start is None or at_ms is None or payload is None:
            return None
        parcel, compartment = row.parcel and payload[row.parcel], row.compartment and payload[row.compartment]
        return KnownEvent(
            row.type, at_ms, parcel[1:-1].decode() if parcel else None, int(compartment) if compartment else None,
            *start, payload[0],
        )  # fmt: skip


class _Payload(NamedTuple):
    """A type with the pattern of its payload, and the groups that hold what is indexed (0: none)."""

    type: str
    pattern: re.Pattern[bytes]
    parcel: int
    compartment: int


def _payload(row: EventType) -> _Payload:
    """Members in their canonical order, each followed by a comma and a next member, or by the end."""
    members = ""
    for name, member in sorted(row.members.items()):
        pair = f'"{name}":(?P<{name}>{member.pattern})(?:,(?=")|(?=\\}}))'
        members += f"(?:{pair})?" if member.optional else pair
    pattern = re.compile((r"\{" + members + r"\}").encode())
    groups = pattern.groupindex
    return _Payload(row.name, pattern, groups.get("parcel_id", 0), groups.get("compartment_no", 0))


@lru_cache(maxsize=256)
def _start(text: bytes) -> tuple[int, str] | None:
    match = _START.match(text)
    return None if match is None else (int(match[1]), match[2].decode())


def _at_ms(text: bytes) -> int | None:
    second_ms = _second_ms(text[:20])
    if second_ms is None or text[23:] != b"Z" or not text[20:23].isdigit():
        return None
    return second_ms + int(text[20:23])


@lru_cache(maxsize=1024)
def _second_ms(text: bytes) -> int | None:
    try:
        return parse_time(text.decode() + "000Z")
    except (UnicodeDecodeError, Malformed):
        return None


_PAYLOADS = {row.name.encode() + b'"}': _payload(row) for row in EVENT_TYPES.values()}
