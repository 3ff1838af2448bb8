"""Every way to lie about a log, and every honest oddity that must not be taken for a lie."""

from __future__ import annotations

import pytest

from cloud_bridge.fleet import alarms
from cloud_bridge.fleet.service import Fleet
from cloud_bridge.ledger import gaps as ledger_gaps
from cloud_bridge.ledger import set_apart
from cloud_bridge.ledger import store as ledger
from edge.wire.checkpoint import parse_note, verify_receipt
from edge.wire.envelope import Kind, open_envelope, seal, wrap
from edge.wire.event import EventDraft
from edge.wire.keys import Ed25519Signer
from edge.wire.messages import Refusal, Rewind, Welcome
from tests.cloud_world import NOW_MS, CloudWorld, DeviceLog, device_log, heartbeat, kinds, make_world

DEVICE = "locker-0001"


@pytest.fixture
async def world() -> CloudWorld:
    return await make_world()


@pytest.fixture
async def log(world: CloudWorld) -> DeviceLog:
    """A log of ten events, of which the cloud has all."""
    log = device_log(world).fill(10)
    assert kinds(await world.send(DEVICE, log.batch())) == ["receipt"]
    return log


def receipt_size(world: CloudWorld, payload: bytes) -> int:
    note = open_envelope(payload).body
    return verify_receipt(note, name=world.fleet.receipt_key_name, public=world.fleet.receipts.public).checkpoint.size


async def active_alarms(world: CloudWorld) -> set[str]:
    return {alarm.alarm for alarm in await world.db.read(alarms.list_alarms)}


async def assert_unharmed(world: CloudWorld, log: DeviceLog, size: int = 10) -> None:
    """The stored log is as it was, and nobody is quarantined."""
    assert await world.stored(log) == tuple(log.raws[:size])
    assert await world.state(DEVICE) == "active"


# --- bytes that nobody signed: dropped, and no device suffers for them ---------------------------------------


def delete(log: DeviceLog) -> bytes:
    return log.batch(10, 14, events=(log.raws[10], log.raws[12], log.raws[13]))


def delete_and_pad(log: DeviceLog) -> bytes:
    return log.batch(10, 14, events=(log.raws[10], log.raws[12], log.raws[13], log.raws[13]))


def reorder(log: DeviceLog) -> bytes:
    return log.batch(10, 14, events=(log.raws[11], log.raws[10], log.raws[12], log.raws[13]))


def edit(log: DeviceLog) -> bytes:
    changed = log.raws[12].replace(b'"uptime_s":12000', b'"uptime_s":12001')
    assert changed != log.raws[12]
    return log.batch(10, 14, events=(log.raws[10], log.raws[11], changed, log.raws[13]))


def withhold_tail(log: DeviceLog) -> bytes:
    return log.batch(10, 14, events=tuple(log.raws[10:13]))


def splice(log: DeviceLog) -> bytes:
    other = DeviceLog(log.fleet, OTHERS["device"], stream=log.stream).fill(14)
    return log.batch(10, 14, events=(*log.raws[10:13], other.raws[13]))


def foreign_checkpoint(log: DeviceLog) -> bytes:
    other = DeviceLog(log.fleet, OTHERS["device"], stream=log.stream).fill(14)
    return log.batch(10, 14, checkpoint=other.checkpoint(14))


def foreign_stream_checkpoint(log: DeviceLog) -> bytes:
    other = DeviceLog(log.fleet, log.device, stream="22" * 16).fill(14)
    return log.batch(10, 14, checkpoint=other.checkpoint(14))


def forged_checkpoint(log: DeviceLog) -> bytes:
    forger = Ed25519Signer(b"\x07" * 32)
    changed = DeviceLog(log.fleet, log.device, log.stream, raws=list(log.raws))
    object.__setattr__(changed, "device", type(log.device)(DEVICE, forger, b"", b""))
    return changed.batch(10, 14)


def other_device_id(log: DeviceLog) -> bytes:
    return log.batch(10, 14, device_id="locker-0002")


def edit_stored(log: DeviceLog) -> bytes:
    changed = log.raws[3].replace(b'"uptime_s":3000', b'"uptime_s":3001')
    return log.batch(2, 6, events=(log.raws[2], changed, log.raws[4], log.raws[5]))


OTHERS: dict[str, object] = {}


