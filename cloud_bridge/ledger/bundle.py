"""An audit bundle: all that a stranger needs to check one stream without trusting this cloud. Pure.

JSON: `format` 1, `origin`, `device_key` and `receipt_keys` (SubjectPublicKeyInfo in PEM, with the note's key names),
`first`, `events` (base64 of their verbatim bytes, in order), `receipts` (the notes, ascending), `peaks` (hex, the
frontier below `first`; none when `first` is 0), and `gaps`.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cloud_bridge.ledger.model import Gap
from edge.wire.ids import origin_of, source_of
from edge.wire.merkle import Frontier


@dataclass(frozen=True, slots=True)
class BundleParts:
    """What goes into a bundle: a range of one stream that ends at a receipt."""

    fleet: str
    device_id: str
    stream: str
    log_public: bytes
    receipt_name: str
    receipt_publics: Sequence[bytes]
    below: Frontier
    events: Sequence[bytes]
    receipts: Sequence[bytes]
    gaps: Sequence[Gap]


def encode_bundle(parts: BundleParts) -> bytes:
    """The bundle's bytes: indented JSON with a final newline."""
    document = {
        "format": 1,
        "origin": origin_of(parts.fleet, parts.device_id, parts.stream),
        "device_key": {"name": source_of(parts.fleet, parts.device_id), "pem": _pem(parts.log_public)},
        "receipt_keys": [{"name": parts.receipt_name, "pem": _pem(public)} for public in parts.receipt_publics],
        "first": parts.below.size,
        "peaks": [peak.hex() for peak in parts.below.peaks],
        "events": [b64encode(raw).decode() for raw in parts.events],
        "receipts": [note.decode() for note in parts.receipts],
        "gaps": [{"first": gap.first, "end": gap.end, "cause": gap.cause} for gap in parts.gaps],
    }
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def _pem(public: bytes) -> str:
    key = Ed25519PublicKey.from_public_bytes(public)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
