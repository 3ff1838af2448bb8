"""Signed checkpoints (C2SP tlog-checkpoint in a C2SP signed-note) and receipts (C2SP tlog-cosignature, v1).

A checkpoint's text is three lines, `origin`, `size`, `base64(root)`, then a blank line and signature lines
`— <name> <base64(key hash ‖ signature)>`. The origin line is its context: no other signed bytes of ours begin
with it. A receipt is the same note with the cloud's timestamped cosignature below the device's signature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

from edge.wire.errors import BadSignature, Malformed, TooLarge, WrongOrigin
from edge.wire.ids import MAX_SAFE_INTEGER
from edge.wire.keys import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, Signer, verify
from edge.wire.merkle import HASH_BYTES

MAX_NOTE_BYTES = 2048
_ED25519 = b"\x01"
_COSIGNATURE_V1 = b"\x04"
_NAME = re.compile(r"[\x21-\x2a\x2c-\x7e]{1,128}\Z")  # printable ASCII without space and '+'
_SIZE = re.compile(r"(0|[1-9][0-9]{0,15})\Z")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: `root` over the first `size` leaves of the log called `origin`."""

    origin: str
    size: int
    root: bytes

    def text(self) -> bytes:
        """The note's text, the bytes that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n".encode()


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line; `key_hash` has 4 bytes, `blob` is what follows it."""

    name: str
    key_hash: bytes
    blob: bytes


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint with its signature lines, not yet verified."""

    checkpoint: Checkpoint
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """A verified countersignature: the cloud had everything up to `checkpoint` at `at_s` (Unix seconds, cloud time)."""

    checkpoint: Checkpoint
    at_s: int


@lru_cache(maxsize=4096)
def note_key_hash(name: str, public: bytes, algorithm: bytes = _ED25519) -> bytes:
    """First 4 bytes of SHA-256(name ‖ LF ‖ algorithm ‖ key), C2SP signed-note."""
    return hashlib.sha256(name.encode() + b"\n" + algorithm + public).digest()[:4]


def sign_checkpoint(checkpoint: Checkpoint, name: str, signer: Signer) -> bytes:
    """The signed note of `checkpoint` under key name `name` (a device's `source`)."""
    text = checkpoint.text()
    blob = note_key_hash(name, signer.public) + signer.sign(text)
    return text + b"\n" + _signature_line(name, blob)


def note_from_signature(checkpoint: Checkpoint, name: str, public: bytes, signature: bytes) -> bytes:
    """Rebuild the signed note from its parts, so that a log need only keep root and signature."""
    return checkpoint.text() + b"\n" + _signature_line(name, note_key_hash(name, public) + signature)


def parse_note(note: bytes) -> SignedCheckpoint:
    """Parse a signed checkpoint; nothing is verified yet.

    Raises:
        Malformed: not the exact format (one spelling only: no leading zeros, canonical base64, no extension lines).
        TooLarge: more than 2,048 bytes.
    """
    if len(note) > MAX_NOTE_BYTES:
        raise TooLarge(f"{len(note)} bytes, at most {MAX_NOTE_BYTES}", where="checkpoint")
    try:
        text, signatures = note.decode().split("\n\n")
        origin, size, root, *rest = text.split("\n")
    except (UnicodeDecodeError, ValueError) as error:
        raise Malformed("not a signed note", where="checkpoint") from error
    if rest or not _SIZE.match(size) or int(size) > MAX_SAFE_INTEGER or not _NAME.match(origin):
        raise Malformed("not origin, size and root, a line each", where="checkpoint")
    checkpoint = Checkpoint(origin, int(size), _decode(root, HASH_BYTES))
    if not signatures.endswith("\n"):
        raise Malformed("the last signature line has no end", where="checkpoint")
    lines = signatures[:-1].split("\n")
    return SignedCheckpoint(checkpoint, tuple(_parse_signature(line) for line in lines))


def verify_checkpoint(note: bytes, *, origin: str, name: str, public: bytes) -> Checkpoint:
    """Check that `note` is a checkpoint of `origin` signed by key `name`.

    Raises:
        BadSignature: no line of that key, or it does not hold.
        WrongOrigin: signed by that key, but of another log.
    """
    signed = parse_note(note)
    wanted = note_key_hash(name, public)
    line = _find(signed, name, wanted)
    verify(public, line.blob, signed.checkpoint.text(), where="checkpoint")
    if signed.checkpoint.origin != origin:
        raise WrongOrigin(f"a checkpoint of {signed.checkpoint.origin}, not of {origin}", where="checkpoint")
    return signed.checkpoint


def cosign(note: bytes, at_s: int, name: str, signer: Signer) -> bytes:
    """Add the timestamped cosignature that makes a verified checkpoint a receipt (C2SP tlog-cosignature, v1)."""
    text, _, _ = note.partition(b"\n\n")
    signature = signer.sign(_cosigned(text + b"\n", at_s))
    blob = note_key_hash(name, signer.public, _COSIGNATURE_V1) + at_s.to_bytes(8, "big") + signature
    return note + _signature_line(name, blob)


def verify_receipt(note: bytes, *, name: str, public: bytes) -> Receipt:
    """Check the cloud's cosignature on a receipt.

    Raises:
        BadSignature: no cosignature of that key, or it does not hold.
    """
    signed = parse_note(note)
    line = _find(signed, name, note_key_hash(name, public, _COSIGNATURE_V1))
    if len(line.blob) != 8 + SIGNATURE_BYTES:
        raise Malformed("a cosignature is a time and 64 bytes", where="receipt")
    at_s = int.from_bytes(line.blob[:8], "big")
    verify(public, line.blob[8:], _cosigned(signed.checkpoint.text(), at_s), where="receipt")
    return Receipt(signed.checkpoint, at_s)


def device_note(receipt: bytes) -> bytes:
    """The receipt without its last line: the device's own signed checkpoint."""
    return receipt[: receipt.rstrip(b"\n").rfind(b"\n") + 1]


def verifier_key(name: str, public: bytes) -> str:
    """The C2SP vkey `<name>+<key hash, hex>+<base64(0x01 ‖ key)>`, for auditors."""
    if len(public) != PUBLIC_KEY_BYTES or not _NAME.match(name):
        raise Malformed("not a key name and an Ed25519 key", where="verifier key")
    return f"{name}+{note_key_hash(name, public).hex()}+{base64.b64encode(_ED25519 + public).decode()}"


def _cosigned(text: bytes, at_s: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % at_s + text


def _signature_line(name: str, blob: bytes) -> bytes:
    return f"— {name} {base64.b64encode(blob).decode()}\n".encode()


def _parse_signature(line: str) -> NoteSignature:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    if dash != "—" or not _NAME.match(name):
        raise Malformed("not a signature line", where="checkpoint")
    blob = _decode(encoded, None)
    if len(blob) < 4 + SIGNATURE_BYTES:
        raise Malformed("a signature line is too short", where="checkpoint")
    return NoteSignature(name, blob[:4], blob[4:])


def _find(signed: SignedCheckpoint, name: str, key_hash: bytes) -> NoteSignature:
    for line in signed.signatures:
        if line.name == name and line.key_hash == key_hash:
            return line
    raise BadSignature(f"not signed by {name}", where="checkpoint", remedy="Sign with the key the registry holds.")


def _decode(text: str, size: int | None) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("not base64", where="checkpoint") from error
    if base64.b64encode(data).decode() != text or (size is not None and len(data) != size):
        raise Malformed("not the canonical base64 of the right length", where="checkpoint")
    return data
