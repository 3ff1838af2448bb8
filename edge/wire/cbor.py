"""CBOR in the core deterministic encoding (RFC 8949 section 4.2.1), without the parts that the contract never uses.

Integers, byte and text strings, arrays, maps with integer or text keys, false, true, null. Every value has exactly
one encoding; tags, floats, indefinite lengths, other simple values, unsorted or repeated keys are refused while they
are read, so hostile bytes never reach a decoder that would build dates, patterns or cycles from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from edge.wire.errors import Malformed

MAX_DEPTH = 8
_SHORTEST = {24: (1, 24), 25: (2, 1 << 8), 26: (4, 1 << 16), 27: (8, 1 << 32)}
_SHORT = [bytes((initial,)) for initial in range(256)]
_SIMPLE = {20: False, 21: True, 22: None}


def encode(value: Any) -> bytes:
    """Encode plain values deterministically.

    Raises:
        Malformed: a value that this profile cannot carry, or a nesting deeper than 8.
    """
    parts: list[bytes] = []
    _put(value, parts, 0)
    return b"".join(parts)


def _put(value: Any, parts: list[bytes], depth: int) -> None:
    kind = type(value)
    if kind is bytes:
        size = len(value)
        parts += (_OCTETS[size] if size < 256 else _head(2, size), value)
    elif kind is str:
        text = value.encode() if value.isascii() else _utf8(value)
        size = len(text)
        parts += (_TEXT[size] if size < 256 else _head(3, size), text)
    elif kind is int:
        parts.append(_head(0, value) if value >= 0 else _head(1, -1 - value))
    elif value is None or kind is bool:
        parts.append(b"\xf6" if value is None else b"\xf5" if value else b"\xf4")
    elif depth == MAX_DEPTH:
        raise Malformed(f"nested deeper than {MAX_DEPTH}", where="cbor")
    elif kind is list or kind is tuple:
        parts.append(_head(4, len(value)))
        for item in value:
            _put(item, parts, depth + 1)
    elif kind is dict or isinstance(value, Mapping):
        parts.append(_head(5, len(value)))
        for encoded, key in _in_order(*value):
            parts.append(encoded)
            _put(value[key], parts, depth + 1)
    else:
        raise Malformed(f"a {kind.__name__} has no place in the profile", where="cbor")


@lru_cache(maxsize=256, typed=True)
def _in_order(*keys: int | str) -> tuple[tuple[bytes, int | str], ...]:
    """The keys of a map, encoded and in the order of their bytes; remembered, for the maps of messages are few."""
    for key in keys:
        if type(key) not in (int, str):
            raise Malformed("a key is neither an integer nor a text", where="cbor")
    return tuple(sorted((encode(key), key) for key in keys))


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return _SHORT[major << 5 | argument]
    if argument < 256:
        return bytes((major << 5 | 24, argument))
    for info, (width, _) in _SHORTEST.items():
        if argument < 1 << 8 * width:
            return bytes((major << 5 | info,)) + argument.to_bytes(width, "big")
    raise Malformed("an integer beyond 64 bits", where="cbor")


_OCTETS, _TEXT = ([_head(major, size) for size in range(256)] for major in (2, 3))


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Malformed("a lone surrogate has no place in a text", where="cbor") from error


def decode(data: bytes, *, where: str) -> Any:
    """Decode exactly one item.

    Raises:
        Malformed: not the deterministic encoding of a plain value, bytes left over, or nested deeper than 8.
    """
    reader = _Reader(data, where)
    try:
        value = reader.item(0)
    except IndexError as error:
        raise Malformed("the bytes end within an item", where=where) from error
    if reader.at != len(data):
        raise Malformed("bytes are left over", where=where)
    return value


class _Reader:
    """Walks over the bytes once; `at` is the next byte."""

    __slots__ = ("_data", "_where", "at")

    def __init__(self, data: bytes, where: str) -> None:
        self._data = data
        self._where = where
        self.at = 0

    def item(self, depth: int) -> Any:
        initial = self._data[self.at]
        self.at += 1
        major, info = initial >> 5, initial & 31
        if major == 7:
            return self._simple(info)
        argument = info if info < 24 else self._argument(info)
        if major == 0:
            return argument
        if major == 2:
            return self._octets(argument)
        if major == 1:
            return -1 - argument
        if major == 3:
            return self._text(argument)
        if major == 6:
            raise self._wrong(f"a CBOR tag ({argument}) has no place here")
        if depth == MAX_DEPTH:
            raise self._wrong(f"nested deeper than {MAX_DEPTH}")
        if argument > len(self._data) - self.at:
            raise self._wrong("the bytes end within an item")
        return self._list(argument, depth + 1) if major == 4 else self._map(argument, depth + 1)

    def _argument(self, info: int) -> int:
        if info not in _SHORTEST:
            raise self._wrong("an indefinite or reserved length has no place here")
        width, smallest = _SHORTEST[info]
        value = int.from_bytes(self._octets(width), "big")
        if value < smallest:
            raise self._wrong("a number is not in its shortest form")
        return value

    def _octets(self, size: int) -> bytes:
        start = self.at
        self.at += size
        if self.at > len(self._data):
            raise self._wrong("the bytes end within an item")
        return self._data[start : self.at]

    def _text(self, size: int) -> str:
        try:
            return self._octets(size).decode()
        except UnicodeDecodeError as error:
            raise self._wrong("a text is not UTF-8") from error

    def _simple(self, info: int) -> bool | None:
        if info not in _SIMPLE:
            raise self._wrong("a float or an unknown simple value has no place here")
        return _SIMPLE[info]

    def _list(self, size: int, depth: int) -> list[Any]:
        items: list[Any] = []
        for _ in range(size):
            # A batch is 500 byte strings of 24 to 65,535 bytes: read these here, everything else in general.
            at, data = self.at, self._data
            if data[at : at + 1] == b"\x58" and (length := data[at + 1]) >= 24:
                start = at + 2
            elif data[at : at + 1] == b"\x59" and (length := data[at + 1] << 8 | data[at + 2]) >= 256:
                start = at + 3
            else:
                items.append(self.item(depth))
                continue
            self.at = start + length
            items.append(data[start : self.at])
        if self.at > len(self._data):
            raise self._wrong("the bytes end within an item")
        return items

    def _map(self, size: int, depth: int) -> dict[int | str, Any]:
        result: dict[int | str, Any] = {}
        before = b""
        for _ in range(size):
            start = self.at
            if self._data[start] >> 5 not in (0, 1, 3):
                raise self._wrong("a key is neither an integer nor a text")
            key = self.item(depth)
            encoded = self._data[start : self.at]
            if encoded <= before:
                raise self._wrong("keys are repeated or not in order")
            before = encoded
            result[key] = self.item(depth)
        return result

    def _wrong(self, what: str) -> Malformed:
        return Malformed(what, where=self._where)
