"""Base45 (RFC 9285): bytes as the 45 characters of a QR code's alphanumeric mode, three for every two bytes."""

from __future__ import annotations

import struct

from edge.wire.errors import Malformed

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_PAIRS = [low + high for high in _ALPHABET for low in _ALPHABET]  # by value: the low digit stands first
_VALUE = {character: value for value, character in enumerate(_ALPHABET)}


def encode(data: bytes) -> str:
    """Encode bytes; the last odd byte becomes two characters."""
    text = []
    for start in range(0, len(data) - 1, 2):
        high, pair = divmod(data[start] << 8 | data[start + 1], 2025)
        text.append(_PAIRS[pair])
        text.append(_ALPHABET[high])
    if len(data) % 2:
        text.append(_PAIRS[data[-1]])
    return "".join(text)


def decode(text: str) -> bytes:
    """Inverse of `encode`.

    Raises:
        Malformed: a foreign character, an impossible length, or a group that stands for no bytes.
    """
    if len(text) % 3 == 1:
        raise Malformed("a length that base45 never has", where="base45")
    try:
        digits = [_VALUE[character] for character in text]
    except KeyError as error:
        raise Malformed("a character outside base45", where="base45") from error
    whole = len(digits) - len(digits) % 3
    values = [low + 45 * middle + 2025 * high for low, middle, high in zip(*[iter(digits[:whole])] * 3, strict=True)]
    rest = digits[whole] + 45 * digits[whole + 1] if whole < len(digits) else None
    if max(values, default=0) > 0xFFFF or (rest is not None and rest > 0xFF):
        raise Malformed("a group of characters that stands for no bytes", where="base45")
    data = struct.pack(f">{len(values)}H", *values)
    return data if rest is None else data + bytes((rest,))
