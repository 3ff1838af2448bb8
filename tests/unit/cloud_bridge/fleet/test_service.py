"""The fleet's use cases."""

from __future__ import annotations

import json

import pytest

from cloud_bridge.errors import Conflict, InvalidData, NotFound, NotPossibleNow
from cloud_bridge.fleet import commands, twins
from cloud_bridge.fleet.model import CommandState, Device, Outgoing
from cloud_bridge.fleet.registry_file import parse_registry
from cloud_bridge.fleet.service import Fleet
from edge.wire.envelope import Kind, open_envelope
from edge.wire.event import EventDraft
from edge.wire.messages import Command
from tests.cloud_world import NOW_MS, CloudWorld, device_log, make_world

DEVICE = "locker-0001"


@pytest.fixture
async def world() -> CloudWorld:
    return await make_world()


@pytest.fixture
def sent() -> list[Outgoing]:
    return []


@pytest.fixture
def fleet(world: CloudWorld, sent: list[Outgoing]) -> Fleet:
    async def publish(message: Outgoing) -> None:
        sent.append(message)

    return Fleet(world.db, world.keys, world.clock, world.random, publish, renewal_wait_s=0)


async def test_command_to_an_online_device_is_signed_for_its_session_and_its_outcome_comes_as_events(
    world, fleet, sent
) -> None:
    log = device_log(world).fill(1)
    await world.session(log)
    record = await fleet.command(DEVICE, "open", {"compartment_no": 3}, actor="olga", reason="customer called")
    envelope = open_envelope(sent[0].payload)
    envelope.verify(world.fleet.commands.public)
    command = Command.parse(envelope.body)
    assert (envelope.kind, sent[0].channel, sent[0].retain) == (Kind.COMMAND, "commands", False)
    assert (command.command_id, command.expires_at_ms - command.issued_at_ms) == (record.command_id, 30_000)
    finished = {"command_id": record.command_id, "outcome": "opened"}
    log.append(EventDraft("command_finished", finished, NOW_MS))
    await world.send(DEVICE, log.batch())
    after = await world.db.read(lambda conn: commands.get_command(conn, record.command_id, NOW_MS))
    assert (after.state, after.outcome) == (CommandState.FINISHED, "opened")


async def test_command_without_a_session_is_refused_and_nothing_is_sent(world, fleet, sent) -> None:
    await world.send(DEVICE, device_log(world).hello())
    with pytest.raises(NotPossibleNow):
        await fleet.command(DEVICE, "open", {}, actor="olga", reason="test")
    assert sent == []


async def test_command_while_the_device_has_not_answered_its_newest_welcome_is_not_signed_for_the_old_session(
    world, fleet, sent
) -> None:
    log = device_log(world).fill(1)
    await world.session(log)
    await world.send(DEVICE, log.hello())
    with pytest.raises(NotPossibleNow, match="being renewed"):
        await fleet.command(DEVICE, "open", {}, actor="olga", reason="test")
    await world.session(log)
    await fleet.command(DEVICE, "open", {}, actor="olga", reason="test")
    assert len(sent) == 1


async def test_command_to_a_device_that_is_back_without_a_hello_yet_is_not_signed_for_the_old_session(
    world, fleet, sent
) -> None:
    await world.session(device_log(world).fill(1))
    for word in (b"offline", b"online"):
        world.clock.at_ms += 1
        await world.ingest.receive(DEVICE, "presence", word)
    with pytest.raises(NotPossibleNow, match="being renewed"):
        await fleet.command(DEVICE, "open", {}, actor="olga", reason="test")
    assert sent == []


async def test_command_to_a_device_whose_will_was_sent_is_refused(world, fleet, sent) -> None:
    await world.session(device_log(world).fill(1))
    await world.ingest.receive(DEVICE, "presence", b"offline")
    with pytest.raises(NotPossibleNow):
        await fleet.command(DEVICE, "open", {}, actor="olga", reason="test")
    assert sent == []


async def test_command_to_a_quarantined_device_is_refused(world, fleet) -> None:
    log = device_log(world).fill(4)
    await world.send(DEVICE, log.batch())
    await world.session(log)
    await world.session(log.fork(2))
    with pytest.raises(NotPossibleNow):
        await fleet.command(DEVICE, "open", {}, actor="olga", reason="test")


async def test_command_that_would_live_over_a_minute_is_refused(world, fleet) -> None:
    await world.session(device_log(world).fill(1))
    with pytest.raises(InvalidData):
        await fleet.command(DEVICE, "open", {}, actor="olga", reason="test", life_ms=60_001)


async def test_quarantine_does_not_end_without_a_reason(world, fleet) -> None:
    with pytest.raises(InvalidData):
        await fleet.end_quarantine(DEVICE, actor="olga", reason="  ")
    with pytest.raises(NotPossibleNow):
        await fleet.end_quarantine(DEVICE, actor="olga", reason="not quarantined at all")
    with pytest.raises(NotFound):
        await fleet.end_quarantine("locker-9999", actor="olga", reason="x")


async def test_desired_is_pushed_once_to_online_devices_and_again_when_it_changes(world, fleet, sent) -> None:
    await world.session(device_log(world).fill(1))
    for value, count in ((["a"], 1), (["a"], 0), (["b"], 1)):
        await world.db.write(lambda conn, value=value: twins.set_desired(conn, DEVICE, "revoked", value))
        assert await fleet.push_desired() == count
    assert [message.retain for message in sent] == [True, True]


async def test_registering_a_known_device_with_other_keys_is_a_conflict(world, fleet) -> None:
    with pytest.raises(Conflict):
        await fleet.register([Device(DEVICE, "locker", "acme", "s", b"\x01" * 32, b"\x02" * 32)])


def test_registry_file_reads_a_provisioning_export_and_names_what_is_wrong() -> None:
    row = {"device_id": "locker-0001", "kind": "locker", "state": "active", "log_public": "ab" * 32,
           "wrap_public": "cd" * 32, "certificate_serial": "1", "not_after_ms": 5}  # fmt: skip
    document = {"format": 1, "fleet": "test.fleet", "issued_at_ms": 1, "devices": [row]}
    (device,) = parse_registry(json.dumps(document).encode())
    assert (device.device_id, device.log_public) == ("locker-0001", b"\xab" * 32)
    with pytest.raises(InvalidData, match=r"devices\.0\.log_public"):
        parse_registry(json.dumps({**document, "devices": [{**row, "log_public": "short"}]}).encode())
