"""A locker that begins a new log is handed what it held: contents under fresh codes, used credentials, attempts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from cloud_bridge.fleet.secrets import pin_key
from cloud_bridge.fleet.twins import load_twin
from cloud_bridge.ledger.store import fault_count
from cloud_bridge.lockers import custody_store, reservation_store
from cloud_bridge.lockers.pickup_link import token_jti
from edge.wire.pickup_pin import derive_pin
from tests.bridge_world import VISIT, BridgeWorld, bridge_world
from tests.cloud_world import DeviceLog

LOCKER = "locker-0001"
PICKUPS = [f"{n:032x}" for n in range(1, 6)]
DAY_MS = 86_400_000


@pytest.fixture
async def world() -> AsyncIterator[BridgeWorld]:
    async with bridge_world() as made:
        yield made


async def doc(world: BridgeWorld) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((await world.bridge.db.read(lambda conn: load_twin(conn, LOCKER))).doc)
    return found


async def lose_card(world: BridgeWorld, stream: str = "22" * 16) -> dict[str, Any]:
    """The device comes back with an empty log of another name; what its twin tells it to restore."""
    fresh = world.log()
    fresh.stream = stream
    await world.session(fresh)
    await world.happen(fresh, "stream_started", reason="no_log")
    assert await world.bridge.db.read(lambda conn: fault_count(conn, "locker_restoration")) == 0
    found: dict[str, Any] = (await doc(world))["restore"]
    return found


async def started(world: BridgeWorld) -> DeviceLog:
    log = world.log()
    await world.session(log)
    await world.happen(log, "stream_started", reason="no_log")
    return log


async def hold(world: BridgeWorld, log: DeviceLog, no: int, pickup_id: str | None, generation: int = 1) -> None:
    """A parcel nobody announced, laid into compartment `no`."""
    code = {"pickup_id": pickup_id, "pin_generation": generation, "pin_counter": 0} if pickup_id else {}
    await world.happen(log, "parcel_deposited", parcel_id=f"PW-{no:04d}", compartment_no=no, visit_id=VISIT, **code)


async def test_first_log_of_a_locker_is_handed_an_empty_snapshot_so_that_it_opens(world: BridgeWorld) -> None:
    log = await started(world)
    assert (await doc(world))["restore"] == {"stream": log.stream, "contents": [], "used": [], "wrong_in_row": 0}


async def test_parcel_is_restored_under_a_higher_generation_and_what_was_known_of_it_is_void(
    world: BridgeWorld,
) -> None:
    log = await started(world)
    await world.announce()
    pickup_id = await world.deposit(log)
    before, _ = await world.bridge.db.read(lambda conn: reservation_store.reservation_of_pickup(conn, pickup_id))
    old_link, old_pin = world.bridge.pickups.link(before), await _pin(world, pickup_id)
    restore = await lose_card(world)
    (held,) = restore["contents"]
    assert (held["parcel_id"], held["pickup_id"], held["pin_generation"]) == ("PW-0001", pickup_id, 2)
    now = await doc(world)
    assert now["revoked"] == [token_jti(b"k" * 32, pickup_id, 1)]
    assert [row["generation"] for row in now["reservations"]] == [2]
    holder = await world.bridge.db.read(lambda conn: world.bridge.pickups.holder(conn, old_link, world.clock.at_ms))
    key = (await world.bridge.db.read(lambda conn: pin_key(conn, LOCKER)))[1]
    assert holder is None and derive_pin(key, pickup_id, 2, held["pin_counter"]) != old_pin


async def _pin(world: BridgeWorld, pickup_id: str) -> str:
    shown = await world.bridge.db.read(lambda conn: world.bridge.pickups.show(conn, pickup_id, world.clock.at_ms))
    assert shown.pin
    return shown.pin


async def test_locker_lost_twice_raises_the_generation_twice_and_revokes_both_codes(world: BridgeWorld) -> None:
    log = await started(world)
    await world.announce()
    pickup_id = await world.deposit(log)
    first = await lose_card(world)
    second = await lose_card(world, "33" * 16)
    assert [item["contents"][0]["pin_generation"] for item in (first, second)] == [2, 3]
    assert (await doc(world))["revoked"] == sorted(token_jti(b"k" * 32, pickup_id, number) for number in (1, 2))


async def test_codes_of_a_restored_locker_differ_and_parcels_of_one_pickup_share_theirs(world: BridgeWorld) -> None:
    log = await started(world)
    for no, pickup_id in enumerate([*PICKUPS, PICKUPS[0], None], 1):
        await hold(world, log, no, pickup_id)
    restore = await lose_card(world)
    key = (await world.bridge.db.read(lambda conn: pin_key(conn, LOCKER)))[1]
    by_no = {item["compartment_no"]: item for item in restore["contents"]}
    pins = {
        no: derive_pin(key, item["pickup_id"], item["pin_generation"], item["pin_counter"])
        for no, item in by_no.items()
        if "pickup_id" in item
    }
    assert len(by_no) == 7 and pins[1] == pins[6] and len(set(pins.values())) == len(PICKUPS)
    assert "pin_counter" not in by_no[7] and "pickup_id" not in by_no[7]


async def test_parcel_that_left_is_not_restored(world: BridgeWorld) -> None:
    log = await started(world)
    await hold(world, log, 1, PICKUPS[0])
    await hold(world, log, 2, PICKUPS[1])
    await world.happen(log, "parcel_collected", parcel_id="PW-0001", compartment_no=1, visit_id=VISIT)
    assert [item["parcel_id"] for item in (await lose_card(world))["contents"]] == ["PW-0002"]


async def test_used_credentials_are_restored_for_as_long_as_they_could_be_shown_again(world: BridgeWorld) -> None:
    log = await started(world)
    live, dead = world.clock.at_ms + DAY_MS, world.clock.at_ms
    for number, until_ms in ((1, live), (2, dead)):
        jti = f"{number:032x}"
        await world.happen(log, "visit_started", visit_id=VISIT, kind="courier", jti=jti, jti_expires_at_ms=until_ms)
    assert (await lose_card(world))["used"] == [{"jti": f"{1:032x}", "jti_expires_at_ms": live}]


@pytest.mark.parametrize(
    ("attempts", "wrong"),
    [
        pytest.param([], 0, id="none"),
        pytest.param(["refused", "refused"], 2, id="two_wrong"),
        pytest.param(["refused", "accepted"], 0, id="accepted_last"),
        pytest.param(["refused", "accepted", "refused", "cut"], 2, id="one_wrong_and_one_cut_by_the_loss"),
    ],
)
async def test_wrong_pin_attempts_are_counted_on_over_a_lost_card(
    world: BridgeWorld, attempts: list[str], wrong: int
) -> None:
    log = await started(world)
    for number, answer in enumerate(attempts):
        attempt_id = f"{number:032x}"
        await world.happen(log, "pin_attempted", attempt_id=attempt_id)
        if answer == "accepted":
            await world.happen(log, "pin_accepted", attempt_id=attempt_id, pickup_id=PICKUPS[0])
        elif answer == "refused":
            await world.happen(log, "pin_refused", attempt_id=attempt_id, wrong_in_row=number + 1)
    assert (await lose_card(world))["wrong_in_row"] == wrong


async def test_restored_parcel_keeps_its_code_in_the_cloud_until_the_locker_confirms_the_new_one(
    world: BridgeWorld,
) -> None:
    """Generation and counter become the cloud's own only through the device's `compartment_restored` event."""
    log = await started(world)
    await hold(world, log, 1, PICKUPS[0])
    (held,) = (await lose_card(world))["contents"]
    fresh = DeviceLog(world.fleet.name, world.fleet.devices[LOCKER], "22" * 16)
    fresh.raws = list(await _stored(world, fresh))
    before = await world.bridge.db.read(lambda conn: custody_store.custody_of(conn, LOCKER, "PW-0001"))
    await world.happen(fresh, "compartment_restored", **held)
    after = await world.bridge.db.read(lambda conn: custody_store.custody_of(conn, LOCKER, "PW-0001"))
    assert (before.pin_generation, after.pin_generation) == (1, 2) and after.state == "deposited"


async def _stored(world: BridgeWorld, log: DeviceLog) -> tuple[bytes, ...]:
    from cloud_bridge.ledger import store as ledger

    head = await world.bridge.db.read(lambda conn: ledger.load_head(conn, LOCKER, log.stream))
    return await world.bridge.db.read(lambda conn: ledger.stored_raws(conn, head.stream_no, 0, 100))
