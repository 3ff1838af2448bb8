"""The demo's processes on real sockets and ptys: its story, remote commands, hints, a lost card, a second run, an end.

One world for the whole module: the tests build on each other in this order, as one day of a locker's life.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cloud_bridge.fleet import store as fleet_store
from cloud_bridge.keyring import load_keyring
from cloud_bridge.ports import SystemRandom
from cloud_bridge.storage.engine import open_database
from edge.storage.event_store import EventStore
from edge.storage.key_file import KeyFile
from edge.storage.limits import LogLimits
from edge.storage.opening import Owner, Start, open_event_log
from edge.wire.envelope import Kind, seal
from edge.wire.event import EventDraft
from edge.wire.messages import Command
from edge.wire.topics import Channel, topic
from firmware_sim.control_client import ControlClient
from hil.demo.clients import CourierPhone
from hil.demo.folder import DEVICE_ID, FLEET, Folder, compartments
from hil.demo.story import Story
from tests.integration.fullstack import stack
from tests.integration.fullstack.stack import DEVICE, StackWorld

pytestmark = [pytest.mark.asyncio(loop_scope="module")]
BACKLOG = 3_000
COURIERS_ROUTE = [DEVICE_ID]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StackWorld]:
    made = StackWorld(Folder(tmp_path_factory.mktemp("demo")), lambda text: None)
    try:
        await made.start()
        await stack.ready(made)
        yield made
    finally:
        await made.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def phone(world: StackWorld) -> CourierPhone:
    made = CourierPhone()
    await made.fetch_grant(world.courier, COURIERS_ROUTE)
    return made


async def test_story_of_a_parcel_holds_over_a_cut_network(world: StackWorld) -> None:
    told: list[str] = []
    await Story(world, told.append).play()
    assert any("manifest line 4, width_mm" in line for line in told)
    events = await stack.ledger(world)
    stack.assert_gapless(events)
    stack.assert_one_pulse_for_each_authority(await stack.pulses(world), events)


# --- commands ------------------------------------------------------------------------------------------------


async def open_remotely(world: StackWorld, no: int) -> dict[str, Any]:
    """An open command through the API, carried out; the door is shut again."""
    sent = await world.bridge.call("POST", f"{DEVICE}/open", {"compartment_no": no, "reason": "recipient on the phone"})

    async def finished() -> Any:
        now = await world.bridge.call("GET", f"/v1/commands/{sent['command_id']}")
        return now if now["state"] not in ("sent", "accepted") else None

    done = await stack.until("the command is answered", finished)
    assert (done["state"], done["outcome"]) == ("finished", "opened")
    await world.hand("close", no)
    found: dict[str, Any] = done
    return found


async def command_of(world: StackWorld, record: dict[str, Any], **changes: Any) -> bytes:
    """The very bytes that the bridge sent for this record, or a variation of them, signed with the fleet's own key."""
    keyring = load_keyring(world.folder.bridge / "fleet", world.folder.bridge / "state", SystemRandom())
    db = open_database(f"sqlite:///{world.folder.bridge / 'bridge.db'}")
    try:
        session = await db.read(lambda conn: fleet_store.load_session(conn, DEVICE_ID))
    finally:
        await db.close()
    members = {
        "command_id": record["command_id"], "device_id": DEVICE_ID, "nonce": session.nonce, "type": record["type"],
        "args": {"compartment_no": record["compartment_no"], "purpose": "inspect"},
        "issued_at_ms": record["issued_at_ms"], "expires_at_ms": record["expires_at_ms"], "actor": record["actor"],
        "reason": record["reason"],
    }  # fmt: skip
    return seal(Kind.COMMAND, Command(**{**members, **changes}).encode(), keyring.cloud.commands)


def publish(world: StackWorld, payload: bytes, *, retain: bool = False) -> None:
    """Onto the locker's command topic, over the real broker."""
    client = world.intruder()
    client.connect("127.0.0.1", world.broker_port)
    client.loop_start()
    try:
        sent = client.publish(topic(DEVICE_ID, Channel.COMMANDS), payload, 1, retain)
        sent.wait_for_publish(10)
        assert sent.is_published()
    finally:
        client.disconnect()
        client.loop_stop()


async def event_of(world: StackWorld, command_id: str, count: int, *names: str) -> list[dict[str, Any]]:
    """The events of that type about one command, once there are that many."""

    async def check() -> list[dict[str, Any]]:
        found = stack.of_type(await stack.ledger(world), *names)
        mine = [event for event in found if event["data"]["command_id"] == command_id]
        return mine if len(mine) >= count else []

    events: list[dict[str, Any]] = await stack.until(f"{count} events {names} about the command", check)
    return events


