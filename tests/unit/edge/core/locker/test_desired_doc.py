from __future__ import annotations

import contextlib
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from edge.core.locker.desired import Desired, Limits, Needs, Reach, Unannounced, Zone
from edge.core.locker.desired_doc import LIMIT_RANGES, read_desired
from edge.wire import canonical
from edge.wire.errors import WireError
from edge.wire.messages import Desired as DesiredMessage
from tests.machine.playbook import hex_id

RESERVATION = {
    "reservation_id": hex_id(1), "parcel_id": "PW001", "pickup_id": hex_id(2), "compartment_no": 3,
    "expires_at_ms": 1_800_000_000_000, "generation": 0,
}  # fmt: skip
COMPARTMENT = {
    "no": 1, "module": "a", "channel": 1, "width_mm": 400, "height_mm": 200, "depth_mm": 500, "sill_mm": 900,
    "features": ["low"],
}  # fmt: skip
ZONE = {"zone": "cold", "compartments": [1, 2], "low_mc": -2_000, "high_mc": 7_000, "max_s": 600}
FULL: dict[str, Any] = {
    "reservations": [RESERVATION],
    "compartments": [COMPARTMENT],
    "revoked": [hex_id(9)],
    "audiences": ["locker:locker-1", "group:north"],
    "limits": {"tries_per_visit": 2},
    "restore": {"stream": hex_id(5), "contents": [], "used": [], "wrong_in_row": 3},
    "collect_by": {hex_id(2): 1_800_000_100_000},
    "retrievals": ["PW002"],
    "unannounced": {"allowed": False, "collect_ms": 3_600_000},
    "zones": [ZONE],
    "reach": {"low_mm": 300, "high_mm": 900},
    "unknown_section": {"is": "left alone"},
}


def read(doc: Any) -> Desired:
    return read_desired(DesiredMessage("locker-1", 1, 2, canonical.encode(doc)), "aa")


def test_every_section_becomes_a_value() -> None:
    desired = read(FULL)
    assert desired.reservations["PW001"].compartment_no == 3
    assert desired.compartments[1].channel.number == 1
    assert desired.revoked == {hex_id(9)} and "group:north" in desired.audiences
    assert desired.limits == Limits(tries_per_visit=2)
    assert desired.collect_by == {hex_id(2): 1_800_000_100_000} and desired.retrievals == {"PW002"}
    assert desired.unannounced == Unannounced(False, 3_600_000) and desired.reach == Reach(300, 900)
    assert desired.zones == {"cold": Zone("cold", (1, 2), -2_000, 7_000, 600)}
    assert desired.restore is not None and (desired.epoch, desired.version) == (1, 2)


def test_reservation_states_what_its_parcel_needs() -> None:
    size = {"width_mm": 10, "height_mm": 20, "depth_mm": 30}
    row = {**RESERVATION, **size, "accessible": True, "features": ["chilled"], "collect_by_ms": 5}
    held = read({"reservations": [row]}).reservations["PW001"]
    assert (held.needs, held.collect_by_ms) == (Needs((10, 20, 30), True, ("chilled",)), 5)
    assert read({"reservations": [RESERVATION]}).reservations["PW001"].needs == Needs()


def test_no_section_is_needed() -> None:
    assert read({}) == Desired(epoch=1, version=2, sha256="aa")


WRONG = [
    ("reservations", {**RESERVATION, name: value})
    for name, value in [
        ("parcel_id", "pw"), ("parcel_id", None), ("pickup_id", "x"), ("reservation_id", ""), ("compartment_no", 0),
        ("compartment_no", 10_000), ("compartment_no", True), ("expires_at_ms", -1), ("generation", 2**32),
    ]
] + [
    ("compartments", {**COMPARTMENT, name: value})
    for name, value in [
        ("no", 0), ("no", "1"), ("module", ""), ("module", "a\n"), ("channel", 256), ("channel", 0), ("width_mm", 0),
        ("height_mm", 10_001), ("depth_mm", None), ("sill_mm", -1), ("features", "low"), ("features", [1]),
    ]
]  # fmt: skip


@pytest.mark.parametrize(("section", "row"), WRONG)
def test_row_out_of_range_is_malformed_and_names_its_section(section: str, row: dict[str, Any]) -> None:
    with pytest.raises(WireError) as refused:
        read({section: [row]})
    assert f"desired.{section}" in str(refused.value) or "desired" in str(refused.value)


@pytest.mark.parametrize(
    "doc",
    [
        [], {"reservations": {}}, {"reservations": [1]}, {"revoked": ["zz"]}, {"revoked": [None]}, {"audiences": [""]},
        {"audiences": [7]}, {"limits": []}, {"restore": []}, {"restore": {"stream": "x"}},
        {"restore": {"stream": hex_id(1), "contents": [{"compartment_no": 1}]}},
        {"restore": {"stream": hex_id(1), "used": [{"jti": "x", "jti_expires_at_ms": 1}]}},
        {"restore": {"stream": hex_id(1), "wrong_in_row": -1}}, {"compartments": [COMPARTMENT] * 2001},
    ],
)  # fmt: skip
def test_section_of_the_wrong_kind_is_malformed(doc: Any) -> None:
    with pytest.raises(WireError):
        read(doc)


@pytest.mark.parametrize("name", LIMIT_RANGES)
def test_limit_beyond_the_device_s_own_range_is_malformed(name: str) -> None:
    low, high = LIMIT_RANGES[name]
    for value in (low, high):
        assert getattr(read({"limits": {name: value}}).limits, name) == value
    for value in (low - 1, high + 1, "5", None, True):
        with pytest.raises(WireError):
            read({"limits": {name: value}})


def test_cap_on_openings_cannot_be_lifted_by_the_cloud() -> None:
    with pytest.raises(WireError):
        read({"limits": {"openings_per_minute": 500}})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**54) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*FULL, *RESERVATION, "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_any_json_is_a_value_or_a_typed_error(doc: Any) -> None:
    with contextlib.suppress(WireError):
        assert isinstance(read(doc), Desired)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_a_typed_error(doc: bytes) -> None:
    with contextlib.suppress(WireError):
        read_desired(DesiredMessage("locker-1", 1, 2, doc), "aa")
