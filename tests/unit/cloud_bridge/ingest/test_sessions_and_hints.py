"""Sessions, what is sent with them, and alarms ahead of the backlog."""

from __future__ import annotations

import json

import pytest

from cloud_bridge.fleet import alarms, secrets, twins
from cloud_bridge.fleet.model import OFFER_MS
from cloud_bridge.ingest.withheld import WITHHELD_AFTER_MS, raise_withheld
from edge.wire.envelope import Kind, open_envelope
from edge.wire.event import EventDraft
from edge.wire.messages import Desired, Secret, Welcome
from edge.wire.secrets import PIN_KEY, unwrap_secret
from tests.cloud_world import NOW_MS, CloudWorld, DeviceLog, device_log, kinds, make_world

DEVICE = "locker-0001"
ALARM = EventDraft("door_opened_unauthorised", {"compartment_no": 7}, NOW_MS)


@pytest.fixture
async def world() -> CloudWorld:
    return await make_world()


async def all_alarms(world: CloudWorld) -> list[tuple[str, str, bool, bool]]:
    found = await world.db.read(lambda conn: alarms.list_alarms(conn, active_only=False))
    return [(alarm.alarm, alarm.subject, alarm.settled, alarm.cleared_at_ms is None) for alarm in found]


async def test_knock_is_welcomed_with_the_cursor(world) -> None:
    log = device_log(world).fill(3)
    await world.send(DEVICE, log.batch())
    (answer,) = await world.send(DEVICE, log.hello())
    assert Welcome.parse(open_envelope(answer.payload).body).cursor == 3


async def nonce_of_knock(world: CloudWorld, log: DeviceLog) -> bytes:
    (answer,) = await world.send(DEVICE, log.hello())
    return Welcome.parse(open_envelope(answer.payload).body).nonce


async def test_knock_that_comes_twice_in_one_connection_is_welcomed_with_the_same_nonce(world) -> None:
    log = device_log(world).fill(3)
    await world.ingest.receive(DEVICE, "presence", b"online")
    first, again = await nonce_of_knock(world, log), await nonce_of_knock(world, log)
    assert first == again
    answers = await world.send(DEVICE, log.hello(first))
    assert "bundle" in kinds(answers)
    assert await nonce_of_knock(world, log) != first, "an answered nonce is never offered again"


async def _new_connection(world: CloudWorld, _log: DeviceLog) -> None:
    for word in (b"offline", b"online"):
        world.clock.at_ms += 1
        await world.ingest.receive(DEVICE, "presence", word)


async def _moved_head(world: CloudWorld, log: DeviceLog) -> None:
    await world.send(DEVICE, log.batch())


async def _minute(world: CloudWorld, _log: DeviceLog) -> None:
    world.clock.at_ms += OFFER_MS


@pytest.mark.parametrize("between", [_new_connection, _moved_head, _minute])
async def test_knock_after_something_changed_is_welcomed_with_a_nonce_of_its_own(world, between) -> None:
    log = device_log(world).fill(3)
    await world.ingest.receive(DEVICE, "presence", b"online")
    first = await nonce_of_knock(world, log)
    await between(world, log)
    assert await nonce_of_knock(world, log) != first


async def test_session_brings_the_pin_key_until_the_device_confirms_it(world) -> None:
    log = device_log(world).fill(1)
    answers = [open_envelope(answer.payload) for answer in await world.session(log)]
    (envelope,) = [item for item in answers if item.kind is Kind.SECRET]
    envelope.verify(world.fleet.desired.public)
    secret = Secret.parse(envelope.body)
    key = unwrap_secret(
        secret.wrapped, private=log.device.wrap_private, device_id=DEVICE, name=PIN_KEY, version=secret.version
    )
    assert await world.db.read(lambda conn: secrets.pin_key(conn, DEVICE)) == (secret.version, key)
    log.append(EventDraft("secret_stored", {"name": PIN_KEY, "version": secret.version}, NOW_MS))
    await world.send(DEVICE, log.batch())
    assert "secret" not in kinds(await world.session(log))


