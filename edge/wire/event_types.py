"""Every event type of version 1 with its payload: the one table that devices write from and ingest checks against.

A member may be missing only where the table says optional; members that the table does not know are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from edge.wire.errors import Malformed

_HEX_ID = re.compile(r"[0-9a-f]{32}\Z")
_PARCEL_ID = re.compile(r"[A-Z0-9-]{4,40}\Z")
_CODE = re.compile(r"[a-z0-9_.:-]{1,64}\Z")
MAX_COMPARTMENT_NO = 9999


class Family(StrEnum):
    """How an event is committed and treated. Only `TELEMETRY` may wait to be grouped."""

    CUSTODY = "custody"
    DOOR = "door"
    ACCESS = "access"
    COMMAND = "command"
    ALARM = "alarm"
    LIFECYCLE = "lifecycle"
    TELEMETRY = "telemetry"


def _hex_id(value: Any) -> bool:
    return type(value) is str and _HEX_ID.match(value) is not None


def _parcel_id(value: Any) -> bool:
    return type(value) is str and _PARCEL_ID.match(value) is not None


def _code(value: Any) -> bool:
    return type(value) is str and _CODE.match(value) is not None


def _note(value: Any) -> bool:
    return type(value) is str and len(value) <= 200 and all(ord(c) >= 32 and not 127 <= ord(c) < 160 for c in value)


def _whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**53


def _integer(value: Any) -> bool:
    return type(value) is int and abs(value) < 2**53


def _compartment(value: Any) -> bool:
    return type(value) is int and 1 <= value <= MAX_COMPARTMENT_NO


def _flag(value: Any) -> bool:
    return type(value) is bool


def _one_of(*choices: str) -> Callable[[Any], bool]:
    return lambda value: type(value) is str and value in choices


@dataclass(frozen=True, slots=True)
class Member:
    """One payload member: `kind` is what the reference pages print.

    `pattern` matches canonical JSON of ordinary values: whatever it matches passes `check`, not the other way round.
    """

    kind: str
    check: Callable[[Any], bool]
    pattern: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class EventType:
    """One row of the table. `urgent` events also leave at once as a hint and alarm even when they are late."""

    name: str
    family: Family
    meaning: str
    members: Mapping[str, Member]
    urgent: bool = False


_NUMBER = "(?:0|[1-9][0-9]{0,14})"
ID = Member("id, 32 hex digits", _hex_id, '"[0-9a-f]{32}"')
PARCEL = Member("parcel id, the carrier's tracking number", _parcel_id, '"[A-Z0-9-]{4,40}"')
COMPARTMENT = Member("compartment_no, 1 to 9999", _compartment, "[1-9][0-9]{0,3}")
CODE = Member("code, a-z 0-9 _ . : -", _code, '"[a-z0-9_.:-]{1,64}"')
NOTE = Member("text, at most 200 printable characters", _note, r'"[ !#-\[\]-~]{0,200}"')
WHOLE = Member("whole number", _whole, _NUMBER)
INTEGER = Member("integer", _integer, f"(?:{_NUMBER}|-[1-9][0-9]{{0,14}})")
FLAG = Member("true or false", _flag, "(?:true|false)")


def _choice(kind: str, *choices: str) -> Member:
    return Member(kind, _one_of(*choices), f'"(?:{"|".join(choices)})"')


PULSE = _choice("acked, refused, no_reply, fault or not_sent", "acked", "refused", "no_reply", "fault", "not_sent")
DOOR = _choice("open, closed or unknown", "open", "closed", "unknown")
OUTCOME = _choice("opened, did_not_open, opened_unacknowledged or unverified",
                  "opened", "did_not_open", "opened_unacknowledged", "unverified")  # fmt: skip
VISIT_KIND = _choice("courier, recipient, sender, technician or remote",
                     "courier", "recipient", "sender", "technician", "remote")  # fmt: skip
ORIGIN = _choice("announced, unannounced or drop_off", "announced", "unannounced", "drop_off")
SWAP = _choice("too_big, dirty, did_not_open, occupied or out_of_service",
               "too_big", "dirty", "did_not_open", "occupied", "out_of_service")  # fmt: skip
DISPUTE = _choice("empty or damaged", "empty", "damaged")
FOUND = _choice("as_expected, empty, occupied or other", "as_expected", "empty", "occupied", "other")
POWER = _choice("mains or battery", "mains", "battery")


PART = _choice("lock_board or scanner", "lock_board", "scanner")
RELEASE_KIND = _choice("image or agent", "image", "agent")
_RELEASE = {"kind": RELEASE_KIND, "version": CODE, "attempt": WHOLE}


def _opt(member: Member) -> Member:
    return replace(member, optional=True)


_ROWS = (
    EventType("stream_started", Family.LIFECYCLE, "A new log begins; what the former one was, if known",
              {"reason": CODE, "former_stream": _opt(ID), "former_size": _opt(WHOLE)}),
    EventType("agent_started", Family.LIFECYCLE, "The agent runs; outputs are inactive",
              {"version": NOTE, "reason": CODE}),
    EventType("clock_synced", Family.LIFECYCLE, "Signed cloud time moved authority time by `step_ms`",
              {"step_ms": INTEGER}),
    EventType("desired_applied", Family.LIFECYCLE, "The device now follows this desired state",
              {"epoch": WHOLE, "version": WHOLE, "sha256": NOTE}),
    EventType("desired_refused", Family.LIFECYCLE, "A desired document was not applied, and why",
              {"epoch": WHOLE, "version": WHOLE, "reason": CODE, "detail": _opt(NOTE)}),
    EventType("secret_stored", Family.LIFECYCLE, "A wrapped secret was unwrapped and kept",
              {"name": CODE, "version": WHOLE}),
    EventType("compartment_restored", Family.CUSTODY, "What the cloud knows to be in a compartment",
              {"compartment_no": COMPARTMENT, "parcel_id": PARCEL, "pickup_id": _opt(ID), "reservation_id": _opt(ID),
               "pin_generation": _opt(WHOLE), "pin_counter": _opt(WHOLE), "collect_by_ms": _opt(WHOLE),
               "origin": _opt(ORIGIN)}),
    EventType("credential_restored", Family.ACCESS, "A credential the cloud knows to be used",
              {"jti": ID, "jti_expires_at_ms": WHOLE}),
    EventType("cloud_snapshot_restored", Family.LIFECYCLE, "Occupancy and counters came from a signed cloud snapshot",
              {"epoch": WHOLE, "version": WHOLE, "wrong_in_row": WHOLE}),
    EventType("release_reported", Family.LIFECYCLE, "What runs here; `image` is `none` where there are no slots of one",
              {"product": CODE, "board": CODE, "image": CODE, "agent": CODE}),
    EventType("release_installed", Family.LIFECYCLE, "A release was verified, written into the idle slot and read back",
              _RELEASE),
    EventType("release_tried", Family.LIFECYCLE, "The slot with the release is started once", _RELEASE),
    EventType("release_committed", Family.LIFECYCLE, "The release is well, and starts by itself from now on", _RELEASE),
    EventType("release_fell_back", Family.LIFECYCLE, "The release was given up; the former one runs",
              {**_RELEASE, "reason": CODE}),
    EventType("release_refused", Family.LIFECYCLE, "The release was not installed, and why",
              {**_RELEASE, "reason": CODE}),
    EventType("firmware_reported", Family.LIFECYCLE, "A part says which firmware runs in it",
              {"part": PART, "subject": CODE, "firmware": NOTE}),
    EventType("board_lost", Family.LIFECYCLE, "A lock board stopped answering", {"module": CODE}),
    EventType("board_found", Family.LIFECYCLE, "A lock board answers again", {"module": CODE}),
    EventType("log_recovered", Family.ALARM, "The log was set aside; what may be missing",
              {"reason": CODE, "detail": _opt(NOTE)}, urgent=True),
    EventType("alarm_raised", Family.ALARM, "A condition that somebody must look at began",
              {"alarm": CODE, "subject": _opt(CODE), "detail": _opt(NOTE)}, urgent=True),
    EventType("alarm_cleared", Family.ALARM, "The condition ended", {"alarm": CODE, "subject": _opt(CODE)}),
    EventType("visit_started", Family.ACCESS, "A credential was consumed by a visit",
              {"visit_id": ID, "kind": VISIT_KIND, "jti": _opt(ID), "pickup_id": _opt(ID), "actor": _opt(CODE),
               "jti_expires_at_ms": _opt(WHOLE)}),
    EventType("visit_joined", Family.ACCESS, "A second person's credential was consumed by the visit",
              {"visit_id": ID, "actor": _opt(CODE), "jti": _opt(ID), "jti_expires_at_ms": _opt(WHOLE)}),
    EventType("visit_ended", Family.ACCESS, "The visit is over", {"visit_id": ID, "reason": CODE}),
    EventType("pin_attempted", Family.ACCESS, "A PIN was entered; committed before it is compared", {"attempt_id": ID}),
    EventType("pin_accepted", Family.ACCESS, "The attempt matched a live code", {"attempt_id": ID, "pickup_id": ID}),
    EventType("pin_refused", Family.ACCESS, "The attempt matched nothing", {"attempt_id": ID, "wrong_in_row": WHOLE}),
    EventType("pin_reissued", Family.ACCESS, "A raised generation gave a pickup a new PIN; the older opens nothing",
              {"pickup_id": ID, "pin_generation": WHOLE, "pin_counter": WHOLE}),
    EventType("access_blocked", Family.ACCESS, "PIN entry is blocked until then",
              {"reason": CODE, "until_at_ms": WHOLE}),
    EventType("qr_refused", Family.ACCESS, "A scanned credential was refused, and why",
              {"reason": CODE, "jti": _opt(ID)}),
    EventType("label_refused", Family.ACCESS, "A scanned label could not be deposited, and why",
              {"reason": CODE, "visit_id": ID, "parcel_id": _opt(PARCEL)}),
    EventType("command_accepted", Family.COMMAND, "A signed command's work begins after this record",
              {"command_id": ID, "type": CODE, "actor": NOTE, "reason": NOTE}),
    EventType("command_refused", Family.COMMAND, "A command was not carried out, and why",
              {"command_id": ID, "reason": CODE}),
    EventType("command_finished", Family.COMMAND, "What became of an accepted command",
              {"command_id": ID, "outcome": CODE}),
    EventType("unlock_authorised", Family.DOOR, "One pulse may follow; committed before it",
              {"authority_id": ID, "compartment_no": COMPARTMENT, "visit_id": ID, "cause": CODE, "try_no": WHOLE,
               "command_id": _opt(ID), "parcel_id": _opt(PARCEL), "pickup_id": _opt(ID), "reservation_id": _opt(ID),
               "pin_generation": _opt(WHOLE), "pin_counter": _opt(WHOLE), "collect_by_ms": _opt(WHOLE),
               "origin": _opt(ORIGIN)}),
    EventType("unlock_finished", Family.DOOR, "What the board said and what the door did",
              {"authority_id": ID, "compartment_no": COMPARTMENT, "pulse": PULSE, "outcome": OUTCOME}),
    EventType("unlock_unknown", Family.DOOR, "An authority from before a restart; never pulsed again",
              {"authority_id": ID, "compartment_no": COMPARTMENT, "door": DOOR}),
    EventType("door_opened", Family.DOOR, "The door sensor says open; under which authority",
              {"compartment_no": COMPARTMENT, "authority_id": _opt(ID)}),
    EventType("door_closed", Family.DOOR, "The door sensor says closed", {"compartment_no": COMPARTMENT}),
    EventType("door_opened_unauthorised", Family.DOOR, "A door opened that nobody was allowed to open",
              {"compartment_no": COMPARTMENT}, urgent=True),
    EventType("door_left_open", Family.DOOR, "A door stands open past its time",
              {"compartment_no": COMPARTMENT, "open_for_s": WHOLE}, urgent=True),
    EventType("compartment_disabled", Family.DOOR, "Out of service, and why",
              {"compartment_no": COMPARTMENT, "reason": CODE}),
    EventType("compartment_enabled", Family.DOOR, "In service again", {"compartment_no": COMPARTMENT}),
    EventType("parcel_deposited", Family.CUSTODY, "A parcel is in the compartment, the door closed behind it",
              {"parcel_id": PARCEL, "compartment_no": COMPARTMENT, "visit_id": ID, "pickup_id": _opt(ID),
               "reservation_id": _opt(ID), "pin_generation": _opt(WHOLE), "pin_counter": _opt(WHOLE),
               "collect_by_ms": _opt(WHOLE), "origin": _opt(ORIGIN)}),
    EventType("parcel_collected", Family.CUSTODY, "The recipient opened the compartment and closed it",
              {"parcel_id": PARCEL, "compartment_no": COMPARTMENT, "visit_id": ID, "pickup_id": _opt(ID)}),
    EventType("parcel_retrieved", Family.CUSTODY, "Staff took the parcel out",
              {"parcel_id": PARCEL, "compartment_no": COMPARTMENT, "visit_id": ID, "reason": CODE}),
    EventType("deposit_abandoned", Family.CUSTODY, "The door closed and nothing was put in",
              {"parcel_id": PARCEL, "compartment_no": COMPARTMENT, "visit_id": ID, "reason": CODE}),
    EventType("collect_abandoned", Family.CUSTODY, "The visit ended and the parcels are still there",
              {"compartment_no": COMPARTMENT, "visit_id": ID, "reason": CODE}),
    EventType("compartment_swapped", Family.ACCESS, "A compartment would not do; the visit goes on with another",
              {"visit_id": ID, "compartment_no": COMPARTMENT, "to_compartment_no": _opt(COMPARTMENT), "reason": SWAP}),
    EventType("parcel_disputed", Family.CUSTODY, "The recipient says: nothing in it, or damaged",
              {"visit_id": ID, "compartment_no": COMPARTMENT, "kind": DISPUTE, "pickup_id": _opt(ID),
               "parcel_id": _opt(PARCEL)}),
    EventType("compartment_checked", Family.CUSTODY, "Somebody looked into a compartment and said what is in it",
              {"visit_id": ID, "compartment_no": COMPARTMENT, "found": FOUND, "parcel_id": _opt(PARCEL)}),
    EventType("reconciliation_finished", Family.CUSTODY, "Every compartment was looked into",
              {"visit_id": ID, "checked": WHOLE, "exceptions": WHOLE}),
    EventType("temperature_excursion", Family.ALARM, "A zone was too cold or too warm for longer than its goods bear",
              {"zone": CODE, "temperature_mc": INTEGER, "limit_mc": INTEGER, "lasted_s": WHOLE}, urgent=True),
    EventType("temperature_recovered", Family.ALARM, "The zone is within its limits again",
              {"zone": CODE, "temperature_mc": INTEGER}),
    EventType("power_changed", Family.LIFECYCLE, "The device runs on mains, or on its battery",
              {"source": POWER, "battery_percent": _opt(WHOLE)}),
    EventType("decommission_started", Family.LIFECYCLE, "Closed for the public for good; what lies in it is taken out",
              {"command_id": ID}),
    EventType("decommissioned", Family.LIFECYCLE, "Empty; keys and data go once this event is receipted",
              {"command_id": ID}),
    EventType("wiring_pulse_authorised", Family.DOOR, "An installer confirmed one pulse of a board's output",
              {"pulse_id": ID, "module": CODE, "output_no": WHOLE}),
    EventType("wiring_pulse_finished", Family.DOOR, "What the board said and how many inputs moved",
              {"pulse_id": ID, "pulse": PULSE, "inputs_moved": WHOLE}),
    EventType("temperature_sampled", Family.TELEMETRY, "A zone's temperature",
              {"zone": CODE, "temperature_mc": INTEGER}),
    EventType("heartbeat", Family.TELEMETRY, "The device lives", {"uptime_s": WHOLE, "free_bytes": _opt(WHOLE)}),
)  # fmt: skip

EVENT_TYPES: Mapping[str, EventType] = {row.name: row for row in _ROWS}


def check_payload(type_name: str, data: Mapping[str, Any]) -> EventType:
    """Return the type's row when `data` fits it.

    Raises:
        Malformed: an unknown type, a member missing, or one of the wrong kind; `where` names it.
    """
    row = EVENT_TYPES.get(type_name)
    if row is None:
        raise Malformed(f"unknown event type {type_name!r:.64}", where="type", remedy="Update the cloud first.")
    for name, member in row.members.items():
        if name not in data:
            if member.optional:
                continue
            raise Malformed(f"without {name}", where=type_name)
        if not member.check(data[name]):
            raise Malformed(f"{name} is not a {member.kind}", where=f"{type_name}.{name}")
    return row
