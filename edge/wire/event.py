"""The event: a CloudEvents 1.0 JSON object made once and carried as the same bytes for ever.

Members, in their canonical order: `boot, clock, data, id, seq, source, specversion, stream, time, type`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

from edge.wire import canonical
from edge.wire.errors import Malformed, TooLarge
from edge.wire.ids import MAX_SAFE_INTEGER, check_device_id, check_fleet, check_hex_id, event_id, source_of

MAX_EVENT_BYTES = 16 * 1024
LATE_AFTER_MS = 15 * 60 * 1000
Clock = Literal["synced", "floor"]
_TYPE = re.compile(r"[a-z][a-z0-9_]{2,63}\Z")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z\Z")
_MEMBERS = frozenset(
    ["boot", "clock", "data", "id", "seq", "source", "specversion", "stream", "time", "type"]
)  # fmt: skip

# An event whose data is a flat object of plain scalars, which nearly all are. Whatever matches is canonical but for
# the order of data's keys: numbers below 10^15, strings without escapes, the envelope's members in their one order.
_SCALAR = r'(?:"[^"\\\x00-\x1f]*"|0|-?[1-9][0-9]{0,14}|true|false|null)'
_PAIR = r'"[a-z0-9_]{1,64}":' + _SCALAR
_PLAIN = re.compile(
    r'\{"boot":(0|[1-9][0-9]{0,14}),"clock":"(synced|floor)","data":(\{(?:' + _PAIR + r"(?:," + _PAIR + r")*)?\})"
    r',"id":"([a-z0-9/-]{1,120})","seq":(0|[1-9][0-9]{0,14})'
    r',"source":"([a-z0-9][a-z0-9.-]{0,39})/([a-z0-9-]{3,40})","specversion":"1\.0","stream":"([0-9a-f]{32})"'
    r',"time":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z)","type":"([a-z][a-z0-9_]{2,63})"\}'
)
_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event before the log numbers it. `at_ms`: Unix milliseconds UTC by the device's authority clock."""

    type: str
    data: Mapping[str, Any]
    at_ms: int
    clock: Clock = "synced"


@dataclass(frozen=True, slots=True)
class Event:
    """A parsed event. `raw` holds the bytes it came in: hash these, never a re-encoding."""

    device_id: str
    fleet: str
    stream: str
    seq: int
    boot: int
    type: str
    at_ms: int
    clock: str
    data: Mapping[str, Any]
    raw: bytes


@dataclass(frozen=True, slots=True)
class LogIdentity:
    """Whose log this is: the parts of an event that stay the same throughout a stream and boot."""

    fleet: str
    device_id: str
    stream: str
    boot: int

    def __post_init__(self) -> None:
        check_fleet(self.fleet)
        check_device_id(self.device_id)
        check_hex_id(self.stream, where="stream")


def encode_event(draft: EventDraft, identity: LogIdentity, seq: int) -> bytes:
    """The event's bytes, canonical in the profile.

    Raises:
        Malformed: a type or data outside the profile.
        TooLarge: more than 16 KiB; nothing was numbered.
    """
    if not _TYPE.match(draft.type):
        raise Malformed(f"not an event type: {draft.type!r:.60}", where="type", remedy="Use a-z, 0-9, '_'.")
    if not (
        draft.clock in ("synced", "floor")
        and 0 <= identity.boot <= MAX_SAFE_INTEGER
        and isinstance(draft.data, Mapping)
    ):
        raise Malformed("clock, boot or data is not as in v1", where=draft.type)
    device_id, stream = identity.device_id, identity.stream
    raw = (
        f'{{"boot":{identity.boot},"clock":"{draft.clock}","data":{canonical.encode_member(draft.data).decode()}'
        f',"id":"{event_id(device_id, stream, seq)}","seq":{seq},"source":"{source_of(identity.fleet, device_id)}"'
        f',"specversion":"1.0","stream":"{stream}","time":"{format_time(draft.at_ms)}","type":"{draft.type}"}}'
    ).encode()
    if len(raw) > MAX_EVENT_BYTES:
        raise TooLarge(f"an event of {len(raw)} bytes, at most {MAX_EVENT_BYTES}", where=draft.type)
    return raw


