"""PINs against HMACs computed with `openssl dgst`, and against the SHA-256 values of RFC 6238 appendix B."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.damm import damm_digit
from edge.wire.errors import Malformed
from edge.wire.pickup_pin import check_typo, choose_counter, derive_pin, same_pin, truncate

KEY = bytes(range(32))
PICKUP = "00112233445566778899aabbccddeeff"
U32 = 2**32 - 1
u32s = st.integers(0, U32)
pickups = st.binary(min_size=16, max_size=16).map(bytes.hex)
pins = st.text("0123456789", min_size=8, max_size=8).map(lambda digits: digits + damm_digit(digits))


@pytest.mark.parametrize(
    ("generation", "counter", "mac", "word"),
    [
        # (openssl dgst -sha256 -mac HMAC) -> low nibble of the last byte -> the four bytes there, top bit off
        pytest.param(0, 0, "255116a11529170ed2bb482be13eb1bc3854f320c92312540ba5c1ffc5915dd8", 0x52BB482B, id="0/0"),
        pytest.param(0, 1, "9d8dce6a48bad5d2467250258510d2e5fbd6565c6da5c24e31cb516f3fa540aa", 0x50258510, id="0/1"),
        pytest.param(1, 0, "4fb9fbe3cf4d0a36b46d784ad7b186f99fbc98e1ecc5ecd084862396f84bdaff", 0x799FBC98, id="1/0"),
        pytest.param(
            U32, U32, "a593293c760d2b2bcd6b24decab36538d00521dddbe2392653cca9f5def37911", 0x13293C76, id="max/max"
        ),
    ],
)
def test_derive_pin_equals_the_code_worked_out_from_openssl(generation: int, counter: int, mac: str, word: int) -> None:
    octets = bytes.fromhex(mac)
    at = octets[31] & 15
    number = ((octets[at] & 127) << 24) + (octets[at + 1] << 16) + (octets[at + 2] << 8) + octets[at + 3]
    assert word == number
    eight = str(number)[-8:].rjust(8, "0")
    pin = derive_pin(KEY, PICKUP, generation, counter)
    assert pin[:8] == eight
    assert pin[8] == damm_digit(eight)


def test_derive_pin_of_one_pickup_is_the_printed_code() -> None:
    assert derive_pin(KEY, PICKUP, 0, 0) == "880054191"


@pytest.mark.parametrize(
    ("at_s", "code"),
    [(59, "46119246"), (1111111109, "68084774"), (1111111111, "67062674"), (1234567890, "91819424"),
     (2000000000, "90698825"), (20000000000, "77737706")],
)  # fmt: skip
def test_truncate_gives_the_codes_of_rfc_6238(at_s: int, code: str) -> None:
    mac = hmac.digest(b"12345678901234567890123456789012", (at_s // 30).to_bytes(8, "big"), hashlib.sha256)
    assert truncate(mac) == code


@given(pickups, u32s, u32s)
def test_derive_pin_always_passes_its_own_check_digit(pickup_id: str, generation: int, counter: int) -> None:
    pin = derive_pin(KEY, pickup_id, generation, counter)
    assert len(pin) == 9
    assert check_typo(pin)


def test_derive_pin_depends_on_every_part() -> None:
    codes = {
        derive_pin(key, pickup_id, generation, counter)
        for key in (KEY, bytes(32))
        for pickup_id in (PICKUP, PICKUP[::-1])
        for generation in (0, 1)
        for counter in (0, 1)
    }
    assert len(codes) == 16


@pytest.mark.parametrize(
    ("key", "pickup_id", "generation", "counter"),
    [
        pytest.param(KEY[:31], PICKUP, 0, 0, id="short-key"),
        pytest.param(KEY + b"\0", PICKUP, 0, 0, id="long-key"),
        pytest.param(b"", PICKUP, 0, 0, id="no-key"),
        pytest.param(KEY, PICKUP[:-1], 0, 0, id="short-id"),
        pytest.param(KEY, PICKUP.upper(), 0, 0, id="upper-case-id"),
        pytest.param(KEY, PICKUP + "\n", 0, 0, id="newline"),
        pytest.param(KEY, PICKUP, -1, 0, id="negative-generation"),
        pytest.param(KEY, PICKUP, U32 + 1, 0, id="large-generation"),
        pytest.param(KEY, PICKUP, 0, -1, id="negative-counter"),
        pytest.param(KEY, PICKUP, 0, U32 + 1, id="large-counter"),
        pytest.param(KEY, PICKUP, True, 0, id="bool"),
    ],
)
def test_derive_pin_with_a_part_outside_its_range_is_refused(
    key: bytes, pickup_id: str, generation: int, counter: int
) -> None:
    with pytest.raises(Malformed):
        derive_pin(key, pickup_id, generation, counter)


@given(pins, st.integers(0, 8), st.integers(1, 9))
def test_check_typo_finds_every_wrong_digit(pin: str, place: int, shift: int) -> None:
    wrong = pin[:place] + str((int(pin[place]) + shift) % 10) + pin[place + 1 :]
    assert check_typo(pin)
    assert not check_typo(wrong)


@pytest.mark.parametrize("text", ["", "88005419", "8800541911", "88005419a", "880054191\n", "٨٨٠٠٥٤١٩١"])
def test_check_typo_of_another_form_is_false(text: str) -> None:
    assert not check_typo(text)


@given(pins, pins)
def test_same_pin_is_equality(a: str, b: str) -> None:
    assert same_pin(a, a)
    assert same_pin(a, b) == (a == b)


def test_same_pin_with_another_form_is_refused_without_naming_it() -> None:
    with pytest.raises(Malformed) as caught:
        same_pin("880054191", "12345")
    assert "12345" not in str(caught.value)


def test_choose_counter_without_live_codes_is_zero() -> None:
    assert choose_counter(KEY, PICKUP, 0, ()) == 0


@settings(max_examples=25)
@given(pickups, u32s, st.integers(0, 12))
def test_choose_counter_skips_exactly_the_taken_codes(pickup_id: str, generation: int, taken: int) -> None:
    live = [derive_pin(KEY, pickup_id, generation, counter) for counter in range(taken)]
    chosen = choose_counter(KEY, pickup_id, generation, live)
    assert derive_pin(KEY, pickup_id, generation, chosen) not in live
    assert all(derive_pin(KEY, pickup_id, generation, counter) in live for counter in range(chosen))


def test_choose_counter_when_a_thousand_codes_in_a_row_are_taken_asks_for_a_new_generation() -> None:
    live = [derive_pin(KEY, PICKUP, 0, counter) for counter in range(1000)]
    with pytest.raises(Malformed, match="no free code"):
        choose_counter(KEY, PICKUP, 0, live)
