from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.canonical import encode, parse
from edge.wire.enrolment import DeviceKind, EnrolmentRequest, renew_at_ms
from edge.wire.errors import BadSignature, Malformed, TooLarge, WireError
from tests.fleets import make_fleet

DEVICE, OTHER = make_fleet(2).devices.values()
DAY_MS = 86_400_000


def request() -> EnrolmentRequest:
    plain = EnrolmentRequest(
        "test.fleet",
        DEVICE.device_id,
        DeviceKind.LOCKER,
        "-----BEGIN CERTIFICATE REQUEST-----\n",
        DEVICE.log_public,
        DEVICE.wrap_public,
    )
    return plain.proved(DEVICE.signer)


def test_request_encoded_and_parsed_is_the_same() -> None:
    assert EnrolmentRequest.parse(request().encode()) == request()
    assert EnrolmentRequest.parse(request().encode() + b"\n") == request()


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("fleet", "other.fleet"),
        ("device_id", "locker-0002"),
        ("kind", "handheld"),
        ("csr", "another"),
        ("log_public", OTHER.log_public.hex()),
        ("wrap_public", OTHER.wrap_public.hex()),
        ("proof", "00" * 64),
    ],
)
def test_parse_one_member_exchanged_raises_bad_signature(member: str, value: str) -> None:
    with pytest.raises(BadSignature):
        EnrolmentRequest.parse(encode({**parse(request().encode()), member: value}))


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("fleet", 7),
        ("device_id", "X"),
        ("kind", "toaster"),
        ("kind", []),
        ("csr", None),
        ("csr", "ü"),
        ("log_public", "AB" * 32),
        ("wrap_public", "ab" * 31),
        ("proof", ""),
        ("format", 2),
        ("format", True),
        ("extra", 1),
    ],
)
def test_parse_member_of_wrong_form_raises_malformed(member: str, value: object) -> None:
    with pytest.raises(Malformed):
        EnrolmentRequest.parse(encode({**parse(request().encode()), member: value}))


def test_parse_missing_member_names_it() -> None:
    members = parse(request().encode())
    del members["wrap_public"]
    with pytest.raises(Malformed, match="wrap_public"):
        EnrolmentRequest.parse(encode(members))


def test_parse_oversize_raises_too_large() -> None:
    with pytest.raises(TooLarge):
        EnrolmentRequest.parse(b" " * 9000)


def test_proved_with_a_foreign_log_key_raises_malformed() -> None:
    with pytest.raises(Malformed):
        request().proved(OTHER.signer)


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda text: encode({"csr": text}))))
def test_parse_noise_raises_a_wire_error(data: bytes) -> None:
    with pytest.raises(WireError):
        EnrolmentRequest.parse(data)


@settings(max_examples=100, deadline=None)
@given(life_ms=st.integers(10, 4000 * DAY_MS), jitter=st.floats(0, 1, exclude_max=True))
def test_renewal_any_jitter_falls_between_half_and_two_thirds(life_ms: int, jitter: float) -> None:
    at_ms = renew_at_ms(1_000, 1_000 + life_ms, jitter)
    assert life_ms // 2 <= at_ms - 1_000 <= life_ms * 2 // 3


def test_renewal_default_life_is_due_after_60_days() -> None:
    assert renew_at_ms(0, 90 * DAY_MS, 0.0) == 60 * DAY_MS


@pytest.mark.parametrize(("start", "end", "jitter"), [(5, 5, 0.0), (5, 4, 0.0), (0, 9, 1.0), (0, 9, -0.1)])
def test_renewal_impossible_input_raises_malformed(start: int, end: int, jitter: float) -> None:
    with pytest.raises(Malformed):
        renew_at_ms(start, end, jitter)
