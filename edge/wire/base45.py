"""Base45 (RFC 9285): bytes as the 45 characters of a QR code's alphanumeric mode, three for every two bytes."""

from __future__ import annotations

from edge.wire.errors import Malformed

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUE = {character: value for value, character in enumerate(_ALPHABET)}


def encode(data: bytes) -> str:
    """Encode bytes; the last odd byte becomes two characters."""
    text = []
    for start in range(0, len(data), 2):
        pair = data[start : start + 2]
        rest = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            rest, digit = divmod(rest, 45)
            text.append(_ALPHABET[digit])
    return "".join(text)


def decode(text: str) -> bytes:
    """Inverse of `encode`.

    Raises:
        Malformed: a foreign character, an impossible length, or a group that stands for no bytes.
    """
    if len(text) % 3 == 1:
        raise Malformed("a length that base45 never has", where="base45")
    data = bytearray()
    for start in range(0, len(text), 3):
        group = text[start : start + 3]
        size, value = len(group) - 1, 0
        for character in reversed(group):
            digit = _VALUE.get(character)
            if digit is None:
                raise Malformed("a character outside base45", where="base45")
            value = value * 45 + digit
        if value >> 8 * size:
            raise Malformed("a group of characters that stands for no bytes", where="base45")
        data += value.to_bytes(size, "big")
    return bytes(data)
