"""Where the wanted locker is full or loses its compartments, the parcel gets a hold at the nearest one with room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from cloud_bridge.lockers import place_store, reservation_store
from cloud_bridge.lockers.drop_offs import DropOffs, DropOffWish
from cloud_bridge.lockers.model import ParcelState, Recipient, Size, Wish
from cloud_bridge.lockers.pickup_link import token_jti
from cloud_bridge.lockers.places import Place
from cloud_bridge.lockers.reactions import LockerReactions
from cloud_bridge.lockers.service import Lockers
from cloud_bridge.lockers.sphere import Point
from cloud_bridge.ports import SystemRandom
from edge.wire.keys import key_id
from edge.wire.pickup_pin import derive_pin
from edge.wire.pickup_token import check_claims, open_token
from tests.unit.cloud_bridge.lockers.test_service import LINK_KEY, NOW_MS, PIN_KEY, SIGNER, World

NEAR = "locker-0009"


@dataclass
class TwoLockers(World):
    """locker-0001 has one compartment, the locker near it two."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.lockers = Lockers(
            SystemRandom(),
            lambda _c, device, parts: self.twins.update({(device, name): parts[name] for name in parts}),
            token_id=partial(token_jti, LINK_KEY),
            contact_key=LINK_KEY,
        )
        self.reactions = LockerReactions(self.lockers, SystemRandom())
        self.install(count=1)
        self.install(count=2, locker_id=NEAR)
        for number, locker_id in enumerate(("locker-0001", NEAR)):
            place = Place(locker_id, Point(52_520_000 + 1000 * number, 13_400_000))
            self.db.write_now(lambda conn, place=place: place_store.put_place(conn, "acme", place))

    def plan(self, parcel_id: str) -> Any:
        return self.parcel(parcel_id).reservation

    def planned(self, locker_id: str) -> list[str]:
        return [row["parcel_id"] for row in self.twins[locker_id, "reservations"]]


@pytest.fixture
def world() -> Iterator[TwoLockers]:
    made = TwoLockers()
    yield made
    made.db.engine.dispose()


def test_parcel_for_a_full_locker_is_held_at_the_nearest_and_its_recipient_is_told(world: TwoLockers) -> None:
    world.announce("PW-0001")
    found = world.announce("PW-0002")
    assert (found.reservation.locker_id, found.reservation.compartment_no) == (NEAR, 1)
    assert found.assignment.compartment_no is None and world.planned(NEAR) == ["PW-0002"]
    assert world.told() == [("moved", "PW-0002")]


def test_parcel_whose_compartment_breaks_goes_near_and_keeps_its_link_with_codes_of_the_new_locker(
    world: TwoLockers,
) -> None:
    before = world.announce("PW-0001").reservation
    link = world.pickups.link(before)
    world.happen("compartment_disabled", compartment_no=1, reason="did_not_open")
    plan = world.plan("PW-0001")
    assert (plan.locker_id, plan.pickup_id) == (NEAR, before.pickup_id)
    assert world.planned("locker-0001") == [] and world.planned(NEAR) == ["PW-0001"]
    world.happen(
        "parcel_deposited", device_id=NEAR, parcel_id="PW-0001", compartment_no=plan.compartment_no, visit_id="ab" * 16,
        pickup_id=plan.pickup_id, pin_generation=plan.generation, pin_counter=2,
    )  # fmt: skip
    holder = world.db.write_now(lambda conn: world.pickups.holder(conn, link, NOW_MS))
    shown = world.db.write_now(lambda conn: world.pickups.show(conn, holder.subject, NOW_MS))
    claims = open_token(shown.qr, {key_id(SIGNER.public): SIGNER.public})
    check_claims(claims, (f"locker:{NEAR}",), NOW_MS)
    assert shown.locker.locker_id == NEAR and shown.pin == derive_pin(PIN_KEY, plan.pickup_id, plan.generation, 2)
    assert world.told() == [("moved", "PW-0001"), ("ready", "PW-0001")]


def test_one_of_two_parcels_with_a_code_moves_away_alone_and_the_code_stays_with_the_other(world: TwoLockers) -> None:
    world.install(count=2)
    first, second = world.announce("PW-0001").reservation, world.announce("PW-0002").reservation
    assert first.pickup_id == second.pickup_id
    world.deposit("PW-0001", 1, first.pickup_id)
    world.happen("compartment_disabled", compartment_no=2, reason="dirty")
    moved = world.plan("PW-0002")
    assert moved.locker_id == NEAR and moved.pickup_id != first.pickup_id
    every = world.db.write_now(lambda conn: reservation_store.reservations_of_pickup(conn, first.pickup_id))
    assert [(item.parcel_id, why) for item, why in every] == [("PW-0001", None), ("PW-0002", "no_compartment_left")]


def test_parcel_that_fits_nowhere_stays_announced(world: TwoLockers) -> None:
    for number in range(1, 4):
        world.announce(f"PW-000{number}")
    assert world.announce("PW-0009").reservation is None
    assert world.parcel("PW-0009").state is ParcelState.ANNOUNCED


def test_sender_at_the_locker_is_sent_to_no_other(world: TwoLockers) -> None:
    drop_offs = DropOffs(world.lockers, SystemRandom(), LINK_KEY)
    wanted = DropOffWish("locker-0001", "", Wish(Size(200, 50, 200), 500), Recipient("Ann Example", "a@x.org"), None)
    made = world.db.write_now(lambda conn: drop_offs.create(conn, "acme", wanted, NOW_MS))
    world.happen("compartment_disabled", compartment_no=1, reason="dirty")
    assert (NEAR, "reservations") not in world.twins
    assert world.parcel(made.parcel_id).reservation is None
