"""Replay, followers, bundles and the fleet-wide log."""

from __future__ import annotations

import base64
import json

import pytest

from cloud_bridge.errors import InvalidData, NotFound
from cloud_bridge.ledger.service import Follower, Ledger
from cloud_bridge.ledger.store import ReplayQuery, receipts_of
from cloud_bridge.ledger.transparency import FleetLog
from edge.wire.checkpoint import device_note, parse_note, verify_checkpoint
from edge.wire.event import EventDraft
from edge.wire.merkle import Frontier, leaf_hash, verify_consistency, verify_inclusion
from tests.cloud_world import NOW_MS, CloudWorld, device_log, make_world

DEVICE = "locker-0001"


@pytest.fixture
async def world() -> CloudWorld:
    world = await make_world()
    for number in (1, 2):
        log = device_log(world, number)
        for i in range(12):
            data = {"parcel_id": f"PARCEL-{i % 3}", "compartment_no": i % 4 + 1, "visit_id": f"{i:032x}"}
            log.append(EventDraft("parcel_deposited", data, NOW_MS + i * 1000))
        for first in range(0, 12, 4):
            await world.send(log.device.device_id, log.batch(first, first + 4))
    return world


@pytest.fixture
def ledger(world: CloudWorld) -> Ledger:
    return Ledger(world.db, world.fleet.name, world.keys.receipt_name, world.keys.receipt_publics)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        (ReplayQuery(), 24),
        (ReplayQuery(device_id=DEVICE), 12),
        (ReplayQuery(parcel_id="PARCEL-1"), 8),
        (ReplayQuery(device_id=DEVICE, compartment_no=2), 3),
        (ReplayQuery(from_at_ms=NOW_MS + 2000, to_at_ms=NOW_MS + 5000), 6),
        (ReplayQuery(type="parcel_collected"), 0),
    ],
    ids=["all", "device", "parcel", "compartment", "time", "type"],
)
async def test_replay_finds_by_each_handle(ledger, query, count) -> None:
    assert len((await ledger.replay(query)).events) == count


async def test_replay_pages_cover_everything_once_in_order(ledger) -> None:
    positions, after = [], 0
    while after is not None:
        page = await ledger.replay(ReplayQuery(after_position=after, limit=7))
        positions += [event.position for event in page.events]
        after = page.next_after
    assert positions == list(range(1, 25))


async def test_replay_shows_an_asker_only_their_devices(ledger) -> None:
    page = await ledger.replay(ReplayQuery(parcel_id="PARCEL-1"), devices=[DEVICE])
    assert {event.device_id for event in page.events} == {DEVICE}
    assert (await ledger.replay(ReplayQuery(), devices=[])).events == ()


@pytest.mark.parametrize(
    "query", [ReplayQuery(limit=0), ReplayQuery(limit=1001), ReplayQuery(from_at_ms=2, to_at_ms=1)]
)
async def test_replay_refuses_impossible_questions(ledger, query) -> None:
    with pytest.raises(InvalidData):
        await ledger.replay(query)


async def test_bundle_holds_a_range_that_leads_to_its_signed_roots(world, ledger) -> None:
    device = world.fleet.devices[DEVICE]
    bundle = json.loads(await ledger.audit_bundle(DEVICE, "11" * 16, device.log_public, first=5, end=7))
    frontier = Frontier(bundle["first"], tuple(map(bytes.fromhex, bundle["peaks"])))
    note = bundle["receipts"][-1].encode()
    checkpoint = verify_checkpoint(
        device_note(note), origin=bundle["origin"], name=bundle["device_key"]["name"], public=device.log_public
    )
    leaves = [leaf_hash(base64.b64decode(event)) for event in bundle["events"]]
    assert (frontier.size, checkpoint.size) == (5, 8)
    assert frontier.append(leaves).root() == checkpoint.root
    with pytest.raises(NotFound):
        await ledger.audit_bundle(DEVICE, "99" * 16, device.log_public)


class Counting:
    name = "counting"
    types = frozenset({"parcel_deposited"})

    def __init__(self) -> None:
        self.seen: list[int] = []

    def apply(self, _conn, event) -> None:
        self.seen.append(event.position)

    def reset(self, _conn) -> None:
        self.seen.clear()


async def test_follower_folds_each_event_once_and_a_rebuild_folds_all_again(world) -> None:
    counting = Counting()
    follower = Follower(world.db, counting, page=5)
    assert (await follower.catch_up(), await follower.catch_up()) == (24, 0)
    assert counting.seen == list(range(1, 25))
    assert await follower.rebuild() == 24
    assert counting.seen == list(range(1, 25))


async def test_fleet_log_grows_by_each_accepted_checkpoint_and_proves_it(world) -> None:
    log = FleetLog(world.db, world.fleet.name, world.fleet.receipts)
    assert [await log.append_new(4), await log.append_new(), await log.append_new()] == [4, 2, 0]
    head = verify_checkpoint(await log.head(), origin=log.origin, name=log.origin, public=world.fleet.receipts.public)
    assert head.size == 6
    page = await world.db.read(lambda conn: receipts_of(conn, 1, 0, 99))
    leaf = leaf_hash(device_note(page[0]))
    verify_inclusion(0, 6, leaf, await log.inclusion(0, 6), head.root)
    old = Frontier().append([leaf_hash(device_note(note)) for note in page[:1]])
    verify_consistency(1, 6, await log.consistency(1, 6), old.root(), head.root)
    assert parse_note(await log.head()).checkpoint == head
