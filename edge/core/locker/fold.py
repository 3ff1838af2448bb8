"""The fold: what each event of the log means for the locker's memory. Unknown types change nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edge.core.locker import told
from edge.core.locker.durable import Authority, Custody, Durable, Held, Visit, bounded
from edge.core.locker.pin_limits import PinLimits
from edge.core.replacement import replace
from edge.ports import DoorState

OPENING_WINDOW_MS = 60_000
KEPT_COMMANDS = 256
KEPT_AUTHORITIES = 64
KEPT_JTIS = 4096
# A boot sets authority time back to its floor, so an expired credential may seem valid again: it stays known.
KEPT_JTI_MS = 35 * 86_400_000
# What takes parcels out, and what does so only once the locker is to be emptied for good.
TAKING = frozenset({"collect", "retrieve", "reopen"})
EMPTYING = frozenset({"maintain", "open_all"})
Data = Mapping[str, Any]


def fold(state: Durable, event_type: str, data: Data, at_ms: int) -> Durable:
    """The memory after one more event."""
    rule = _RULES.get(event_type)
    return state if rule is None else rule(state, data, at_ms)


def _stream_started(_state: Durable, _data: Data, _at_ms: int) -> Durable:
    return Durable()


def _compartment_restored(state: Durable, data: Data, _at_ms: int) -> Durable:
    no = data["compartment_no"]
    return state.with_slot(no, held=_with(state, no, data))


def _credential_restored(state: Durable, data: Data, _at_ms: int) -> Durable:
    return replace(state, used_jtis=bounded({**state.used_jtis, data["jti"]: data["jti_expires_at_ms"]}, KEPT_JTIS))


def _cloud_snapshot_restored(state: Durable, data: Data, _at_ms: int) -> Durable:
    return replace(state, restored=True, pin_limits=PinLimits(wrong_in_row=data["wrong_in_row"]))


def _desired_applied(state: Durable, data: Data, _at_ms: int) -> Durable:
    return replace(state, desired_epoch=data["epoch"], desired_version=data["version"])


def _visit_started(state: Durable, data: Data, at_ms: int) -> Durable:
    visits = {**state.visits, data["visit_id"]: Visit(data["kind"], data.get("pickup_id"))}
    return replace(state, visits=visits, used_jtis=_used(state, data, at_ms))


def _visit_joined(state: Durable, data: Data, at_ms: int) -> Durable:
    return replace(state, used_jtis=_used(state, data, at_ms))


def _used(state: Durable, data: Data, at_ms: int) -> Mapping[str, int]:
    """The credentials that open nothing any more, with the one that this event consumes."""
    if "jti" not in data:
        return state.used_jtis
    used = {jti: until for jti, until in state.used_jtis.items() if until + KEPT_JTI_MS > at_ms}
    return bounded({**used, data["jti"]: data.get("jti_expires_at_ms", at_ms)}, KEPT_JTIS)


def _visit_ended(state: Durable, data: Data, _at_ms: int) -> Durable:
    return replace(state, visits={k: v for k, v in state.visits.items() if k != data["visit_id"]})


def _pin_attempted(state: Durable, _data: Data, at_ms: int) -> Durable:
    return replace(state, pin_limits=state.pin_limits.attempted(at_ms))


def _pin_accepted(state: Durable, _data: Data, _at_ms: int) -> Durable:
    return replace(state, pin_limits=state.pin_limits.accepted())


def _pin_reissued(state: Durable, data: Data, _at_ms: int) -> Durable:
    slots = {
        no: replace(slot, held=tuple(_with_code(held, data) for held in slot.held)) for no, slot in state.slots.items()
    }
    return replace(state, slots=slots)


def _with_code(held: Held, data: Data) -> Held:
    if held.pickup_id != data["pickup_id"]:
        return held
    return replace(held, generation=data["pin_generation"], counter=data["pin_counter"])


def _command_accepted(state: Durable, data: Data, _at_ms: int) -> Durable:
    return _command(state, data["command_id"], "accepted")


def _command_refused(state: Durable, data: Data, _at_ms: int) -> Durable:
    # A replay of a command that was carried out keeps its first outcome.
    if data["command_id"] in state.commands:
        return state
    return _command(state, data["command_id"], f"refused:{data['reason']}")


def _command_finished(state: Durable, data: Data, _at_ms: int) -> Durable:
    return _command(state, data["command_id"], data["outcome"])


def _command(state: Durable, command_id: str, outcome: str) -> Durable:
    return replace(state, commands=bounded({**state.commands, command_id: outcome}, KEPT_COMMANDS))


def _unlock_authorised(state: Durable, data: Data, at_ms: int) -> Durable:
    no, cause = data["compartment_no"], data["cause"]
    stands_open = state.slot(no).door is DoorState.OPEN
    authority = Authority(
        no, data["visit_id"], cause, data["try_no"], at_ms, data.get("command_id"), opened=stands_open
    )
    ended = [key for key, value in state.authorities.items() if value.ended]
    dropped = set(ended[: max(0, len(state.authorities) - KEPT_AUTHORITIES)])
    kept = {key: value for key, value in state.authorities.items() if key not in dropped}
    openings = tuple(at for at in state.openings if 0 <= at_ms - at < OPENING_WINDOW_MS)
    custody = state.custody
    if cause == "deposit":
        custody = {**custody, no: Custody(cause, data["visit_id"], (_held(data),), stands_open)}
    elif _takes(state, cause):
        # A retry after the door had already been seen open keeps that fact.
        before = custody.get(no)
        again = before is not None and before.visit_id == data["visit_id"]
        opened, claim = (before.opened, before.claim) if before is not None and again else (False, None)
        held = state.slot(no).held
        custody = {**custody, no: Custody(cause, data["visit_id"], held, opened or stands_open, claim)}
    return replace(
        state,
        authorities={**kept, data["authority_id"]: authority},
        openings=(*openings, at_ms),
        custody=custody,
    )


def _takes(state: Durable, cause: str) -> bool:
    return cause in TAKING or (state.decommissioning is not None and cause in EMPTYING)


def _unlock_ended(state: Durable, data: Data, _at_ms: int) -> Durable:
    authority = state.authorities.get(data["authority_id"])
    if authority is None:
        return state
    return replace(state, authorities={**state.authorities, data["authority_id"]: replace(authority, ended=True)})


def _door_opened(state: Durable, data: Data, _at_ms: int) -> Durable:
    no = data["compartment_no"]
    state = state.with_slot(no, door=DoorState.OPEN)
    authority_id = data.get("authority_id")
    if authority_id is None:
        return state
    authority, pending = state.authorities.get(authority_id), state.custody.get(no)
    if authority is not None:
        state = replace(state, authorities={**state.authorities, authority_id: replace(authority, opened=True)})
        if pending is None and _takes(state, authority.cause) and state.slot(no).held:
            # It had been given up as not opening, and opened late: what it was for may happen now.
            pending = Custody(authority.cause, authority.visit_id, state.slot(no).held)
    if pending is None:
        return state
    return replace(state, custody={**state.custody, no: replace(pending, opened=True)})


def _door_closed(state: Durable, data: Data, _at_ms: int) -> Durable:
    return state.with_slot(data["compartment_no"], door=DoorState.CLOSED)


def _parcel_deposited(state: Durable, data: Data, _at_ms: int) -> Durable:
    no = data["compartment_no"]
    return _settled(state.with_slot(no, held=_with(state, no, data)), no)


def _parcel_out(state: Durable, data: Data, _at_ms: int) -> Durable:
    no = data["compartment_no"]
    held = tuple(item for item in state.slot(no).held if item.parcel_id != data["parcel_id"])
    return _settled(state.with_slot(no, held=held), no)


def _claimed(state: Durable, data: Data, _at_ms: int) -> Durable:
    """What the person at the open door says of it; it counts when the door closes."""
    no, custody = data["compartment_no"], state.custody.get(data["compartment_no"])
    if custody is None or custody.visit_id != data["visit_id"]:
        return state
    return replace(state, custody={**state.custody, no: replace(custody, claim=data.get("kind", data.get("reason")))})


def _abandoned(state: Durable, data: Data, _at_ms: int) -> Durable:
    return _settled(state, data["compartment_no"])


def _settled(state: Durable, no: int) -> Durable:
    return replace(state, custody={key: value for key, value in state.custody.items() if key != no})


def _compartment_disabled(state: Durable, data: Data, _at_ms: int) -> Durable:
    """What is under way there ends unsettled, unless the reason has nothing to do with it."""
    no, reason = data["compartment_no"], data["reason"]
    disabled = state.with_slot(no, disabled=reason)
    return disabled if reason == "temperature" else _settled(disabled, no)


def _compartment_enabled(state: Durable, data: Data, _at_ms: int) -> Durable:
    return state.with_slot(data["compartment_no"], disabled=None)


def _excursion(state: Durable, data: Data, _at_ms: int) -> Durable:
    return replace(state, alarms=state.alarms | {alarm_key("temperature_excursion", data["zone"])})


def _recovered(state: Durable, data: Data, _at_ms: int) -> Durable:
    return replace(state, alarms=state.alarms - {alarm_key("temperature_excursion", data["zone"])})


def _decommission_started(state: Durable, data: Data, _at_ms: int) -> Durable:
    return replace(state, decommissioning=data["command_id"])


def _decommissioned(state: Durable, _data: Data, _at_ms: int) -> Durable:
    return replace(state, decommissioned=True)


def _alarm_raised(state: Durable, data: Data, _at_ms: int) -> Durable:
    return replace(state, alarms=state.alarms | {alarm_key(data["alarm"], data.get("subject"))})


def _alarm_cleared(state: Durable, data: Data, _at_ms: int) -> Durable:
    return replace(state, alarms=state.alarms - {alarm_key(data["alarm"], data.get("subject"))})


def alarm_key(alarm: str, subject: str | None) -> str:
    return f"{alarm}/{subject or ''}"


def _with(state: Durable, no: int, data: Data) -> tuple[Held, ...]:
    """What the compartment holds with this parcel in it, once."""
    return (*(item for item in state.slot(no).held if item.parcel_id != data["parcel_id"]), _held(data))


def _held(data: Data) -> Held:
    return Held(
        parcel_id=data["parcel_id"],
        pickup_id=data.get("pickup_id"),
        reservation_id=data.get("reservation_id"),
        generation=data.get("pin_generation", 0),
        counter=data.get("pin_counter"),
        collect_by_ms=data.get("collect_by_ms"),
        origin=data.get("origin"),
    )


_RULES: Mapping[str, Callable[[Durable, Data, int], Durable]] = {
    "stream_started": _stream_started,
    "compartment_restored": _compartment_restored,
    "credential_restored": _credential_restored,
    "cloud_snapshot_restored": _cloud_snapshot_restored,
    "desired_applied": _desired_applied,
    "visit_started": _visit_started,
    "visit_joined": _visit_joined,
    "visit_ended": _visit_ended,
    "pin_attempted": _pin_attempted,
    "pin_accepted": _pin_accepted,
    "pin_reissued": _pin_reissued,
    "command_accepted": _command_accepted,
    "command_refused": _command_refused,
    "command_finished": _command_finished,
    "unlock_authorised": _unlock_authorised,
    "unlock_finished": _unlock_ended,
    "unlock_unknown": _unlock_ended,
    "door_opened": _door_opened,
    "door_opened_unauthorised": _door_opened,
    "door_closed": _door_closed,
    "parcel_deposited": _parcel_deposited,
    "parcel_collected": _parcel_out,
    "parcel_retrieved": _parcel_out,
    "deposit_abandoned": _abandoned,
    "collect_abandoned": _abandoned,
    "compartment_swapped": _claimed,
    "parcel_disputed": _claimed,
    "temperature_excursion": _excursion,
    "temperature_recovered": _recovered,
    "decommission_started": _decommission_started,
    "decommissioned": _decommissioned,
    "compartment_disabled": _compartment_disabled,
    "compartment_enabled": _compartment_enabled,
    "alarm_raised": _alarm_raised,
    "alarm_cleared": _alarm_cleared,
    **told.RULES,
}