async def test_support_opens_a_compartment_with_one_pulse(world: StackWorld) -> None:
    await stack.ready(world)
    before = await stack.pulses(world)
    record = await open_remotely(world, 5)
    assert await stack.pulses(world) - before == {5: 1}
    (accepted,) = await event_of(world, record["command_id"], 1, "command_accepted")
    assert accepted["data"]["reason"] == "recipient on the phone" and accepted["data"]["actor"] == "operator:demo"


async def test_command_replayed_byte_for_byte_is_answered_with_its_first_outcome_and_no_pulse(
    world: StackWorld,
) -> None:
    record = await open_remotely(world, 6)
    before = await stack.pulses(world)
    await asyncio.to_thread(publish, world, await command_of(world, record))
    answers = await event_of(world, record["command_id"], 2, "command_finished")
    assert [event["data"]["outcome"] for event in answers] == ["opened", "opened"]
    assert await stack.pulses(world) == before


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"issued_at_ms": 1, "expires_at_ms": 30_001}, "expired", id="expired"),
        pytest.param({"nonce": b"\x01" * 16}, "wrong_session", id="of_another_session"),
        pytest.param({"args": {"compartment_no": 99}}, "no_such_compartment", id="for_no_door"),
    ],
)
async def test_command_out_of_time_session_or_place_is_refused_on_record_without_a_pulse(
    world: StackWorld, changes: dict[str, Any], reason: str
) -> None:
    now_ms = time.time_ns() // 1_000_000
    record = {
        "command_id": SystemRandom().token(16).hex(), "type": "open_compartment", "compartment_no": 7,
        "issued_at_ms": now_ms, "expires_at_ms": now_ms + 30_000, "actor": "support:eve", "reason": "test",
    }  # fmt: skip
    before = await stack.pulses(world)
    await asyncio.to_thread(publish, world, await command_of(world, record, **changes))
    (refused,) = await event_of(world, record["command_id"], 1, "command_refused")
    assert refused["data"]["reason"] == reason
    assert await stack.pulses(world) == before


async def test_retained_command_is_kept_by_nobody_and_opens_nothing_after_a_restart(world: StackWorld) -> None:
    """The embedded broker takes no retained message there; the device, over mosquitto, refuses one on record."""
    record = await open_remotely(world, 8)
    before = await stack.pulses(world)
    fresh = {"command_id": SystemRandom().token(16).hex()}
    payload = await command_of(world, record, **fresh)
    await asyncio.to_thread(lambda: publish(world, payload, retain=True))
    world.cable.pull()
    await world.kiosk.do("", "", lambda view: not view["online"], 30)
    world.cable.plug()
    await stack.ready(world)
    record = await open_remotely(world, 9)  # the next one still gets through, so the topic is alive
    assert await stack.pulses(world) - before == {9: 1}
    events = await stack.ledger(world)
    assert fresh["command_id"] not in json.dumps(events)
    stack.assert_one_pulse_for_each_authority(await stack.pulses(world), events)


# --- alarms overtake -------------------------------------------------------------------------------------------


def write_backlog(world: StackWorld, count: int) -> None:
    """Events as the locker would have written them offline; its agent is stopped."""
    owner = Owner(FLEET, DEVICE_ID, KeyFile(world.folder.keys, DEVICE_ID))
    folder, start = world.folder.device / "log", Start(SystemRandom(), 0)
    log: EventStore = open_event_log(folder, owner, start, lambda store: store, LogLimits()).log
    at_ms = time.time_ns() // 1_000_000
    for first in range(0, count, 100):
        log.append([EventDraft("heartbeat", {"uptime_s": first + i}, at_ms) for i in range(100)])
    log.close()


async def test_forced_door_alarms_the_cloud_before_the_backlog_has_drained(world: StackWorld) -> None:
    await world.processes["locker"].stop()
    await asyncio.to_thread(write_backlog, world, BACKLOG)
    await world.processes["locker"].start()
    await world.kiosk.do("", "", lambda view: view["online"], 40)
    await world.hand("force", 4)

    async def alarmed() -> Any:
        alarms = (await world.bridge.call("GET", "/v1/alarms"))["alarms"]
        return [row for row in alarms if (row["alarm"], row["subject"]) == ("door_opened_unauthorised", "4")]

    await stack.until("the alarm of the forced door", alarmed, 2)
    await world.hand("close", 4)

    async def drained() -> Any:
        events = await stack.ledger(world)
        return events if stack.of_type(events, "door_opened_unauthorised") else None

    events = await stack.until("the backlog is in the ledger", drained, 60)
    stack.assert_gapless(events)
    assert len(stack.of_type(events, "heartbeat")) == BACKLOG
    raised = [event for event in stack.of_type(events, "alarm_raised") if event["data"].get("subject") == "4"]
    assert len(raised) == 1


