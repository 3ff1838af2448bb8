"""Names of things on the wire: devices, fleets, streams, events, and the shard of a device."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from edge.wire.errors import Malformed

_DEVICE_ID = re.compile(r"[a-z0-9-]{3,40}\Z")
_FLEET = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}\Z")
_HEX_16_BYTES = re.compile(r"[0-9a-f]{32}\Z")
MAX_SAFE_INTEGER = 2**53 - 1


def check_device_id(text: str, *, where: str = "device_id") -> str:
    """Return `text` when it is a device id: 3 to 40 of `a-z 0-9 -`.

    Raises:
        Malformed: anything else, control characters and a trailing newline included.
    """
    if not isinstance(text, str) or not _DEVICE_ID.match(text):
        raise Malformed(f"not a device id: {text!r:.60}", where=where, remedy="Use 3 to 40 of a-z, 0-9 and '-'.")
    return text


def check_fleet(text: str, *, where: str = "fleet") -> str:
    """Return `text` when it is a fleet name: 1 to 40 of `a-z 0-9 . -`, beginning with a letter or digit."""
    if not isinstance(text, str) or not _FLEET.match(text):
        raise Malformed(f"not a fleet name: {text!r:.60}", where=where, remedy="Use 1 to 40 of a-z, 0-9, '.' and '-'.")
    return text


def check_hex_id(text: str, *, where: str) -> str:
    """Return `text` when it is a random id: 16 bytes as 32 lower-case hex digits (stream, pickup, visit ids)."""
    if not isinstance(text, str) or not _HEX_16_BYTES.match(text):
        raise Malformed(f"not a 16-byte id: {text!r:.60}", where=where, remedy="Use 32 lower-case hex digits.")
    return text


def event_id(device_id: str, stream: str, seq: int) -> str:
    """The CloudEvents `id`: `<device_id>/<stream>/<seq>`, unique for ever."""
    return f"{device_id}/{stream}/{seq}"


def source_of(fleet: str, device_id: str) -> str:
    """The CloudEvents `source`, a URI reference: `<fleet>/<device_id>`. Also the name of the device's log key."""
    return f"{fleet}/{device_id}"


def origin_of(fleet: str, device_id: str, stream: str) -> str:
    """The origin line of a stream's checkpoints (C2SP tlog-checkpoint): `<fleet>/<device_id>/<stream>`."""
    return f"{fleet}/{device_id}/{stream}"


@lru_cache(maxsize=65536)
def shard_of(device_id: str) -> str:
    """First byte of SHA-256(device_id) as two hex digits: spreads devices over 256 topic subtrees."""
    return hashlib.sha256(device_id.encode()).hexdigest()[:2]
