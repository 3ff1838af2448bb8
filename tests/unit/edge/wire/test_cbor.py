"""The deterministic CBOR profile against RFC 8949 appendix A and against cbor2 as an independent judge."""

from __future__ import annotations

from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire import cbor
from edge.wire.errors import Malformed

integers = st.integers(-(2**64), 2**64 - 1)
scalars = st.none() | st.booleans() | integers | st.text(max_size=40) | st.binary(max_size=300)
keys = st.text(max_size=8) | integers
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
                      max_leaves=20)  # fmt: skip


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        (0, "00"), (23, "17"), (24, "1818"), (25, "1819"), (100, "1864"), (1000, "1903e8"), (1000000, "1a000f4240"),
        (1000000000000, "1b000000e8d4a51000"), (18446744073709551615, "1bffffffffffffffff"),
        (-18446744073709551616, "3bffffffffffffffff"), (-1, "20"), (-10, "29"), (-100, "3863"), (-1000, "3903e7"),
        (False, "f4"), (True, "f5"), (None, "f6"), (b"", "40"), (bytes([1, 2, 3, 4]), "4401020304"), ("", "60"),
        ("a", "6161"), ("IETF", "6449455446"), ('"\\', "62225c"), ("ü", "62c3bc"), ("水", "63e6b0b4"),
        ("𐅑", "64f0908591"), ([], "80"), ([1, 2, 3], "83010203"), ([1, [2, 3], [4, 5]], "8301820203820405"),
        (list(range(1, 26)), "98190102030405060708090a0b0c0d0e0f101112131415161718181819"), ({}, "a0"),
        ({1: 2, 3: 4}, "a201020304"), ({"a": 1, "b": [2, 3]}, "a26161016162820203"),
        (["a", {"b": "c"}], "826161a161626163"),
        ({"a": "A", "b": "B", "c": "C", "d": "D", "e": "E"}, "a56161614161626142616361436164614461656145"),
    ],
)  # fmt: skip
def test_cbor_of_the_rfc_examples_in_the_profile(value: Any, octets: str) -> None:
    assert cbor.encode(value) == bytes.fromhex(octets)
    assert cbor.decode(bytes.fromhex(octets), where="test") == value


def test_cbor_map_keys_are_in_the_order_of_rfc_8949_section_4_2_1() -> None:
    octets = bytes.fromhex("a5 0a00 186400 2000 617a00 62616100".replace(" ", ""))
    assert cbor.encode({"aa": 0, "z": 0, -1: 0, 100: 0, 10: 0}) == octets
    assert cbor.decode(octets, where="test") == {10: 0, 100: 0, -1: 0, "z": 0, "aa": 0}


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param("", id="nothing"),
        pytest.param("0000", id="two-items"),
        pytest.param("1817", id="long-form-of-23"),
        pytest.param("190018", id="long-form-of-24"),
        pytest.param("1a0000ffff", id="long-form-of-65535"),
        pytest.param("1b00000000ffffffff", id="long-form-of-32-bits"),
        pytest.param("1c", id="reserved-length"),
        pytest.param("f93c00", id="half-float"),
        pytest.param("fb3ff199999999999a", id="float"),
        pytest.param("f7", id="undefined"),
        pytest.param("f0", id="simple-16"),
        pytest.param("f818", id="simple-24"),
        pytest.param("c11a514b67b0", id="tag-time"),
        pytest.param("c249010000000000000000", id="tag-bignum"),
        pytest.param("81c249010000000000000000", id="nested-bignum"),
        pytest.param("81d81e820100", id="nested-fraction-over-zero"),
        pytest.param("81c5821b7fffffffffffffff01", id="nested-bigfloat"),
        pytest.param("d81c81d81d00", id="cycle"),
        pytest.param("81d82361 28".replace(" ", ""), id="nested-broken-pattern"),
        pytest.param("5f42010243030405ff", id="indefinite-bytes"),
        pytest.param("7f657374726561646d696e67ff".replace("65737472", "6573747265"), id="indefinite-text"),
        pytest.param("9fff", id="indefinite-list"),
        pytest.param("bfff", id="indefinite-map"),
        pytest.param("ff", id="break"),
        pytest.param("4401", id="short-bytes"),
        pytest.param("81581800", id="short-bytes-in-a-list"),
        pytest.param("8259010000", id="short-long-bytes-in-a-list"),
        pytest.param("8158", id="no-length-in-a-list"),
        pytest.param("815901", id="half-a-length-in-a-list"),
        pytest.param("815817" + "00" * 23, id="long-form-of-23-in-a-list"),
        pytest.param("815900ff" + "00" * 255, id="long-form-of-255-in-a-list"),
        pytest.param("82581a" + "00" * 25, id="list-without-its-second-item"),
        pytest.param("5b7fffffffffffffff00", id="huge-bytes"),
        pytest.param("9b7fffffffffffffff00", id="huge-list"),
        pytest.param("bb7fffffffffffffff00", id="huge-map"),
        pytest.param("61ff", id="not-utf-8"),
        pytest.param("63eda080", id="surrogate"),
        pytest.param("a2616100616100", id="repeated-key"),
        pytest.param("a2616200616100", id="unordered-keys"),
        pytest.param("a14100 00".replace(" ", ""), id="byte-string-key"),
        pytest.param("a18000", id="list-key"),
        pytest.param("a1f500", id="true-key"),
        pytest.param("a1", id="no-key"),
        pytest.param("81" * 9 + "00", id="nested-9"),
        pytest.param("81" * 100_000, id="nested-100000"),
    ],
)
def test_cbor_outside_the_profile_is_refused(octets: str) -> None:
    with pytest.raises(Malformed):
        cbor.decode(bytes.fromhex(octets), where="test")


def test_cbor_nested_eight_deep_is_taken() -> None:
    octets = bytes.fromhex("81" * 8 + "00")
    assert cbor.encode(cbor.decode(octets, where="test")) == octets


@pytest.mark.parametrize(
    "value",
    [1.5, float("nan"), 2**64, -(2**64) - 1, {1, 2}, object(), "\ud800", {b"a": 1}, {True: 1}, {None: 1}, {1.0: 1},
     [[[[[[[[[0]]]]]]]]], bytearray(b"a")],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_cbor_encode_of_a_value_outside_the_profile_is_refused(value: Any) -> None:
    with pytest.raises(Malformed):
        cbor.encode(value)


@given(st.lists(st.binary(min_size=20, max_size=300), min_size=1, max_size=6))
def test_cbor_list_of_byte_strings_cut_anywhere_is_refused(value: list[bytes]) -> None:
    octets = cbor.encode(value)
    assert cbor.decode(octets, where="test") == cbor2.loads(octets)
    for end in {0, 1, len(octets) // 2, len(octets) - 1}:
        with pytest.raises(Malformed):
            cbor.decode(octets[:end], where="test")


@given(values)
def test_cbor_round_trip_and_an_independent_decoder_reads_the_same(value: Any) -> None:
    octets = cbor.encode(value)
    assert cbor.decode(octets, where="test") == value
    assert cbor2.loads(octets) == value


@settings(max_examples=300)
@given(st.binary(max_size=60))
def test_cbor_decode_of_any_bytes_is_refused_or_reproduced(data: bytes) -> None:
    try:
        value = cbor.decode(data, where="test")
    except Malformed:
        return
    assert cbor.encode(value) == data