@pytest.mark.parametrize(
    "attack",
    [delete, delete_and_pad, reorder, edit, withhold_tail, splice, foreign_checkpoint, foreign_stream_checkpoint,
     forged_checkpoint, other_device_id, edit_stored],
    ids=lambda attack: attack.__name__,
)  # fmt: skip
async def test_batch_whose_bytes_nobody_signed_is_dropped_unanswered(world, log, attack) -> None:
    OTHERS["device"] = world.fleet.devices["locker-0002"]
    log.fill(4)
    assert await world.send(DEVICE, attack(log)) == []
    await assert_unharmed(world, log)
    assert sum(world.ingest.counters.dropped.values()) == 1
    assert kinds(await world.send(DEVICE, log.batch(10))) == ["receipt"], "the honest batch still goes in"


async def test_batch_on_another_devices_topic_is_dropped(world, log) -> None:
    log.fill(2)
    assert await world.send("locker-0002", log.batch(10)) == []
    await assert_unharmed(world, log)


async def test_client_that_keeps_sending_rubbish_is_muted_for_a_minute(world, log) -> None:
    for _ in range(60):
        await world.send(DEVICE, b"\x00rubbish")
    log.fill(1)
    assert await world.send(DEVICE, log.batch(10)) == []
    assert world.ingest.counters.dropped["muted"] == 1
    world.clock.at_ms += 60_000
    assert kinds(await world.send(DEVICE, log.batch(10))) == ["receipt"]


# --- honest oddities -----------------------------------------------------------------------------------------


async def test_batch_sent_twice_gets_the_current_receipt_and_is_stored_once(world, log) -> None:
    answers = await world.send(DEVICE, log.batch())
    assert [receipt_size(world, answer.payload) for answer in answers] == [10]
    await assert_unharmed(world, log)


@pytest.mark.parametrize(("first", "end"), [(0, 1), (3, 7), (9, 10), (0, 9)])
async def test_old_range_redelivered_in_other_cuts_gets_the_current_receipt(world, log, first, end) -> None:
    log.fill(5)
    await world.send(DEVICE, log.batch(10))
    answers = await world.send(DEVICE, log.batch(first, end))
    assert [receipt_size(world, answer.payload) for answer in answers] == [15]
    await assert_unharmed(world, log, 15)


async def test_batch_that_overlaps_the_cursor_honestly_adds_only_its_tail(world, log) -> None:
    log.fill(4)
    assert kinds(await world.send(DEVICE, log.batch(7, 14))) == ["receipt"]
    await assert_unharmed(world, log, 14)


async def test_batch_beyond_the_cursor_is_answered_with_a_rewind(world, log) -> None:
    log.fill(4)
    answers = await world.send(DEVICE, log.batch(12))
    assert kinds(answers) == ["rewind"]
    assert Rewind.parse(open_envelope(answers[0].payload).body).cursor == 10
    await assert_unharmed(world, log)


async def test_hello_delivered_after_its_own_batches_is_no_rollback(world, log) -> None:
    welcome = await world.send(DEVICE, log.hello())
    nonce = Welcome.parse(open_envelope(welcome[0].payload).body).nonce
    hello = log.hello(nonce)
    log.fill(5)
    await world.send(DEVICE, log.batch(10))
    assert "refusal" not in kinds(await world.send(DEVICE, hello))
    await assert_unharmed(world, log, 15)


async def test_hello_delivered_twice_is_judged_once(world, log) -> None:
    welcome = await world.send(DEVICE, log.hello())
    nonce = Welcome.parse(open_envelope(welcome[0].payload).body).nonce
    hello = log.hello(nonce)
    assert "refusal" not in kinds(await world.send(DEVICE, hello))
    log.fill(5)
    await world.send(DEVICE, log.batch(10))
    assert await world.send(DEVICE, hello) == []
    await assert_unharmed(world, log, 15)


async def test_old_hello_replayed_in_a_new_session_is_not_judged(world, log) -> None:
    old = DeviceLog(log.fleet, log.device, log.stream, raws=log.raws[:4])
    await world.send(DEVICE, log.hello())
    assert await world.send(DEVICE, old.hello(b"\x99" * 16)) == []
    await assert_unharmed(world, log)


# --- signed contradictions: quarantine -----------------------------------------------------------------------


