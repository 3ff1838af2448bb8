"""The sync driver over the real log and real signatures, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from edge.core.sync.model import Phase
from edge.core.sync.verify import Reason, Refused
from edge.link.sync_driver import LINGER_S, PATIENCE_S
from edge.wire.envelope import Kind, open_envelope
from edge.wire.event import parse_event
from edge.wire.keys import Ed25519Signer, TrustBundle
from edge.wire.messages import Batch, Bundle, Command
from tests.unit.edge.link.sync_world import DEVICE, FLEET, sync_world
from tests.virtual_loop import run_virtual


def test_driver_connected_opens_a_session_and_drains_the_log() -> None:
    async def story() -> None:
        async with sync_world() as world:
            for _ in range(30):
                await world.append("door_closed")
            await asyncio.sleep(5)
            assert await world.receipted()
            assert [len(hello.nonce) for hello in world.cloud.hellos] == [0, 16]
            assert world.sessions == [world.cloud.nonce]
            assert world.clock[0][1] == 40

    run_virtual(story())


def test_driver_hello_lost_on_an_idle_device_opens_another_session() -> None:
    async def story() -> None:
        async with sync_world(connected=False) as world:
            hellos = iter([False, True])
            world.link.lose = lambda payload: open_envelope(payload).kind is Kind.HELLO and next(hellos, False)
            world.driver.connected()
            await asyncio.sleep(60)
            assert world.driver.state.session.judged
            assert [len(hello.nonce) for hello in world.cloud.hellos] == [0, 0, 16]

    run_virtual(story())


def test_driver_backlog_of_days_is_drained_in_full_batches() -> None:
    async def story() -> None:
        async with sync_world(connected=False) as world:
            for _ in range(2_000):
                await world.append("door_closed")
            world.driver.connected()
            await asyncio.sleep(10)
            assert await world.receipted()
            assert len(world.cloud.batches) < 20

    run_virtual(story())


def test_driver_every_third_message_lost_still_delivers_all() -> None:
    async def story() -> None:
        async with sync_world() as world:
            passed = iter(range(10**6))
            world.link.lose = lambda _payload: next(passed) % 3 == 0
            for _ in range(100):
                await world.append("door_closed")
                await asyncio.sleep(2)
            world.link.lose = lambda _payload: False
            await asyncio.sleep(600)
            assert await world.receipted()
            assert [parse_event(raw).seq for raw in world.cloud.events] == list(range(len(world.cloud.events)))

    run_virtual(story())


def test_driver_silent_cloud_is_asked_at_most_once_a_second_and_heals() -> None:
    async def story() -> None:
        async with sync_world() as world:
            world.cloud.on = False
            await world.append("door_closed")
            await asyncio.sleep(3600)
            assert 3600 / 60 - 1 <= len(world.cloud.hellos) <= 200
            world.cloud.on = True
            await asyncio.sleep(200)
            assert await world.receipted()

    run_virtual(story())


def test_driver_link_cut_for_hours_goes_on_where_the_receipt_stood() -> None:
    async def story() -> None:
        async with sync_world() as world:
            await world.append("door_closed")
            await asyncio.sleep(1)
            world.link.up = False
            world.driver.disconnected()
            for _ in range(50):
                await world.append("door_closed")
                await asyncio.sleep(600)
            assert world.sessions[-1] is None and world.driver.state.phase is Phase.OFFLINE
            before = len(world.cloud.batches)
            world.link.up = True
            world.driver.connected()
            await asyncio.sleep(5)
            assert await world.receipted()
            assert world.cloud.batches[before].first == world.cloud.batches[before - 1].first + 1

    run_virtual(story())


def test_driver_publish_failing_without_notice_is_sent_again() -> None:
    async def story() -> None:
        async with sync_world() as world:
            world.link.up = False
            await world.append("door_closed")
            await asyncio.sleep(0.5)
            world.link.up = True
            await asyncio.sleep(30)
            assert await world.receipted()

    run_virtual(story())


def test_driver_urgent_event_leaves_as_a_hint_ahead_of_the_backlog() -> None:
    async def story() -> None:
        async with sync_world() as world:
            world.cloud.on = False
            for _ in range(3):
                await world.append("door_closed")
            await world.append("door_closed", "door_opened_unauthorised")
            await asyncio.sleep(1)
            assert [parse_event(raw).type for raw in world.cloud.hints] == ["door_opened_unauthorised"]

    run_virtual(story())


def test_driver_command_of_this_session_is_delivered() -> None:
    async def story() -> None:
        async with sync_world() as world:
            world.cloud.command()
            await asyncio.sleep(1)
            (command,) = world.delivered
            assert isinstance(command, Command) and command.nonce == world.cloud.nonce

    run_virtual(story())


def test_driver_command_of_an_old_session_is_delivered_as_refused() -> None:
    async def story() -> None:
        async with sync_world() as world:
            world.cloud.command(nonce=b"\x09" * 16)
            await asyncio.sleep(1)
            (refused,) = world.delivered
            assert isinstance(refused, Refused) and refused.reason is Reason.WRONG_SESSION
            assert refused.command is not None

    run_virtual(story())


@pytest.mark.parametrize("signer", [FLEET.receipts, FLEET.root, Ed25519Signer(b"\x01" * 32)])
def test_driver_command_by_another_key_reaches_nobody(signer: Ed25519Signer) -> None:
    async def story() -> None:
        async with sync_world() as world:
            world.cloud.command(signer=signer)
            await asyncio.sleep(1)
            assert world.delivered == [] and world.driver.state.dropped == 1

    run_virtual(story())


def test_driver_newer_bundle_changes_which_keys_count() -> None:
    async def story() -> None:
        async with sync_world() as world:
            bundle = TrustBundle(FLEET.name, 2, 0, {})
            world.cloud.say(Kind.BUNDLE, Bundle(bundle).encode(), FLEET.root)
            await asyncio.sleep(0.1)
            world.cloud.command()
            await asyncio.sleep(1)
            assert world.driver.trust == bundle
            assert [type(message) for message in world.delivered] == [Bundle]

    run_virtual(story())


def test_driver_quarantined_device_keeps_its_events_and_asks_now_and_then() -> None:
    async def story() -> None:
        async with sync_world() as world:
            world.cloud.on = False
            await world.append("door_closed")
            await asyncio.sleep(0.1)
            world.cloud.refuse("quarantined")
            await asyncio.sleep(1)
            assert world.alarms == [("quarantined", True)] and world.sessions[-1] is None
            world.cloud.on = True
            await asyncio.sleep(120)
            assert await world.receipted()
            assert world.alarms == [("quarantined", True), ("quarantined", False)]

    run_virtual(story())


def test_driver_hello_states_head_base_receipt_and_desired_version() -> None:
    async def story() -> None:
        async with sync_world() as world:
            await world.append("door_closed")
            await asyncio.sleep(1)
            world.driver.disconnected()
            world.driver.connected()
            await asyncio.sleep(1)
            hello, head = world.cloud.hellos[-1], await world.log.head()
            assert (hello.checkpoint, hello.receipt) == (head.checkpoint, head.receipt) != (b"", b"")
            assert (hello.desired_epoch, hello.desired_version, hello.boot) == (1, 2, head.boot)

    run_virtual(story())


def test_driver_batches_carry_no_signature_of_their_own() -> None:
    async def story() -> None:
        async with sync_world() as world:
            seen: list[bytes] = []
            world.link.lose = lambda payload: seen.append(payload) is not None
            await world.append("door_closed")
            await asyncio.sleep(LINGER_S + 0.01)
            (envelope,) = [one for one in map(open_envelope, seen) if one.kind is Kind.BATCH]
            assert envelope.signature == b"" and DEVICE.device_id.encode() in envelope.body

    run_virtual(story())


def test_driver_commits_of_one_moment_travel_in_one_batch() -> None:
    async def story() -> None:
        async with sync_world() as world:
            seen: list[bytes] = []
            world.link.lose = lambda payload: seen.append(payload) is not None
            for _ in range(3):
                await world.append("door_closed")
                await asyncio.sleep(LINGER_S / 4)
            assert seen == []
            await asyncio.sleep(LINGER_S / 4 + 0.01)
            (envelope,) = map(open_envelope, seen)
            assert len(Batch.parse(envelope.body).events) == 3

    run_virtual(story())


def test_driver_with_an_urgent_event_does_not_linger() -> None:
    async def story() -> None:
        async with sync_world() as world:
            seen: list[bytes] = []
            world.link.lose = lambda payload: seen.append(payload) is not None
            await world.append("door_closed")
            await world.append("door_opened_unauthorised")
            await asyncio.sleep(0.01)
            assert {open_envelope(one).kind for one in seen} == {Kind.BATCH, Kind.HINT}
            batch = next(one for one in map(open_envelope, seen) if one.kind is Kind.BATCH)
            assert len(Batch.parse(batch.body).events) == 2

    run_virtual(story())


def test_driver_with_patient_news_sends_it_with_what_others_wait_for() -> None:
    async def story() -> None:
        async with sync_world() as world:
            seen: list[bytes] = []
            world.link.lose = lambda payload: seen.append(payload) is not None
            await world.append("door_closed", patient=True)
            await asyncio.sleep(PATIENCE_S / 2)
            await world.append("door_closed", patient=True)
            await asyncio.sleep(LINGER_S * 2)
            assert seen == []
            await world.append("door_closed")
            await asyncio.sleep(LINGER_S + 0.01)
            (envelope,) = map(open_envelope, seen)
            assert len(Batch.parse(envelope.body).events) == 3

    run_virtual(story())


def test_driver_with_patient_news_alone_waits_for_its_end_and_no_longer() -> None:
    async def story() -> None:
        async with sync_world() as world:
            seen: list[bytes] = []
            world.link.lose = lambda payload: seen.append(payload) is not None
            for _ in range(4):
                await world.append("door_closed", patient=True)
                await asyncio.sleep(PATIENCE_S / 4)
            await asyncio.sleep(0.01)
            (envelope,) = map(open_envelope, seen)
            assert len(Batch.parse(envelope.body).events) == 4

    run_virtual(story())
