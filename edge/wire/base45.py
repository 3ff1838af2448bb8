"""Base45 (RFC 9285): bytes as the 45 characters of a QR code's alphanumeric mode, three for every two bytes."""

from __future__ import annotations

import struct

from edge.wire.errors import Malformed

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_PAIRS = [low + high for high in _ALPHABET for low in _ALPHABET]  # by value: the low digit stands first
_FOREIGN = 0xFF
_DIGITS = bytes(_ALPHABET.find(chr(code)) % 256 for code in range(256))  # by character; foreign ones are 0xFF


def encode(data: bytes) -> str:
    """Encode bytes; the last odd byte becomes two characters."""
    whole = len(data) // 2
    text = "".join(
        [_PAIRS[value % 2025] + _ALPHABET[value // 2025] for value in struct.unpack_from(f">{whole}H", data)]
    )
    return text + _PAIRS[data[-1]] if len(data) % 2 else text


def decode(text: str) -> bytes:
    """Inverse of `encode`.

    Raises:
        Malformed: a foreign character, an impossible length, or a group that stands for no bytes.
    """
    if len(text) % 3 == 1:
        raise Malformed("a length that base45 never has", where="base45")
    digits = text.encode("latin-1", "replace").translate(_DIGITS)
    if _FOREIGN in digits:
        raise Malformed("a character outside base45", where="base45")
    whole = len(digits) - len(digits) % 3
    triples = zip(digits[0:whole:3], digits[1:whole:3], digits[2:whole:3], strict=True)
    values = [low + 45 * middle + 2025 * high for low, middle, high in triples]
    rest = digits[whole] + 45 * digits[whole + 1] if whole < len(digits) else None
    if max(values, default=0) > 0xFFFF or (rest is not None and rest > 0xFF):
        raise Malformed("a group of characters that stands for no bytes", where="base45")
    data = struct.pack(f">{len(values)}H", *values)
    return data if rest is None else data + bytes((rest,))