async def assert_quarantined(world: CloudWorld, log: DeviceLog, kind: str, size: int = 10) -> None:
    assert await world.state(DEVICE) == "quarantined"
    assert kind in await active_alarms(world)
    assert await world.stored(log) == tuple(log.raws[:size]), "nothing of the contradiction is stored"
    assert refusal_codes(await world.send(DEVICE, log.hello())) == ["quarantined"]


def refusal_codes(answers: list) -> list[str]:
    envelopes = [open_envelope(answer.payload) for answer in answers]
    return [Refusal.parse(item.body).code for item in envelopes if item.kind is Kind.REFUSAL]


async def test_stale_card_is_a_rollback_at_its_hello(world, log) -> None:
    stale = log.fork(6)
    assert refusal_codes(await world.session(stale)) == ["rollback"]
    await assert_quarantined(world, log, "rollback")


async def test_stale_card_that_writes_on_without_a_hello_is_a_fork(world, log) -> None:
    stale = log.fork(6).fill(2, tag=1)
    assert refusal_codes(await world.send(DEVICE, stale.batch(6))) == ["fork"]
    await assert_quarantined(world, log, "fork")


async def test_fork_of_equal_length_is_found_at_its_hello(world, log) -> None:
    clone = log.fork(6).fill(4, tag=1)
    assert refusal_codes(await world.session(clone)) == ["fork"]
    await assert_quarantined(world, log, "fork")


async def test_fork_of_equal_length_is_found_in_its_batch(world, log) -> None:
    clone = log.fork(6).fill(4, tag=1)
    assert refusal_codes(await world.send(DEVICE, clone.batch(6))) == ["fork"]
    await assert_quarantined(world, log, "fork")


async def test_longer_fork_sent_from_before_the_cursor_is_a_fork(world, log) -> None:
    clone = log.fork(6).fill(8, tag=1)
    assert refusal_codes(await world.send(DEVICE, clone.batch(6))) == ["fork"]
    await assert_quarantined(world, log, "fork")


async def test_longer_fork_that_follows_the_protocol_is_found_by_resending_from_its_base(world, log) -> None:
    clone = log.fork(6).fill(8, tag=1)
    assert "refusal" not in kinds(await world.session(clone)), "a longer head alone contradicts nothing"
    assert await world.send(DEVICE, clone.batch(10)) == []
    assert await world.send(DEVICE, clone.batch(10)) == []
    welcome = await world.send(DEVICE, clone.hello())
    assert Welcome.parse(open_envelope(welcome[0].payload).body).cursor == 0, "asked for everything it still holds"
    assert refusal_codes(await world.send(DEVICE, clone.batch(0, 8))) == ["fork"]
    await assert_quarantined(world, log, "fork")


async def test_honest_device_whose_batches_were_tampered_with_recovers_by_resending(world, log) -> None:
    log.fill(4)
    for _ in range(3):
        assert await world.send(DEVICE, edit(log)) == []
    assert "batches_do_not_fit" in await active_alarms(world)
    welcome = await world.send(DEVICE, log.hello())
    assert Welcome.parse(open_envelope(welcome[0].payload).body).cursor == 0
    answers = await world.send(DEVICE, log.batch(0, 8))
    assert [receipt_size(world, answer.payload) for answer in answers] == [8], "a receipt for this range only"
    assert kinds(await world.send(DEVICE, log.batch(8, 14))) == ["receipt"]
    await assert_unharmed(world, log, 14)


async def test_clone_that_sends_only_its_tail_gets_a_rewind_and_nothing_is_stored(world, log) -> None:
    clone = log.fork(6).fill(10, tag=1)
    assert kinds(await world.send(DEVICE, clone.batch(12))) == ["rewind"]
    await assert_unharmed(world, log)


async def test_clone_that_hides_its_past_behind_a_base_is_refused_without_a_receipt(world, log) -> None:
    clone = log.fork(6).fill(10, tag=1)
    clone.base = 12
    assert refusal_codes(await world.session(clone)) == ["gap_unproved"]
    assert "gap_unproved" in await active_alarms(world)
    await assert_unharmed(world, log)


async def test_receipt_of_another_device_proves_no_base(world, log) -> None:
    other = device_log(world, 2).fill(14)
    answers = await world.send("locker-0002", other.batch())
    clone = log.fork(6).fill(10, tag=1)
    clone.base, clone.receipt = 12, open_envelope(answers[0].payload).body
    assert refusal_codes(await world.session(clone)) == ["gap_unproved"]


