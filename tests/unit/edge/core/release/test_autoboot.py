"""autoboot.txt: both slots or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.release.autoboot import Autoboot, parse_autoboot
from edge.wire.errors import Malformed

WRITTEN_BY_HAND = b"[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n"


def test_autoboot_of_slot_a_is_what_the_firmware_documents() -> None:
    assert Autoboot("a").to_bytes() == WRITTEN_BY_HAND
    assert parse_autoboot(WRITTEN_BY_HAND) == Autoboot("a")
    swapped = b"# b\n[all]\nboot_partition=3\ntryboot_a_b=1\n\n[tryboot]\nboot_partition=2"
    assert parse_autoboot(swapped) == Autoboot("b")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\0" * 64, id="zeroes"),
        pytest.param(b"[all]\ntryboot_a_b=1\nboot_partition=2\n", id="one_slot"),
        pytest.param(b"[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=2\n", id="same_slot_twice"),
        pytest.param(b"[all]\nboot_partition=2\n[tryboot]\nboot_partition=3\n", id="no_tryboot_a_b"),
        pytest.param(b"[all]\ntryboot_a_b=1\nboot_partition=1\n[tryboot]\nboot_partition=3\n", id="no_slot"),
        pytest.param(WRITTEN_BY_HAND + b"[pi4]\nboot_partition=1\n", id="unknown_section"),
        pytest.param(WRITTEN_BY_HAND + b"#" * 512, id="too_long"),
        pytest.param("[all]\ntryboot_a_b=1\nboot_partition=²\n[tryboot]\nboot_partition=3\n".encode(), id="not_ascii"),
    ],
)
def test_autoboot_that_does_not_name_both_slots_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_autoboot(data)


@settings(max_examples=50)
@given(st.binary(max_size=200) | st.text("[]altryboo_pin=23\n #", max_size=120).map(str.encode))
def test_autoboot_of_any_bytes_is_read_or_refused(data: bytes) -> None:
    try:
        assert parse_autoboot(data).committed in ("a", "b")
    except Malformed as error:
        assert error.where == "autoboot.txt"
