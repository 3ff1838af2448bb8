from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.errors import UnknownKey
from edge.wire.keys import Role, key_id
from provisioning.errors import Conflict, NotFound, StorageFailed
from provisioning.trust import CLOUD_ROLES, first_bundle, next_key, opened, rotated, sealed, signing_key
from tests.fleets import make_fleet
from tests.unit.provisioning.devices import DAY_MS, T0_MS

FLEET = make_fleet(1)
OLD, NEW, THIRD = (make_fleet(1, seed=seed).receipts.public for seed in (1, 2, 3))
FIRST = first_bundle("test.fleet", dict.fromkeys(CLOUD_ROLES, OLD), (), T0_MS)
SECOND = rotated(FIRST, Role.RECEIPTS, NEW, T0_MS + 100 * DAY_MS, 30)


def accepts(bundle, public: bytes, day: float) -> bool:
    try:
        bundle.key(Role.RECEIPTS, key_id(public), T0_MS + int(day * DAY_MS))
    except UnknownKey:
        return False
    return True


def test_first_bundle_has_one_valid_key_for_every_cloud_role() -> None:
    assert set(FIRST.roles) == set(Role) - {Role.ROOT}
    assert all(signing_key(FIRST, role, T0_MS).public == OLD for role in CLOUD_ROLES)
    assert FIRST.version == 1


@pytest.mark.parametrize(
    ("day", "signs", "old_accepted"),
    [(100, OLD, True), (114.9, OLD, True), (115, NEW, True), (129.9, NEW, True), (130, NEW, False), (800, NEW, False)],
)
def test_rotation_at_every_moment_the_signing_key_is_accepted(day: float, signs: bytes, old_accepted: bool) -> None:
    assert signing_key(SECOND, Role.RECEIPTS, T0_MS + int(day * DAY_MS)).public == signs
    assert accepts(SECOND, signs, day)
    assert accepts(SECOND, OLD, day) is old_accepted


def test_rotation_of_one_role_leaves_the_others() -> None:
    assert SECOND.version == 2
    assert {role: keys for role, keys in SECOND.roles.items() if role is not Role.RECEIPTS} == {
        role: keys for role, keys in FIRST.roles.items() if role is not Role.RECEIPTS
    }


def test_rotation_during_another_is_refused() -> None:
    with pytest.raises(Conflict, match="under way"):
        rotated(SECOND, Role.RECEIPTS, THIRD, T0_MS + 120 * DAY_MS, 30)


def test_rotation_after_another_drops_the_expired_key() -> None:
    third = rotated(SECOND, Role.RECEIPTS, THIRD, T0_MS + 131 * DAY_MS, 30)
    assert [key.public for key in third.keys(Role.RECEIPTS)] == [NEW, THIRD]


@pytest.mark.parametrize("bundle", [FIRST, SECOND], ids=["quiet", "during-rotation"])
def test_rotation_of_a_lost_key_ends_all_others_at_once(bundle) -> None:
    urgent = rotated(bundle, Role.RECEIPTS, THIRD, T0_MS + 101 * DAY_MS, 0)
    assert [key.public for key in urgent.keys(Role.RECEIPTS)] == [THIRD]
    assert signing_key(urgent, Role.RECEIPTS, T0_MS + 101 * DAY_MS).public == THIRD


def test_rotation_after_all_keys_expired_signs_at_once() -> None:
    late = rotated(FIRST, Role.RECEIPTS, NEW, T0_MS + 900 * DAY_MS, 30)
    assert signing_key(late, Role.RECEIPTS, T0_MS + 900 * DAY_MS).public == NEW


def test_signing_key_after_all_expired_is_not_found_with_the_remedy() -> None:
    with pytest.raises(NotFound) as caught:
        signing_key(FIRST, Role.COMMANDS, T0_MS + 731 * DAY_MS)
    assert "--rotate commands" in caught.value.remedy


def test_next_key_stands_only_in_the_first_half_of_a_rotation() -> None:
    assert next_key(FIRST, Role.RECEIPTS, T0_MS) is None
    coming = next_key(SECOND, Role.RECEIPTS, T0_MS + 100 * DAY_MS)
    assert coming is not None and coming.public == NEW
    assert next_key(SECOND, Role.RECEIPTS, T0_MS + 115 * DAY_MS) is None


def test_issued_at_of_a_rotation_rises_even_when_the_clock_fell() -> None:
    assert rotated(FIRST, Role.PICKUP, NEW, T0_MS - DAY_MS, 30).issued_at_ms > FIRST.issued_at_ms


def test_sealed_bundle_opens_under_its_root_only() -> None:
    data = sealed(SECOND, FLEET.root)
    assert opened(data, FLEET.root.public) == SECOND
    with pytest.raises(StorageFailed):
        opened(data, FLEET.receipts.public)


@settings(max_examples=60, deadline=None)
@given(spot=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_sealed_bundle_with_one_bit_changed_is_refused(spot: int, bit: int) -> None:
    data = bytearray(sealed(SECOND, FLEET.root))
    data[spot % len(data)] ^= 1 << bit
    with pytest.raises(StorageFailed):
        opened(bytes(data), FLEET.root.public)