async def test_door_forced_while_the_network_was_away_alarms_the_cloud_when_it_is_back(world: StackWorld) -> None:
    world.cable.pull()
    await world.kiosk.do("", "", lambda view: not view["online"], 40)
    await world.hand("force", 5)
    await asyncio.sleep(1)
    world.cable.plug()

    async def alarmed() -> Any:
        alarms = (await world.bridge.call("GET", "/v1/alarms"))["alarms"]
        return [row for row in alarms if (row["alarm"], row["subject"]) == ("door_opened_unauthorised", "5")]

    await stack.until("the alarm of the forced door", alarmed, 30)
    await world.hand("close", 5)


# --- a lost card ---------------------------------------------------------------------------------------------


async def test_locker_with_a_lost_card_stays_shut_until_the_cloud_restores_it_and_then_takes_only_new_codes(
    world: StackWorld, phone: CourierPhone
) -> None:
    parcel_id, mails = stack.fresh_parcel_id(), len(world.mailbox.messages)
    await stack.announce(world, parcel_id)
    no = await stack.deposit(world, parcel_id, phone)
    _, old_pin, old_qr = await stack.codes(world, mails)
    mails, felt = len(world.mailbox.messages), await stack.pulses(world)

    world.cable.pull()
    await world.kill("locker")
    shutil.rmtree(world.folder.device / "log")
    await world.revive("locker")
    closed = await world.kiosk.do("", "", lambda view: view["step"] == "closed")
    assert closed["message"] == "waiting_for_cloud"
    for what, value in (("pin", old_pin), ("scan", old_qr), ("scan", phone.code(DEVICE_ID))):
        await world.kiosk.do(what, value, lambda view: view["step"] == "closed")

    world.cable.plug()
    await world.kiosk.do("", "", lambda view: view["step"] == "idle", 40)
    _, new_pin, new_qr = await stack.codes(world, mails)
    assert new_pin != old_pin and new_qr != old_qr
    await stack.ready(world)
    refused = await world.kiosk.do("pin", old_pin, lambda view: view["step"] == "refused")
    assert refused["message"] == "pin_wrong"
    await world.kiosk.do("press", "cancel", lambda view: view["step"] == "idle")
    refused = await world.kiosk.do("scan", old_qr, lambda view: view["step"] == "refused")
    assert refused["message"] == "revoked"
    await world.kiosk.do("press", "cancel", lambda view: view["step"] == "idle")
    assert await stack.pulses(world) == felt and (await stack.doors(world))[no]["occupied"]

    await world.kiosk.do("pin", new_pin, lambda view: view["step"] == "door_open", unless={"refused", "retry"})
    await world.hand("take", no)
    await world.hand("close", no)
    await world.kiosk.do("", "", lambda view: view["step"] in ("done", "idle") and not view["visit"])

    async def collected() -> bool:
        return bool((await world.bridge.call("GET", f"/v1/parcels/{parcel_id}"))["state"] == "collected")

    await stack.until("the cloud knows of the collection", collected)
    events = await stack.ledger(world)
    assert len(stack.assert_gapless(events)) == 2
    stack.assert_one_pulse_for_each_authority(await stack.pulses(world), events)
    custody = [event["type"] for event in events if event["data"].get("parcel_id") == parcel_id]
    assert custody.count("parcel_deposited") == custody.count("compartment_restored") == 1
    assert custody.count("parcel_collected") == 1


# --- a second run, and the end -----------------------------------------------------------------------------------


async def test_second_run_keeps_its_state_and_once_ends_non_zero_when_a_door_jams(world: StackWorld) -> None:
    page = await world.bridge.call("GET", "/v1/parcels?limit=200")
    waiting = next(row for row in page["parcels"] if row["state"] == "reserved")
    await world.stop()
    assert stack.processes_of(world.folder.root) == []
    world.folder.control.unlink(missing_ok=True)
    log = world.folder.root / "second.log"
    with log.open("wb") as out:
        words = [sys.executable, "-m", "hil", "demo", "--once", "--folder", str(world.folder.root)]
        process = await asyncio.create_subprocess_exec(*words, stderr=out, stdout=asyncio.subprocess.DEVNULL)
        try:
            await _jam_when_it_stands(world.folder.control, waiting["compartment_no"])
            code = await asyncio.wait_for(process.wait(), 90)
        finally:
            if process.returncode is None:
                process.kill()
    told = log.read_text()
    assert code == 1, told
    assert f"parcel {waiting['parcel_id']} is announced" in told and "making a fleet" not in told
    assert "error: scan at the kiosk: the kiosk shows {'step': 'retry'" in told
    assert stack.processes_of(world.folder.root) == []


async def _jam_when_it_stands(control: Path, no: int) -> None:
    row = compartments()[no - 1]

    async def connected() -> Any:
        try:
            return await ControlClient.connect(control)
        except OSError:
            return None

    hands = await stack.until("the simulator's control socket", connected, 60)
    await hands.ask("set_fault", name="jam", target=row["module"], channel=row["channel"])
    await hands.close()