async def test_quarantined_device_stores_nothing_until_an_operator_gives_a_reason(world, log) -> None:
    await world.session(log.fork(6))
    log.fill(1)
    assert refusal_codes(await world.send(DEVICE, log.batch(10))) == ["quarantined"]
    fleet = Fleet(world.db, world.keys, world.clock, world.random, _publish_nothing)
    await fleet.end_quarantine(DEVICE, actor="olga", reason="card was swapped back on site")
    assert kinds(await world.send(DEVICE, log.batch(10))) == ["receipt"]
    await assert_unharmed(world, log, 11)
    assert "rollback" not in await active_alarms(world)


async def _publish_nothing(_message: object) -> None:
    raise AssertionError("nothing is to be sent here")


# --- lost cards, restored clouds -----------------------------------------------------------------------------


async def test_new_stream_after_a_lost_card_goes_on_and_what_is_lost_is_written_down(world, log) -> None:
    data = {"reason": "new_card", "former_stream": log.stream, "former_size": 13}
    fresh = device_log(world, stream="22" * 16)
    fresh.append(EventDraft("stream_started", data, NOW_MS))
    assert "refusal" not in kinds(await world.session(fresh))
    assert kinds(await world.send(DEVICE, fresh.batch())) == ["receipt"]
    gaps = await world.db.read(lambda conn: ledger_gaps.all_gaps(conn, DEVICE))
    assert [(gap.stream, gap.first, gap.end, gap.cause) for gap in gaps] == [(log.stream, 10, 13, "lost_with_stream")]
    assert "stream_replaced" in await active_alarms(world)
    await assert_unharmed(world, log)


async def test_two_live_streams_of_one_device_raise_an_alarm_and_lose_nothing(world, log) -> None:
    fresh = device_log(world, stream="22" * 16)
    fresh.append(EventDraft("stream_started", {"reason": "new_card"}, NOW_MS))
    await world.send(DEVICE, fresh.batch())
    assert "two_streams" not in await active_alarms(world)
    log.fill(1)
    assert kinds(await world.send(DEVICE, log.batch(10))) == ["receipt"]
    assert "two_streams" in await active_alarms(world)


async def receipted(world: CloudWorld, log: DeviceLog, end: int) -> bytes:
    """The receipt another, later lost, copy of this cloud gave at `end`."""
    twin = await make_world()
    answers = await twin.send(DEVICE, log.batch(0, end))
    return open_envelope(answers[0].payload).body


async def test_cloud_restored_from_an_older_backup_adopts_the_base_its_own_receipt_proves(world, log) -> None:
    log.fill(20)
    log.receipt, log.base = await receipted(world, log, 25), 18
    answers = await world.session(log)
    assert Rewind.parse(open_envelope(answers[0].payload).body).cursor == 18
    gaps = await world.db.read(lambda conn: ledger_gaps.all_gaps(conn, DEVICE))
    assert [(gap.first, gap.end, gap.cause, gap.proved_at_ms) for gap in gaps] == [(10, 18, "cloud_restored", None)]
    assert "cloud_restored" in await active_alarms(world)
    assert kinds(await world.send(DEVICE, log.batch(18, 28))) == ["receipt"]
    (gap,) = await world.db.read(lambda conn: ledger_gaps.all_gaps(conn, DEVICE))
    assert gap.proved_at_ms is not None, "the events led to the receipt's root"
    assert await world.cursor(log) == 28
    assert await world.state(DEVICE) == "active"


async def test_restored_cloud_that_still_has_the_overlap_only_tells_and_goes_on(world, log) -> None:
    log.fill(5)
    log.receipt, log.base = await receipted(world, log, 15), 5
    answers = await world.session(log)
    assert "rewind" not in kinds(answers)
    assert "cloud_restored" in await active_alarms(world)
    assert kinds(await world.send(DEVICE, log.batch(10))) == ["receipt"]
    await assert_unharmed(world, log, 15)


async def test_base_that_does_not_lead_to_the_receipt_is_a_fork(world, log) -> None:
    log.fill(20)
    receipt = await receipted(world, log, 25)
    liar = log.fork(6).fill(24, tag=1)
    liar.receipt, liar.base = receipt, 18
    await world.session(liar)
    assert refusal_codes(await world.send(DEVICE, liar.batch(18, 28))) == ["fork"]
    assert await world.state(DEVICE) == "quarantined"


# --- poison, oversize, unknown -------------------------------------------------------------------------------


