"""Pickup PINs: nine digits that device and cloud derive alike from a per-locker key, so none is ever stored or sent.

`HMAC-SHA256(key, "pickup/v1" ‖ pickup id ‖ generation ‖ counter)`, dynamically truncated to eight digits as in
RFC 4226 section 5.3 (the offset is the low nibble of the last byte, as RFC 6238 does for SHA-256), and a Damm digit
behind them: a mistyped digit is told apart from a guess. All parts are of fixed width, so no two inputs share bytes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection

from edge.wire.damm import damm_digit, damm_holds
from edge.wire.errors import Malformed
from edge.wire.ids import check_hex_id

PIN_KEY_BYTES = 32
PIN_DIGITS = 9
MAX_GENERATION = 2**32 - 1
MAX_COUNTER = 2**32 - 1
MAX_TRIES = 1000  # with 10,000 live codes one try in 10,000 collides; 1,000 in a row never do
_CONTEXT = b"pickup/v1"
_PIN = re.compile(rf"[0-9]{{{PIN_DIGITS}}}\Z")


def derive_pin(key: bytes, pickup_id: str, generation: int, counter: int) -> str:
    """The PIN of a pickup: eight digits and their check digit.

    Args:
        key: the locker's PIN key, 32 bytes.
        pickup_id: 32 lower-case hex digits.
        generation: raised to revoke, 0 to 2^32 − 1.
        counter: chosen by the device so that its live codes differ, 0 to 2^32 − 1.

    Raises:
        Malformed: an argument outside its range.
    """
    if len(key) != PIN_KEY_BYTES:
        raise Malformed(f"a PIN key has {PIN_KEY_BYTES} bytes, not {len(key)}", where="pin.key")
    message = (
        _CONTEXT
        + bytes.fromhex(check_hex_id(pickup_id, where="pin.pickup_id"))
        + _u32(generation, "pin.generation")
        + _u32(counter, "pin.counter")
    )
    digits = truncate(hmac.digest(key, message, hashlib.sha256))
    return digits + damm_digit(digits)


def truncate(mac: bytes) -> str:
    """The eight digits of an HMAC by dynamic truncation (RFC 4226 section 5.3)."""
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10 ** (PIN_DIGITS - 1):0{PIN_DIGITS - 1}d}"


def check_typo(pin: str) -> bool:
    """Whether `pin` has the form of a PIN and its check digit holds; False is a typo and counts as no attempt."""
    return _PIN.match(pin) is not None and damm_holds(pin)


def same_pin(a: str, b: str) -> bool:
    """Whether two PINs are equal, in a time that does not tell where they differ.

    Raises:
        Malformed: one of them does not have the form of a PIN; the text itself stays out of the error.
    """
    if not _PIN.match(a) or not _PIN.match(b):
        raise Malformed(f"a PIN is {PIN_DIGITS} digits", where="pin")
    return hmac.compare_digest(a.encode(), b.encode())


def choose_counter(key: bytes, pickup_id: str, generation: int, live: Collection[str]) -> int:
    """The smallest counter whose PIN is none of `live`, the codes of the other pickups that wait in the locker.

    Raises:
        Malformed: an argument outside its range.
    """
    taken = frozenset(live)
    for counter in range(MAX_TRIES):
        if derive_pin(key, pickup_id, generation, counter) not in taken:
            return counter
    raise Malformed(f"no free code among {len(taken)}", where="pin.counter", remedy="Raise the generation.")


def _u32(value: int, where: str) -> bytes:
    if type(value) is not int or not 0 <= value <= MAX_GENERATION:
        raise Malformed("outside 0 to 2^32 − 1", where=where)
    return value.to_bytes(4, "big")