def parse_event(raw: bytes) -> Event:
    """Parse and check one event's bytes against the profile; members unknown to v1 are kept in `raw` only.

    Raises:
        TooLarge: more than 16 KiB.
        Malformed: not canonical, a member missing, of the wrong kind, or `id`/`source` contradicting the others.
    """
    if len(raw) > MAX_EVENT_BYTES:
        raise TooLarge(f"an event of {len(raw)} bytes, at most {MAX_EVENT_BYTES}", where="event")
    return _parse_plain(raw) or _parse_any(raw)


def _parse_plain(raw: bytes) -> Event | None:
    """The event when it is plain and in order, a fifth of the work; None leaves all judgement to `_parse_any`."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    match = _PLAIN.fullmatch(text)
    if match is None:
        return None
    boot, clock, _, id_text, seq, fleet, device_id, stream, time, type_ = match.groups()
    start, end = match.span(3)
    data, _ = _scan(text, start)
    keys = list(data)
    # A plain string holds no quotation mark, so `":` stands once after each key: fewer keys than that are duplicates.
    if len(keys) != text.count('":', start, end) or keys != sorted(keys) or id_text != f"{device_id}/{stream}/{seq}":
        return None
    return Event(device_id, fleet, stream, int(seq), int(boot), type_, parse_time(time), clock, data, raw)


def _parse_any(raw: bytes) -> Event:
    body = canonical.parse(raw, where="event")
    missing = _MEMBERS - body.keys()
    if missing:
        raise Malformed(f"without {', '.join(sorted(missing))}", where="event")
    fleet, _, device_id = str(body["source"]).partition("/")
    event = Event(
        device_id=check_device_id(device_id, where="source"),
        fleet=check_fleet(fleet, where="source"),
        stream=check_hex_id(body["stream"], where="stream"),
        seq=_whole(body["seq"], "seq"),
        boot=_whole(body["boot"], "boot"),
        type=_text(body["type"], _TYPE, "type"),
        at_ms=parse_time(_text(body["time"], _TIME, "time")),
        clock=body["clock"],
        data=body["data"],
        raw=raw,
    )
    if body["specversion"] != "1.0" or event.clock not in ("synced", "floor") or type(event.data) is not dict:
        raise Malformed("specversion, clock or data is not as in v1", where="event")
    if body["id"] != event_id(device_id, event.stream, event.seq):
        raise Malformed(f"the id {body['id']!r:.80} contradicts source, stream and seq", where="event")
    return event


def format_time(at_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds: `2026-11-25T08:00:00.000Z`."""
    seconds, millis = divmod(at_ms, 1000)
    try:
        return f"{_second_text(seconds)}.{millis:03d}Z"
    except (OverflowError, ValueError, OSError) as error:
        raise Malformed(f"no such time: {at_ms} ms", where="time") from error


@lru_cache(maxsize=256)
def _second_text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


def parse_time(text: str) -> int:
    """Inverse of `format_time`: Unix milliseconds.

    Raises:
        Malformed: not that format, or no such day.
    """
    if not _TIME.match(text):
        raise Malformed(f"not a time: {text!r:.40}", where="time", remedy="Use RFC 3339, UTC, milliseconds.")
    try:
        return _second(text[:19]) * 1000 + int(text[20:23])
    except ValueError as error:
        raise Malformed(f"no such time: {text}", where="time") from error


@lru_cache(maxsize=1024)
def _second(text: str) -> int:
    return int(datetime.fromisoformat(text + "+00:00").timestamp())


def is_late(at_ms: int, record_at_ms: int) -> bool:
    """Whether a fact became known so long after it happened that it raises no fresh alarm (over 15 min)."""
    return record_at_ms - at_ms > LATE_AFTER_MS


def _whole(value: object, where: str) -> int:
    if type(value) is not int or not 0 <= value <= MAX_SAFE_INTEGER:
        raise Malformed("not a whole number from 0 to 2^53 − 1", where=where)
    return value


def _text(value: object, pattern: re.Pattern[str], where: str) -> str:
    if type(value) is not str or not pattern.match(value):
        raise Malformed(f"not as in v1: {value!r:.60}", where=where)
    return value