async def test_unknown_event_is_set_apart_alone_and_the_others_go_on(world, log) -> None:
    log.append(heartbeat(1), EventDraft("teleported", {"to": "mars"}, NOW_MS), heartbeat(2))
    assert kinds(await world.send(DEVICE, log.batch(10))) == ["receipt"]
    await assert_unharmed(world, log, 13)
    apart = await world.db.read(set_apart.quarantined)
    assert [(row.seq, row.reason) for row in apart] == [(11, "unknown_type")]
    seen = await world.db.read(lambda conn: ledger.replay(conn, ledger.ReplayQuery(device_id=DEVICE)))
    assert [event.seq for event in seen] == [*range(11), 12]


async def test_signed_event_of_another_device_is_set_apart_and_not_believed(world, log) -> None:
    other = device_log(world, 2, stream=log.stream).fill(11)
    log.raws.append(other.raws[10])
    assert kinds(await world.send(DEVICE, log.batch(10))) == ["receipt"]
    assert [(row.seq, row.reason) for row in await world.db.read(set_apart.quarantined)] == [(10, "source")]


async def test_signed_bytes_that_are_no_event_are_set_apart(world, log) -> None:
    log.raws.append(b"\xff\xfenot json")
    log.fill(1)
    assert kinds(await world.send(DEVICE, log.batch(10))) == ["receipt"]
    assert [(row.seq, row.reason) for row in await world.db.read(set_apart.quarantined)] == [(10, "profile")]


async def test_payload_that_breaks_its_type_is_set_apart(world, log) -> None:
    log.append(EventDraft("parcel_deposited", {"compartment_no": 0}, NOW_MS))
    assert kinds(await world.send(DEVICE, log.batch(10))) == ["receipt"]
    assert [row.reason for row in await world.db.read(set_apart.quarantined)] == ["payload"]


@pytest.mark.parametrize("payload", [b"", b"\x00" * 200_000, b"\x85\x01", wrap(Kind.BATCH, b"\xa0"), b"\xff" * 40])
async def test_oversize_or_malformed_payload_is_dropped(world, log, payload) -> None:
    assert await world.send(DEVICE, payload) == []
    await assert_unharmed(world, log)


async def test_unregistered_device_is_told_so(world) -> None:
    stranger = (await make_world(devices=3)).fleet.devices["locker-0003"]
    log = DeviceLog(world.fleet.name, stranger).fill(1)
    assert refusal_codes(await world.send("locker-0003", log.batch())) == ["unknown_device"]


async def test_hello_signed_by_another_key_is_dropped(world, log) -> None:
    body = open_envelope(log.hello()).body
    assert await world.send(DEVICE, seal(Kind.HELLO, body, Ed25519Signer(b"\x05" * 32))) == []


class FailingProjection:
    """Fails on every third event, as a defective fold would."""

    name = "failing"
    types: frozenset[str] = frozenset()

    def apply(self, conn, event) -> None:
        if event.seq % 3 == 2:
            raise ZeroDivisionError("defect")
        ledger.save_cursor(conn, "seen", event.position)

    def reset(self, conn) -> None: ...


async def test_event_that_breaks_a_projection_stops_neither_the_log_nor_the_other_events() -> None:
    world = await make_world(projections=(FailingProjection(),))
    log = device_log(world).fill(7)
    assert kinds(await world.send(DEVICE, log.batch())) == ["receipt"]
    await assert_unharmed(world, log, 7)
    assert await world.db.read(lambda conn: ledger.fault_count(conn, "failing")) == 2
    assert await world.db.read(lambda conn: ledger.load_cursor(conn, "seen")) == 7


async def test_receipt_carries_the_devices_checkpoint_and_the_clouds_time(world, log) -> None:
    answers = await world.send(DEVICE, log.batch())
    note = open_envelope(answers[0].payload).body
    receipt = verify_receipt(note, name=world.fleet.receipt_key_name, public=world.fleet.receipts.public)
    assert (receipt.checkpoint, receipt.at_s) == (parse_note(log.checkpoint()).checkpoint, NOW_MS // 1000)


async def test_overload_is_shed_before_anything_is_promised() -> None:
    world = await make_world(max_in_flight=0)
    log = device_log(world).fill(1)
    assert await world.send(DEVICE, log.batch()) == []
    assert await world.stored(log) == ()
    assert world.ingest.counters.dropped["shed"] == 1
