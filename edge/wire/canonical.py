"""The JSON profile of events: a subset of RFC 8785 in which every value has exactly one encoding.

UTF-8, no spaces, object keys `[a-z0-9_]+` in ascending order and unique, integers only and within ±(2^53 − 1),
no lone surrogates, at most 16 objects and lists in each other. Inside that subset the bytes equal RFC 8785's output.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NoReturn

from edge.wire.errors import Malformed
from edge.wire.ids import MAX_SAFE_INTEGER

MAX_DEPTH = 16
_MAX_KEY = 64
_KEY = re.compile(r"[a-z0-9_]{1,64}\Z")
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
_MAKE_ENCODER = getattr(json.encoder, "c_make_encoder", None)  # made once here; `encode` would make one at each call
_CHUNKS = (
    (lambda value, _indent: _ENCODER.iterencode(value))
    if _MAKE_ENCODER is None
    else _MAKE_ENCODER(None, _ENCODER.default, json.encoder.encode_basestring, None, ":", ",", True, False, False)
)
_BIG_NUMBER = re.compile(rb"[0-9]{16}")


def encode(value: Mapping[str, Any]) -> bytes:
    """Encode an object in the profile.

    Raises:
        Malformed: a float, a foreign key, an integer beyond ±(2^53 − 1), a lone surrogate, or too deep a nesting.
    """
    if not isinstance(value, Mapping):
        raise Malformed("not an object")
    _check(value, depth=0)
    return _dump(value)


def encode_member(value: Mapping[str, Any]) -> bytes:
    """`encode` for an object that stands in another one of the profile."""
    _check(value, depth=1)
    return _dump(value)


def parse(data: bytes, *, where: str = "json") -> dict[str, Any]:
    """Parse bytes that must already be in the profile; anything that would encode differently is refused.

    Raises:
        Malformed: not JSON, not an object, or not the one canonical encoding of what it says.
    """
    try:
        value = _DECODER.decode(data.decode())
        if type(value) is not dict:
            raise Malformed("not an object", where=where)
        _check_keys(value, 0)
        if _BIG_NUMBER.search(data):
            _check(value, depth=0)
        same = _dump(value) == data
    except Malformed as error:
        raise Malformed(error.what, where=where) from error
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not canonical JSON: {error}", where=where) from error
    if not same:
        raise Malformed("not the canonical encoding (order, spaces, escapes or duplicate keys)", where=where)
    return value


def _dump(value: Mapping[str, Any]) -> bytes:
    try:
        return "".join(_CHUNKS(value, 0)).encode()
    except (UnicodeEncodeError, TypeError, RecursionError) as error:
        raise Malformed(f"cannot be encoded: {error}") from error


def _refuse_number(text: str) -> NoReturn:
    raise Malformed(f"only integers are allowed, not {text[:30]}")


_DECODER = json.JSONDecoder(parse_float=_refuse_number, parse_constant=_refuse_number)


def _check(value: Any, *, depth: int) -> None:
    kind = type(value)
    if kind is str:  # a lone surrogate is found when the text is encoded
        return
    if kind is int:
        if not -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            raise Malformed("integer beyond 2^53")
    elif kind is dict or isinstance(value, Mapping):
        _check_depth(depth)
        for key, item in value.items():
            if type(key) is not str or len(key) > _MAX_KEY or not _is_key(key):
                raise _foreign(key)
            if type(item) is not str:
                _check(item, depth=depth + 1)
    elif kind in (list, tuple):
        _check_depth(depth)
        for item in value:
            _check(item, depth=depth + 1)
    elif value is not None and kind is not bool:
        raise Malformed(f"a {kind.__name__} has no place in the profile")


def _check_depth(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise Malformed(f"nested deeper than {MAX_DEPTH}")


def _foreign(key: Any) -> Malformed:
    return Malformed(f"key outside [a-z0-9_]: {key!r:.40}", remedy="Rename the key.")


@lru_cache(maxsize=2048)
def _is_key(key: str) -> bool:
    """Remembered, for the keys are few; only short texts come here."""
    return _KEY.match(key) is not None


def _check_keys(value: dict[str, Any], depth: int) -> None:
    """The part of `_check` that parsing cannot give for free: keys and depth (numbers are checked by the scanner)."""
    _check_depth(depth)
    for key, item in value.items():
        if len(key) > _MAX_KEY or not _is_key(key):
            raise _foreign(key)
        if type(item) is dict:
            _check_keys(item, depth + 1)
        elif type(item) is list:
            _check_list(item, depth + 1)


def _check_list(items: list[Any], depth: int) -> None:
    _check_depth(depth)
    for item in items:
        if type(item) is dict:
            _check_keys(item, depth + 1)
        elif type(item) is list:
            _check_list(item, depth + 1)
