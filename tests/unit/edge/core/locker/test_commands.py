from __future__ import annotations

import pytest

from edge.core.locker.model import CommandReceived, SessionChanged, Started, TimerFired
from edge.ports import DoorState, Now, PulseReply
from edge.wire.messages import Command
from tests.machine.playbook import START_AT_MS, Playbook, hex_id

NONCE = b"n" * 16


def command(**changes: object) -> Command:
    fields: dict[str, object] = {
        "command_id": hex_id(1),
        "device_id": "locker-1",
        "nonce": NONCE,
        "type": "open_compartment",
        "args": {"compartment_no": 2},
        "issued_at_ms": START_AT_MS,
        "expires_at_ms": START_AT_MS + 30_000,
        "actor": "support:anna",
        "reason": "recipient cannot scan",
    }
    return Command(**{**fields, **changes})  # type: ignore[arg-type]


def book() -> Playbook:
    return Playbook().boot().when(SessionChanged(NONCE))


def received(item: Command, problem: str | None = None, fresh: int = 7) -> CommandReceived:
    return CommandReceived(item, problem, hex_id(fresh))


def test_command_accepted_records_the_authority_before_the_pulse() -> None:
    play = book().when(received(command()))
    assert play.types() == ["command_accepted", "visit_started", "unlock_authorised"]
    assert [pulse.channel.number for pulse in play.pulses()] == [2]


@pytest.mark.parametrize(
    ("reply", "opens", "outcome"),
    [
        (PulseReply.ACKED, True, "opened"),
        (PulseReply.ACKED, False, "did_not_open"),
        (PulseReply.NO_REPLY, True, "opened_unacknowledged"),
        (PulseReply.NO_REPLY, False, "did_not_open"),
        (PulseReply.REFUSED, False, "did_not_open"),
    ],
    ids=["acked-opened", "acked-shut", "silent-opened", "silent-shut", "refused"],
)
def test_outcome_is_the_door_times_the_board_and_one_pulse(reply: PulseReply, opens: bool, outcome: str) -> None:
    play = book().when(received(command()))
    authority_id = play.pulses()[0].authority_id
    play.board_says(reply)
    if opens:
        play.door(2, DoorState.OPEN)
    play.when(TimerFired(f"open:{authority_id}"))
    assert play.data("unlock_finished")["outcome"] == outcome
    assert play.data("command_finished")["outcome"] == outcome
    assert len(play.pulses()) == 1
    assert play.types().count("unlock_finished") == 1


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (command(device_id="locker-2"), "foreign_device"),
        (command(nonce=b"o" * 16), "foreign_session"),
        (command(issued_at_ms=START_AT_MS - 9000, expires_at_ms=START_AT_MS), "expired"),
        (command(type="open_everything"), "unknown_type"),
        (command(args={}), "bad_arguments"),
        (command(args={"compartment_no": "2"}), "bad_arguments"),
        (command(args={"compartment_no": 99}), "no_such_compartment"),
    ],
    ids=["device", "session", "expired", "type", "no-args", "text-number", "compartment"],
)
def test_command_that_does_not_hold_is_refused_without_a_pulse(item: Command, reason: str) -> None:
    play = book().when(received(item))
    assert play.data("command_refused") == {"command_id": item.command_id, "reason": reason}
    assert play.pulses() == []


def test_command_refused_by_the_link_is_recorded_with_the_link_s_reason() -> None:
    play = book().when(received(command(), problem="retained"))
    assert play.data("command_refused")["reason"] == "retained"
    assert play.pulses() == []


def test_command_repeated_gets_the_first_outcome_and_no_second_pulse() -> None:
    play = book().when(received(command()))
    play.board_says(PulseReply.ACKED).door(2, DoorState.OPEN).forget()
    play.when(received(command(), fresh=8))
    assert play.events == [("command_finished", {"command_id": hex_id(1), "outcome": "opened"})]
    assert play.pulses() == []


def test_command_expiring_between_record_and_actuation_is_never_pulsed() -> None:
    play = book()
    item = command()
    play.when(SessionChanged(NONCE))
    from dataclasses import replace

    from edge.core.locker.machine import step
    from edge.core.locker.model import Pulse, ReadyToPulse, Recheck

    state, effects = step(play.state, received(item), play.now)
    authority_id = next(effect.authority_id for effect in effects if isinstance(effect, Recheck))
    late = replace(play.now, at_ms=item.expires_at_ms)
    state, effects = step(state, ReadyToPulse(authority_id), late)
    assert not any(isinstance(effect, Pulse) for effect in effects)
    assert state.durable.commands[item.command_id] == "did_not_open"


