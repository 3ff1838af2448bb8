"""Lockers over a real store: reserve once, physical facts win, people can be erased, links are void when raised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import text

from cloud_bridge.errors import Conflict, NotFound, NotPossibleNow
from cloud_bridge.ledger.model import StoredEvent
from cloud_bridge.lockers import reservation_store
from cloud_bridge.lockers.custody_store import CustodyProjection, custody_of
from cloud_bridge.lockers.manifest import Row
from cloud_bridge.lockers.model import Announcement, Compartment, Locker, ParcelState, Recipient, Size, Wish
from cloud_bridge.lockers.pickup_link import token_jti
from cloud_bridge.lockers.pickups import Pickups
from cloud_bridge.lockers.reactions import LockerReactions
from cloud_bridge.lockers.service import MAX_GENERATIONS, Lockers
from cloud_bridge.lockers.terms import DAY_MS
from cloud_bridge.lockers.twin_sections import PATIENCE_MS
from cloud_bridge.notify import store as outbox
from cloud_bridge.ports import SystemRandom
from cloud_bridge.storage.inline import InlineDatabase
from cloud_bridge.storage.schema import metadata
from edge.wire.event_types import check_payload
from edge.wire.keys import Ed25519Signer, key_id
from edge.wire.pickup_pin import derive_pin
from edge.wire.pickup_token import check_claims, open_token

NOW_MS = 1_790_000_000_000
VISIT = "ab" * 16
PIN_KEY = bytes(range(32))
LINK_KEY = b"k" * 32
SIGNER = Ed25519Signer(b"\x07" * 32)


@dataclass
class World:
    db: InlineDatabase = field(default_factory=InlineDatabase)
    twins: dict[tuple[str, str], Any] = field(default_factory=dict)
    position: int = 0

    def __post_init__(self) -> None:
        self.db.write_now(metadata.create_all)
        self.lockers = Lockers(
            SystemRandom(),
            lambda _c, device, parts: self.twins.update({(device, name): parts[name] for name in parts}),
            token_id=partial(token_jti, LINK_KEY),
        )
        self.custody = CustodyProjection()
        self.reactions = LockerReactions(self.lockers, SystemRandom())
        self.pickups = Pickups("test.fleet", SIGNER, LINK_KEY, lambda _c, _d: (1, PIN_KEY))

    def install(self, count: int = 3, locker_id: str = "locker-0001", tenant: str = "acme") -> None:
        items = [Compartment(no, Size(300, 100 * no, 400), 800, frozenset(), "a", no) for no in range(1, count + 1)]
        locker = Locker(locker_id, tenant, "North gate", "1 Example Street")
        self.db.write_now(lambda conn: self.lockers.install(conn, locker, items))

    def announce(self, parcel_id: str, locker_id: str | None = "locker-0001", height_mm: int = 50) -> Any:
        wish = Wish(Size(200, height_mm, 200), 500, upright=True)
        item = Announcement(parcel_id, "Carrier", wish, Recipient("Ann Example", "ann@example.org"), locker_id)
        return self.db.write_now(lambda conn: self.lockers.announce(conn, "acme", item, NOW_MS))

    def happen(self, type_name: str, device_id: str = "locker-0001", **data: Any) -> None:
        check_payload(type_name, data)
        self.position += 1
        event = StoredEvent(
            position=self.position, device_id=device_id, stream="cd" * 16, seq=self.position, boot=1, type=type_name,
            at_ms=NOW_MS, record_at_ms=NOW_MS, clock="synced", late=False, data=data, raw=b"{}",
        )  # fmt: skip
        for projection in (self.custody, self.reactions):
            if event.type in projection.types:
                self.db.write_now(lambda conn, it=projection: it.apply(conn, event))

    def deposit(self, parcel_id: str, no: int, pickup_id: str = "", **extra: Any) -> None:
        pin = {"pickup_id": pickup_id, "pin_generation": 1, "pin_counter": 0} if pickup_id else {}
        self.happen("parcel_deposited", parcel_id=parcel_id, compartment_no=no, visit_id=VISIT, **pin, **extra)

    def parcel(self, parcel_id: str, now_ms: int = NOW_MS) -> Any:
        return self.db.write_now(lambda conn: self.lockers.parcel(conn, "acme", parcel_id, now_ms))

    def active(self) -> dict[int, str]:
        rows = self.db.write_now(lambda conn: reservation_store.active_reservations(conn, "locker-0001"))
        return {item.compartment_no: item.parcel_id for item in rows}

    def told(self) -> list[tuple[str, str]]:
        rows = self.db.write_now(lambda conn: outbox.messages(conn, "acme", parcel_id=None, state=None, limit=100))
        return sorted((row.kind, row.parcel_id) for row in rows)


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    made.install()
    yield made
    made.db.engine.dispose()


def test_announced_parcel_reserves_the_smallest_compartment_and_the_twin_knows(world: World) -> None:
    found = world.announce("PW-0001")
    assert found.reservation.compartment_no == 1
    section = world.twins["locker-0001", "reservations"]
    assert [(row["parcel_id"], row["compartment_no"], row["generation"]) for row in section] == [("PW-0001", 1, 1)]
    assert "Ann" not in str(world.twins)


def test_same_tracking_number_twice_is_a_conflict(world: World) -> None:
    world.announce("PW-0001")
    with pytest.raises(Conflict):
        world.announce("PW-0001")


def test_parcel_without_reservation_put_onto_another_takes_over_the_plan_of_that_compartment(world: World) -> None:
    for number in range(1, 4):
        world.announce(f"PW-000{number}")
    world.announce("PW-0009")  # no compartment was left
    world.deposit("PW-0001", 1)
    world.deposit("PW-0009", 1)
    assert world.active() == {1: "PW-0009", 2: "PW-0002", 3: "PW-0003"}


def test_full_locker_leaves_the_parcel_announced_and_says_why(world: World) -> None:
    for number in range(3):
        world.announce(f"PW-000{number}")
    late = world.announce("PW-0009")
    assert late.reservation is None
    assert {item.reason for item in late.assignment.rejected} == {"reserved"}
    with pytest.raises(NotPossibleNow, match="it is reserved for parcel PW-0000"):
        world.db.write_now(lambda conn: world.lockers.reserve(conn, "acme", "PW-0009", "locker-0001", NOW_MS))


def test_second_active_reservation_of_a_compartment_is_impossible_in_the_store(world: World) -> None:
    found = world.announce("PW-0001").reservation
    with pytest.raises(Exception, match="UNIQUE"):
        world.db.write_now(
            lambda conn: conn.execute(text("INSERT INTO reservations SELECT 'x', tenant, locker_id, compartment_no, "
                                           "parcel_key, parcel_id, 'y', generation, fulfilled, expires_at_ms, "
                                           "collect_by_ms, created_at_ms, ended, notice FROM reservations"))
        )  # fmt: skip
    assert world.active() == {found.compartment_no: "PW-0001"}


def test_deposit_as_planned_tells_the_recipient_once(world: World) -> None:
    pickup_id = world.announce("PW-0001").reservation.pickup_id
    assert world.told() == []
    world.deposit("PW-0001", 1, pickup_id)
    assert world.parcel("PW-0001").state is ParcelState.DEPOSITED
    assert world.told() == [("ready", "PW-0001")]


def test_deposit_in_another_compartment_moves_the_reservation_that_stood_there(world: World) -> None:
    world.announce("PW-0001")
    world.announce("PW-0002")
    world.deposit("PW-0001", 2)
    assert world.active() == {2: "PW-0001", 1: "PW-0002"}


def test_deposit_that_leaves_no_room_ends_the_other_reservation(world: World) -> None:
    world.announce("PW-0001")
    world.announce("PW-0002", height_mm=250)
    world.deposit("PW-0001", 3)
    assert world.active() == {3: "PW-0001"}
    assert world.parcel("PW-0002").state is ParcelState.ANNOUNCED


def test_deposit_nobody_announced_is_recorded_and_blocks_the_compartment(world: World) -> None:
    world.announce("PW-0001")
    world.deposit("PW-0777", 1)
    assert world.active() == {2: "PW-0001"}
    custody = world.db.write_now(lambda conn: custody_of(conn, "locker-0001", "PW-0777"))
    assert custody is not None and custody.state == "deposited"


def test_compartment_out_of_service_moves_its_reservation(world: World) -> None:
    world.announce("PW-0001")
    world.happen("compartment_disabled", compartment_no=1, reason="did_not_open")
    assert world.active() == {2: "PW-0001"}


def test_collect_ends_the_reservation_and_frees_the_compartment(world: World) -> None:
    pickup_id = world.announce("PW-0001").reservation.pickup_id
    world.deposit("PW-0001", 1, pickup_id)
    world.happen("parcel_collected", parcel_id="PW-0001", compartment_no=1, visit_id=VISIT)
    assert world.active() == {} and world.parcel("PW-0001").state is ParcelState.COLLECTED
    assert world.announce("PW-0002").reservation.compartment_no == 1
    assert world.told() == [("collected", "PW-0001"), ("ready", "PW-0001")]


def test_reservation_past_its_time_expires(world: World) -> None:
    world.announce("PW-0001")
    late_ms = NOW_MS + 2 * DAY_MS
    assert world.db.write_now(lambda conn: world.lockers.expire(conn, late_ms - 1)) == 0
    assert world.db.write_now(lambda conn: world.lockers.expire(conn, late_ms)) == 1
    assert world.active() == {} and world.twins["locker-0001", "reservations"] == []


def test_recipients_page_shows_the_code_that_the_device_derives_and_a_token_it_accepts(world: World) -> None:
    reservation = world.announce("PW-0001").reservation
    link = world.pickups.link(reservation)
    shown = world.db.write_now(lambda conn: world.pickups.show(conn, reservation.pickup_id, NOW_MS))
    assert (shown.state, shown.pin, shown.qr) == ("on_its_way", "", "")
    world.deposit("PW-0001", 1, reservation.pickup_id)
    holder = world.db.write_now(lambda conn: world.pickups.holder(conn, link, NOW_MS))
    shown = world.db.write_now(lambda conn: world.pickups.show(conn, holder.subject, NOW_MS))
    assert shown.pin == derive_pin(PIN_KEY, reservation.pickup_id, 1, 0)
    claims = open_token(shown.qr, {key_id(SIGNER.public): SIGNER.public})
    check_claims(claims, ("locker:locker-0001",), NOW_MS)
    assert claims.pickup_id == reservation.pickup_id
    again = world.db.write_now(lambda conn: world.pickups.show(conn, holder.subject, NOW_MS + 60_000))
    assert again.qr == shown.qr
    assert shown.pin not in repr(shown) and shown.qr not in repr(shown)


def test_link_after_reissue_leads_nowhere(world: World) -> None:
    reservation = world.announce("PW-0001").reservation
    link = world.pickups.link(reservation)
    raised = world.db.write_now(lambda conn: world.lockers.reissue(conn, "acme", "PW-0001"))
    holder = lambda it: world.db.write_now(lambda conn: world.pickups.holder(conn, it, NOW_MS))  # noqa: E731
    assert holder(link) is None and holder(world.pickups.link(raised)) is not None


def test_qr_code_of_before_a_reissue_stands_in_the_twin_as_revoked_until_the_parcel_leaves(world: World) -> None:
    reservation = world.announce("PW-0001").reservation
    void = ("locker-0001", "revoked")
    assert world.twins[void] is None
    for generation in (1, 2):
        world.db.write_now(lambda conn: world.lockers.reissue(conn, "acme", "PW-0001"))
        older = [token_jti(LINK_KEY, reservation.pickup_id, one) for one in range(1, generation + 1)]
        assert world.twins[void] == sorted(older)
    world.deposit("PW-0001", 1, reservation.pickup_id)
    world.happen("parcel_collected", parcel_id="PW-0001", compartment_no=1, visit_id=VISIT)
    world.db.write_now(lambda conn: world.lockers.expire(conn, NOW_MS + PATIENCE_MS))
    assert world.twins[void] is None


def test_what_the_device_did_as_planned_is_written_to_its_twin_when_patience_ends_or_with_the_next_change(
    world: World,
) -> None:
    section = lambda: [row["parcel_id"] for row in world.twins["locker-0001", "reservations"]]  # noqa: E731
    expire = lambda at_ms: world.db.write_now(lambda conn: world.lockers.expire(conn, at_ms))  # noqa: E731
    pickup_id = world.announce("PW-0001").reservation.pickup_id
    world.twins.clear()
    world.deposit("PW-0001", 1, pickup_id)
    world.happen("parcel_collected", parcel_id="PW-0001", compartment_no=1, visit_id=VISIT)
    assert not world.twins and expire(NOW_MS + PATIENCE_MS - 1) == 0
    assert expire(NOW_MS + PATIENCE_MS) == 1 and section() == []
    pickup_id = world.announce("PW-0002").reservation.pickup_id
    world.deposit("PW-0002", 1, pickup_id)
    world.announce("PW-0003")
    assert section() == ["PW-0002", "PW-0003"] and expire(NOW_MS + PATIENCE_MS) == 0


def test_rows_of_a_manifest_are_told_to_each_device_together(world: World) -> None:
    world.install(locker_id="locker-0002")
    told: list[tuple[str, list[str]]] = []
    lockers = Lockers(
        SystemRandom(),
        lambda _c, device, parts: told.append((device, [row["parcel_id"] for row in parts["reservations"]])),
    )
    wish, recipient = Wish(Size(200, 50, 200), 500, upright=True), Recipient("Ann Example", "ann@example.org")
    places = {"PW-0001": "locker-0001", "PW-0002": "locker-0002", "PW-0003": "locker-0001", "PW-0004": None}
    items = [Announcement(parcel_id, "Carrier", wish, recipient, place) for parcel_id, place in places.items()]
    rows = tuple(Row(line, item) for line, item in enumerate([*items, items[0]], 2))
    done, findings = world.db.write_now(lambda conn: lockers.announce_rows(conn, "acme", rows, NOW_MS))
    assert (len(done), [finding.line for finding in findings]) == (4, [6])
    assert told == [("locker-0001", ["PW-0001", "PW-0003"]), ("locker-0002", ["PW-0002"])]


def test_deposit_other_than_planned_is_written_to_the_twin_at_once(world: World) -> None:
    pickup_id = world.announce("PW-0001").reservation.pickup_id
    world.deposit("PW-0001", 2, pickup_id)
    assert [row["compartment_no"] for row in world.twins["locker-0001", "reservations"]] == [2]
    assert world.twins["locker-0001", "collect_by"].keys() == {pickup_id}


def test_reissue_without_end_is_refused_before_the_list_of_void_codes_grows_too_long(world: World) -> None:
    world.announce("PW-0001")
    for _ in range(MAX_GENERATIONS - 1):
        world.db.write_now(lambda conn: world.lockers.reissue(conn, "acme", "PW-0001"))
    with pytest.raises(Conflict):
        world.db.write_now(lambda conn: world.lockers.reissue(conn, "acme", "PW-0001"))


@pytest.mark.parametrize("link", ["", "A", "A" * 43, "é" * 43, "-" * 64])
def test_link_that_was_never_made_leads_nowhere(world: World, link: str) -> None:
    assert world.db.write_now(lambda conn: world.pickups.holder(conn, link, NOW_MS)) is None


def test_erasing_drops_the_person_and_keeps_the_parcel(world: World) -> None:
    pickup_id = world.announce("PW-0001").reservation.pickup_id
    dump = world.db.write_now(lambda conn: str(conn.exec_driver_sql("SELECT * FROM parcels").all()))
    assert "Ann" not in dump and "example.org" not in dump
    with pytest.raises(Conflict):
        world.db.write_now(lambda conn: world.lockers.erase(conn, "acme", "PW-0001"))
    world.deposit("PW-0001", 1, pickup_id)
    world.happen("parcel_collected", parcel_id="PW-0001", compartment_no=1, visit_id=VISIT)
    world.db.write_now(lambda conn: world.lockers.erase(conn, "acme", "PW-0001"))
    row = world.parcel("PW-0001").row
    assert world.db.write_now(lambda conn: world.lockers.recipient(conn, row)) is None


def test_other_tenant_sees_neither_parcel_nor_locker(world: World) -> None:
    world.announce("PW-0001")
    with pytest.raises(NotFound):
        world.db.write_now(lambda conn: world.lockers.parcel(conn, "rival", "PW-0001", NOW_MS))
    with pytest.raises(NotFound):
        world.db.write_now(lambda conn: world.lockers.locker_of(conn, "rival", "locker-0001"))


class LockerMachine(RuleBasedStateMachine):
    """Announcements, deposits anywhere, collections and broken doors in any order."""

    @initialize()
    def start(self) -> None:
        self.world = World()
        self.world.install(count=4)
        self.count = 0
        self.inside: dict[str, int] = {}

    @rule(height_mm=st.integers(10, 450))
    def announce(self, height_mm: int) -> None:
        self.count += 1
        self.world.announce(f"PW-{self.count:04d}", height_mm=height_mm)

    @rule(data=st.data(), no=st.integers(1, 4))
    def deposit(self, data: st.DataObject, no: int) -> None:
        number = data.draw(st.integers(1, self.count + 1))
        self.world.deposit(f"PW-{number:04d}", no)
        self.inside[f"PW-{number:04d}"] = no

    @rule(data=st.data())
    def collect(self, data: st.DataObject) -> None:
        if self.inside:
            parcel_id = data.draw(st.sampled_from(sorted(self.inside)))
            no = self.inside.pop(parcel_id)
            self.world.happen("parcel_collected", parcel_id=parcel_id, compartment_no=no, visit_id=VISIT)

    @rule(no=st.integers(1, 4), back=st.booleans())
    def service(self, no: int, back: bool) -> None:
        name = "compartment_enabled" if back else "compartment_disabled"
        self.world.happen(name, compartment_no=no, **({} if back else {"reason": "broken"}))

    @invariant()
    def custody_is_what_happened(self) -> None:
        for parcel_id, no in self.inside.items() if hasattr(self, "world") else ():
            custody = self.world.db.write_now(lambda conn, it=parcel_id: custody_of(conn, "locker-0001", it))
            assert custody is not None and (custody.state, custody.compartment_no) == ("deposited", no)

    @invariant()
    def twin_says_each_compartment_and_parcel_once(self) -> None:
        if hasattr(self, "world"):
            world = self.world
            world.db.write_now(lambda conn: world.lockers.twin.write_due(conn, NOW_MS + PATIENCE_MS, 10))
            rows = self.world.twins.get(("locker-0001", "reservations"), [])
            assert len({row["compartment_no"] for row in rows}) == len({row["parcel_id"] for row in rows}) == len(rows)
            assert {row["compartment_no"]: row["parcel_id"] for row in rows} == self.world.active()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.db.engine.dispose()


TestLockerMachine = LockerMachine.TestCase
TestLockerMachine.settings = settings(
    max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
