"""The envelope around every message: CBOR `[1, kind, body, key_id, signature]`.

The signature covers `"parcelworks/" kind "/v1" 0x00 body`: the kind is the context string. Batches and receipts
are not signed here, because the checkpoint inside them is; their `key_id` and `signature` are empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edge.wire import cbor
from edge.wire.errors import BadSignature, Malformed, TooLarge
from edge.wire.keys import KEY_ID_BYTES, SIGNATURE_BYTES, Signer, key_id, verify

VERSION = 1
MAX_ENVELOPE_BYTES = 128 * 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Kind(StrEnum):
    """Every message of the contract."""

    HELLO = "hello"
    BATCH = "batch"
    HINT = "hint"
    WELCOME = "welcome"
    RECEIPT = "receipt"
    REWIND = "rewind"
    REFUSAL = "refusal"
    COMMAND = "command"
    DESIRED = "desired"
    SECRET = "secret"
    BUNDLE = "bundle"


SELF_SIGNED = frozenset({Kind.BATCH, Kind.RECEIPT})


@dataclass(frozen=True, slots=True)
class Envelope:
    """A parsed envelope, not yet verified. `body` is CBOR, except a receipt's, which is the note itself."""

    kind: Kind
    body: bytes
    key_id: bytes
    signature: bytes

    def verify(self, public: bytes) -> None:
        """Check the signature.

        Raises:
            BadSignature: it does not hold, or the envelope names another key.
        """
        if self.key_id != key_id(public):
            raise BadSignature(f"signed by key {self.key_id.hex()}, not {key_id(public).hex()}", where=self.kind)
        verify(public, self.signature, signed_bytes(self.kind, self.body), where=self.kind)


def signed_bytes(kind: Kind, body: bytes) -> bytes:
    """What a signature covers."""
    return b"parcelworks/" + kind.value.encode() + b"/v1\x00" + body


def seal(kind: Kind, body: bytes, signer: Signer) -> bytes:
    """Sign a body and wrap it."""
    return _wrap(kind, body, key_id(signer.public), signer.sign(signed_bytes(kind, body)))


def wrap(kind: Kind, body: bytes) -> bytes:
    """Wrap a body that carries its own signature."""
    return _wrap(kind, body, b"", b"")


def _wrap(kind: Kind, body: bytes, signer: bytes, signature: bytes) -> bytes:
    data = cbor.encode([VERSION, kind.value, body, signer, signature])
    if len(data) > MAX_ENVELOPE_BYTES:
        raise TooLarge(f"{len(data)} bytes, at most {MAX_ENVELOPE_BYTES}", where=kind)
    return data


def open_envelope(data: bytes) -> Envelope:
    """Parse an envelope.

    Raises:
        TooLarge: more than 128 KiB.
        Malformed: not the five members, an unknown version or kind, or a missing or superfluous signature.
    """
    if len(data) > MAX_ENVELOPE_BYTES:
        raise TooLarge(f"{len(data)} bytes, at most {MAX_ENVELOPE_BYTES}", where="envelope")
    parts = load_cbor(data, where="envelope")
    if type(parts) is not list or len(parts) != 5 or parts[0] != VERSION or type(parts[0]) is not int:
        raise Malformed("not a version 1 envelope", where="envelope")
    _, kind_text, body, signer, signature = parts
    try:
        kind = Kind(kind_text)
    except ValueError as error:
        raise Malformed(f"unknown kind {kind_text!r:.40}", where="envelope") from error
    if not (type(body) is bytes and type(signer) is bytes and type(signature) is bytes):
        raise Malformed("body, key id and signature are byte strings", where=kind)
    wanted = (0, 0) if kind in SELF_SIGNED else (KEY_ID_BYTES, SIGNATURE_BYTES)
    if (len(signer), len(signature)) != wanted:
        raise Malformed("the signature is missing, superfluous or of the wrong length", where=kind)
    return Envelope(kind, body, signer, signature)


def dump_map(fields: Mapping[str, Any]) -> bytes:
    """A body: CBOR map in the core deterministic encoding (RFC 8949 section 4.2.1)."""
    return cbor.encode(dict(fields))


def load_cbor(data: bytes, *, where: str) -> Any:
    """Decode exactly one CBOR item without tags.

    Raises:
        Malformed: not in the deterministic encoding, bytes left over, a tag, or nested deeper than 8.
    """
    return cbor.decode(data, where=where)


class Fields:
    """Reads a body's members with their types; every miss is a `Malformed` that names the member."""

    def __init__(self, body: bytes, kind: Kind) -> None:
        value = load_cbor(body, where=kind)
        if type(value) is not dict or not all(type(key) is str for key in value):
            raise Malformed("the body is not a map with text keys", where=kind)
        self._map: dict[str, Any] = value
        self._kind = kind

    def whole(self, name: str) -> int:
        """An unsigned integer below 2^53."""
        value = self._map.get(name)
        if type(value) is not int or not 0 <= value < 2**53:
            raise self._wrong(name, "a whole number below 2^53")
        return value

    def text(self, name: str, limit: int = 256) -> str:
        """A text without control characters, at most `limit` characters."""
        value = self._map.get(name)
        if type(value) is not str or len(value) > limit or _CONTROL.search(value):
            raise self._wrong(name, f"a text of at most {limit} printable characters")
        return value

    def octets(self, name: str, sizes: tuple[int, ...] | None = None, limit: int = MAX_ENVELOPE_BYTES) -> bytes:
        """A byte string, of one of `sizes` or at most `limit` bytes."""
        value = self._map.get(name)
        if type(value) is not bytes or len(value) > limit or (sizes is not None and len(value) not in sizes):
            raise self._wrong(name, "a byte string of the right length")
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        """A map with text keys."""
        value = self._map.get(name)
        if type(value) is not dict or not all(type(key) is str for key in value):
            raise self._wrong(name, "a map with text keys")
        return value

    def items(self, name: str, check: Callable[[Any], bool], limit: int) -> list[Any]:
        """A list of at most `limit` items that all pass `check`."""
        value = self._map.get(name)
        if type(value) is not list or len(value) > limit or not all(check(item) for item in value):
            raise self._wrong(name, f"a list of at most {limit} items of the right kind")
        return value

    def has(self, name: str) -> bool:
        return self._map.get(name) is not None

    def _wrong(self, name: str, wanted: str) -> Malformed:
        state = "is missing" if name not in self._map else f"is not {wanted}"
        return Malformed(f"{name} {state}", where=self._kind)