async def test_session_brings_the_desired_document_when_it_differs(world) -> None:
    twin = await world.db.write(lambda conn: twins.set_desired(conn, DEVICE, "revoked", ["ab" * 16]))
    log = device_log(world).fill(1)
    envelopes = [open_envelope(answer.payload) for answer in await world.session(log)]
    (desired,) = [Desired.parse(item.body) for item in envelopes if item.kind is Kind.DESIRED]
    assert (desired.epoch, desired.version) == (twin.epoch, twin.version)
    assert json.loads(desired.doc) == {"revoked": ["ab" * 16]}
    same = {"desired_epoch": twin.epoch, "desired_version": twin.version}
    assert "desired" not in kinds(await world.session(log, **same))


async def test_device_that_follows_a_newer_document_raises_the_epoch_of_a_restored_cloud(world) -> None:
    await world.db.write(lambda conn: twins.set_desired(conn, DEVICE, "revoked", []))
    await world.session(device_log(world).fill(1), desired_epoch=1, desired_version=9)
    twin = await world.db.read(lambda conn: twins.load_twin(conn, DEVICE))
    assert (twin.epoch, twin.version) > (1, 9)


async def test_hint_raises_at_once_and_its_log_record_settles_without_a_second_alarm(world) -> None:
    log = device_log(world).fill(4)
    (raw,) = log.append(ALARM)
    assert await world.send(DEVICE, log.hint(raw)) == []
    assert await all_alarms(world) == [("door_opened_unauthorised", "compartment:7", False, True)]
    await world.send(DEVICE, log.batch())
    assert await all_alarms(world) == [("door_opened_unauthorised", "compartment:7", True, True)]
    await world.send(DEVICE, log.hint(raw))
    assert len(await all_alarms(world)) == 1


async def test_alarm_cleared_by_hand_between_hint_and_record_stays_cleared(world) -> None:
    log = device_log(world).fill(4)
    (raw,) = log.append(ALARM)
    await world.send(DEVICE, log.hint(raw))
    await world.db.write(lambda conn: alarms.clear_by_hand(conn, 1, actor="olga", now_ms=NOW_MS))
    await world.send(DEVICE, log.batch())
    assert await all_alarms(world) == [("door_opened_unauthorised", "compartment:7", True, False)]


async def test_older_clearing_in_the_backlog_does_not_end_what_a_hint_raised_later(world) -> None:
    log = device_log(world)
    log.append(EventDraft("alarm_cleared", {"alarm": "tamper"}, NOW_MS - 10))
    (raw,) = log.append(EventDraft("alarm_raised", {"alarm": "tamper"}, NOW_MS))
    await world.send(DEVICE, log.hint(raw))
    await world.send(DEVICE, log.batch())
    assert await all_alarms(world) == [("tamper", "", True, True)]


async def test_hint_of_another_device_or_of_no_urgency_raises_nothing(world) -> None:
    log, other = device_log(world), device_log(world, 2)
    (raw,) = other.append(ALARM)
    await world.send(DEVICE, log.hint(raw))
    await world.send(DEVICE, log.hint(log.fill(1).raws[0]))
    assert await all_alarms(world) == []


@pytest.mark.parametrize(("age_ms", "active"), [(0, True), (16 * 60_000, False)], ids=["fresh", "late"])
async def test_late_fact_that_is_no_security_event_raises_no_fresh_alarm(world, age_ms, active) -> None:
    log = device_log(world)
    log.append(EventDraft("board_lost", {"module": "left"}, NOW_MS - age_ms))
    await world.send(DEVICE, log.batch())
    assert [row[0] for row in await all_alarms(world)] == (["board_lost"] if active else [])


async def test_announced_events_that_do_not_come_raise_an_alarm_once(world) -> None:
    log = device_log(world).fill(10)
    await world.send(DEVICE, log.batch(0, 6))
    await world.session(log)
    assert await world.db.write(lambda conn: raise_withheld(conn, NOW_MS)) == 0
    later_ms = NOW_MS + WITHHELD_AFTER_MS + 1
    assert [await world.db.write(lambda conn: raise_withheld(conn, later_ms)) for _ in range(2)] == [1, 0]
