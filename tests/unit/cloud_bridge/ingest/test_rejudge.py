"""What an older cloud did not understand is judged again by a newer one, once, as if it had been understood at once."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from cloud_bridge.fleet.alarms import list_alarms, raise_alarm
from cloud_bridge.fleet.projection import FleetProjection
from cloud_bridge.ingest.rejudge import Rejudging, table_digest
from cloud_bridge.ingest.service import Ingest
from cloud_bridge.ledger import set_apart, store
from cloud_bridge.ledger.model import StoredEvent
from cloud_bridge.ledger.tables import cursors, events, quarantined_events, streams
from cloud_bridge.lockers.custody_store import CustodyProjection, custody_compartments, custody_parcels
from edge.wire.event import EventDraft
from tests.cloud_world import NOW_MS, CloudWorld, DeviceLog, device_log, heartbeat, make_world

PROJECTIONS = (CustodyProjection(), FleetProjection())
DEVICE = "locker-0001"


class Reactions:
    """A follower that writes what it was given into a table, so that a rollback takes it back."""

    name, types = "reactions", frozenset({"parcel_deposited", "door_left_open"})

    def apply(self, conn: Connection, event: StoredEvent) -> None:
        raise_alarm(conn, event.device_id, "told", at_ms=event.at_ms, subject=str(event.seq))

    def reset(self, conn: Connection) -> None: ...


def story() -> list[EventDraft]:
    parcel = {"parcel_id": "PW-0001", "compartment_no": 3, "visit_id": "cd" * 16}
    return [
        heartbeat(1),
        EventDraft("parcel_deposited", parcel, NOW_MS),
        EventDraft("door_closed", {"compartment_no": 3}, NOW_MS + 1),
        EventDraft("parcel_collected", parcel, NOW_MS + 2),
        EventDraft("door_left_open", {"compartment_no": 3, "open_for_s": 90}, NOW_MS + 3),
    ]


async def told_by(log: DeviceLog, world: CloudWorld, unknown: set[int], reason: str = "unknown_type") -> None:
    """An older cloud takes the story: events `unknown` mean nothing to it, so nothing follows from them."""
    for seq, draft in enumerate(story()):
        log.append(draft)
        older = Ingest(world.db, world.keys, world.clock, world.random, () if seq in unknown else PROJECTIONS)
        await older.receive(DEVICE, "up", log.batch(seq))

    def set_apart_now(conn: Connection) -> None:
        for seq in unknown:
            here = conn.execute(select(events.c.position).where(events.c.seq == seq)).scalar_one()
            conn.execute(update(events).where(events.c.position == here).values(
                type="", at_ms=NOW_MS, parcel_id=None, compartment_no=None, late=False))  # fmt: skip
            conn.execute(insert(quarantined_events), {
                "position": here, "device_id": DEVICE, "stream": log.stream, "seq": seq, "reason": reason,
                "detail": "", "released_at_ms": None})  # fmt: skip
            raise_alarm(conn, DEVICE, "event_not_understood", at_ms=NOW_MS, subject=reason)

    await world.db.write(set_apart_now)


def rejudging(world: CloudWorld, *followers: Any) -> Rejudging:
    return Rejudging(world.db, world.fleet.name, world.clock, PROJECTIONS, followers)


async def rows(world: CloudWorld, *tables: Any) -> list[Any]:
    return [await world.db.read(lambda conn, t=table: conn.execute(select(t)).all()) for table in tables]


async def alarms_of(world: CloudWorld) -> list[tuple[str, str]]:
    found = await world.db.read(lambda conn: list_alarms(conn, device_ids=[DEVICE]))
    return sorted((alarm.alarm, alarm.subject) for alarm in found)


@pytest.mark.parametrize("unknown", [{1}, {2}, {3}, {1, 4}, {1, 2, 3, 4}], ids=str)
async def test_released_events_leave_what_they_would_have_left_at_once(unknown: set[int]) -> None:
    newer, older = await make_world(), await make_world()
    await told_by(device_log(newer), newer, set())
    await told_by(device_log(older), older, unknown)

    assert await rejudging(older).run() == len(unknown)

    tables = (events, custody_parcels, custody_compartments)
    assert await rows(older, *tables) == await rows(newer, *tables)
    assert await alarms_of(older) == await alarms_of(newer) == [("door_left_open", "compartment:3")]


async def test_rejudging_again_does_nothing_and_looks_at_nothing_twice() -> None:
    world = await make_world()
    await told_by(device_log(world), world, {1})
    assert [await rejudging(world).run(), await rejudging(world).run()] == [1, 0]
    assert await world.db.read(lambda conn: store.load_cursor(conn, f"rejudged.{table_digest()}")) == 2


async def test_rejudging_under_another_table_begins_anew_and_keeps_one_cursor() -> None:
    world = await make_world()
    await told_by(device_log(world), world, {1})
    await world.db.write(lambda conn: store.save_cursor(conn, "rejudged.0123", 99))
    assert await rejudging(world).run() == 1
    kept = await world.db.read(lambda conn: conn.execute(select(cursors.c.projection)).scalars().all())
    assert kept == [f"rejudged.{table_digest()}"]


async def test_event_still_not_understood_stays_set_apart_with_its_alarm() -> None:
    world = await make_world()
    log = device_log(world)
    log.append(EventDraft("teleported", {}, NOW_MS), heartbeat(1))
    await world.send(DEVICE, log.batch())
    assert await rejudging(world).run() == 0
    assert [row.seq for row in await world.db.read(set_apart.quarantined)] == [0]
    assert await alarms_of(world) == [("event_not_understood", "unknown_type")]


async def test_event_with_a_wrong_source_is_never_released() -> None:
    world = await make_world()
    await told_by(device_log(world), world, {1}, reason="source")
    assert await rejudging(world).run() == 0
    assert len(await world.db.read(set_apart.quarantined)) == 1


@pytest.mark.parametrize("reached, told", [(0, []), (2, [("told", "1")]), (5, [("told", "1"), ("told", "4")])])
async def test_follower_gets_only_what_lies_behind_its_cursor(reached: int, told: list[tuple[str, str]]) -> None:
    world = await make_world()
    await told_by(device_log(world), world, {1, 4})
    await world.db.write(lambda conn: store.save_cursor(conn, "reactions", reached))
    assert await rejudging(world, Reactions()).run() == 2
    assert [alarm for alarm in await alarms_of(world) if alarm[0] == "told"] == told


async def test_event_of_a_superseded_stream_is_kept_in_custody_and_reacted_to_by_nobody() -> None:
    world = await make_world()
    await told_by(device_log(world), world, {1, 3, 4})
    await world.db.write(lambda conn: conn.execute(update(streams).values(superseded_at_ms=NOW_MS)))
    await world.db.write(lambda conn: store.save_cursor(conn, "reactions", 5))
    assert await rejudging(world, Reactions()).run() == 3
    assert await alarms_of(world) == []
    [[parcel]] = await rows(world, custody_parcels)
    assert (parcel.parcel_id, parcel.state) == ("PW-0001", "collected")