def test_command_accepted_before_a_crash_is_reported_unknown_and_never_pulsed_again() -> None:
    play = book().when(received(command())).forget()
    play.when(Started("test", "crash"))
    assert ("command_finished", {"command_id": hex_id(1), "outcome": "outcome_unknown"}) in play.events
    play.when(SessionChanged(NONCE), received(command(), fresh=9))
    assert play.pulses() == []


def test_command_with_a_clock_that_only_knows_its_floor_is_refused() -> None:
    play = book()
    play.now = Now(play.now.mono_ms, play.now.at_ms, "floor")
    play.when(received(command()))
    assert play.data("command_refused")["reason"] == "clock_not_synced"


def test_five_hundred_commands_in_a_minute_open_no_more_than_the_cap() -> None:
    play = book()
    for number in range(500):
        play.when(
            received(command(command_id=hex_id(1000 + number), expires_at_ms=START_AT_MS + 60_000), fresh=5000 + number)
        )
        play.board_says(PulseReply.REFUSED) if play.state.pulsing else None
        play.wait(100)
    assert len(play.pulses()) == play.state.limits.openings_per_minute
    assert play.data("command_refused")["reason"] == "opening_cap"


@pytest.mark.parametrize("purpose", [["inspect"], None, 7, "steal", {}])
def test_command_with_a_strange_purpose_is_refused(purpose: object) -> None:
    play = book().when(received(command(args={"compartment_no": 2, "purpose": purpose})))
    assert play.data("command_refused")["reason"] == "bad_arguments" and play.pulses() == []


def test_command_with_the_longest_reason_is_recorded_shortened() -> None:
    play = book().when(received(command(reason="x" * 256, actor="a\nb")))
    assert play.data("command_accepted")["reason"] == "x" * 200
    assert play.data("command_accepted")["actor"] == "a?b"


@pytest.mark.parametrize(("purpose", "pulses"), [("collect", 0), ("retrieve", 0), ("inspect", 1)])
def test_command_at_a_door_in_use_may_only_inspect(purpose: str, pulses: int) -> None:
    play = book().given("visit_started", visit_id=hex_id(8), kind="courier")
    play.given(
        "unlock_authorised", authority_id=hex_id(9), compartment_no=2, visit_id=hex_id(8), cause="deposit", try_no=1,
        parcel_id="PW123456",
    ).given("unlock_finished", authority_id=hex_id(9), compartment_no=2, pulse="acked", outcome="opened")  # fmt: skip
    play.door(2, DoorState.OPEN).when(received(command(args={"compartment_no": 2, "purpose": purpose})))
    assert len(play.pulses()) == pulses
    play.door(2, DoorState.CLOSED)
    assert play.data("parcel_deposited")["parcel_id"] == "PW123456"


@pytest.mark.parametrize("jump_ms", [61_000, 3_600_000, -61_000])
def test_clock_jumps_between_commands_lift_no_cap(jump_ms: int) -> None:
    play = book()
    for number in range(40):
        at_ms = play.now.at_ms
        item = command(command_id=hex_id(1000 + number), issued_at_ms=at_ms, expires_at_ms=at_ms + 60_000)
        play.when(received(item, fresh=5000 + number))
        play.board_says(PulseReply.REFUSED) if play.state.pulsing else None
        play.now = Now(play.now.mono_ms + 100, at_ms + jump_ms, "synced")
    assert len(play.pulses()) == play.state.limits.openings_per_minute


def test_command_enables_a_compartment_that_was_out_of_service_and_settles_its_alarm() -> None:
    play = book().given("compartment_disabled", compartment_no=2, reason="did_not_open")
    play.given("alarm_raised", alarm="door_did_not_open", subject="2")
    play.when(received(command(type="enable_compartment")))
    assert play.types() == ["command_accepted", "compartment_enabled", "alarm_cleared", "command_finished"]
    assert play.state.durable.slot(2).disabled is None and play.pulses() == []


@pytest.mark.parametrize(
    ("args", "reason"),
    [({}, "bad_arguments"), ({"compartment_no": 99}, "no_such_compartment"), ({"compartment_no": 2}, "not_disabled")],
    ids=["no-args", "unknown", "in-service"],
)
def test_command_to_enable_what_cannot_be_enabled_is_refused(args: dict[str, object], reason: str) -> None:
    play = book().when(received(command(type="enable_compartment", args=args)))
    assert play.data("command_refused")["reason"] == reason
