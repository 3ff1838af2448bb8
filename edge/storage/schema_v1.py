"""Version 1 of the event log's file. Frozen: files in the field are read with exactly this; a change is a new module.

One row of `commits` is one commit: its events deflated together, the tree peaks that it created, and the root and
signature of its checkpoint. A row is all that a lone event's commit writes.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from edge.wire.ids import source_of

VERSION = 1
APPLICATION_ID = 0x50574556  # "PWEV"
MAX_PACKED_BYTES = 16 * 1024 * 1024

DDL = (
    """CREATE TABLE log (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        fleet TEXT NOT NULL,
        device_id TEXT NOT NULL,
        public_key BLOB NOT NULL,
        stream TEXT NOT NULL,
        boot INTEGER NOT NULL,
        base_size INTEGER NOT NULL,
        base_peaks BLOB NOT NULL,
        receipt BLOB NOT NULL,
        receipted_size INTEGER NOT NULL,
        floor_at_ms INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE commits (
        first INTEGER PRIMARY KEY,
        count INTEGER NOT NULL CHECK (count > 0),
        newest_at_ms INTEGER NOT NULL,
        custody INTEGER NOT NULL,
        events BLOB NOT NULL,
        new_peaks BLOB NOT NULL,
        root BLOB NOT NULL,
        signature BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE snapshot (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        size INTEGER NOT NULL,
        state BLOB NOT NULL
    ) STRICT""",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)

_VOCABULARY = (
    b'"reason":"former_size":"former_stream":"alarm":"detail":"subject":"zone":"temperature_mc":"uptime_s":'
    b'"free_bytes":"module":"outcome":"opened""did_not_open""pulse":"acked""no_reply""actor":"command_id":'
    b'"kind":"courier""recipient""technician""jti":"jti_expires_at_ms":"attempt_id":"wrong_in_row":0,'
    b'"authority_id":"cause":"try_no":1,"pin_counter":0,"pin_generation":0,"pickup_id":"reservation_id":'
    b'"parcel_id":"compartment_no":1,"visit_id":"'
    b'"type":"agent_started"}"type":"pin_attempted"}"type":"pin_refused"}"type":"visit_started"}'
    b'"type":"visit_ended"}"type":"unlock_authorised"}"type":"unlock_finished"}"type":"parcel_deposited"}'
    b'"type":"parcel_collected"}"type":"temperature_sampled"}"type":"heartbeat"}"type":"door_closed"}'
    b'"type":"door_opened"}\n'
)


class Packing:
    """Deflates a commit's events (RFC 1950, with Adler-32) against a dictionary of this stream's constant parts."""

    def __init__(self, fleet: str, device_id: str, stream: str) -> None:
        source = source_of(fleet, device_id)
        self._dictionary = (
            _VOCABULARY
            + (
                f'{{"boot":1,"clock":"synced","data":{{"compartment_no":1}},"id":"{device_id}/{stream}/0","seq":0,'
                f'"source":"{source}","specversion":"1.0","stream":"{stream}","time":"2026-01-01T00:00:00.000Z","type":"'
            ).encode()
        )

    def pack(self, events: Sequence[bytes]) -> bytes:
        """Events joined by LF (which canonical JSON never contains), deflated."""
        packer = zlib.compressobj(6, zlib.DEFLATED, 12, 6, zlib.Z_DEFAULT_STRATEGY, self._dictionary)
        return packer.compress(b"\n".join(events)) + packer.flush()

    def unpack(self, packed: bytes) -> list[bytes]:
        """Inverse of `pack`: the same bytes.

        Raises:
            zlib.error: damaged.
        """
        unpacker = zlib.decompressobj(15, self._dictionary)
        data = unpacker.decompress(packed, MAX_PACKED_BYTES)
        if not unpacker.eof or unpacker.unused_data:
            raise zlib.error("not one whole stream")
        return data.split(b"\n")
