"""What really happened, kept outside the code under test, and the rules that must hold whatever happens."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edge.core.locker.durable import Durable
from edge.ports import Cursor
from edge.wire.event import EventDraft
from tests.simulation.trace import Trace
from tests.virtual_loop import VirtualLoop

OPENINGS_PER_MINUTE = 12
CLOCK_LAG_MS = 130_000  # signed time may be this old when it arrives: a welcome of up to 60 s, and drift


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that did not hold. `rule` is its name."""

    rule: str
    device_id: str
    what: str


@dataclass(slots=True)
class Permission:
    """A durable `unlock_authorised`."""

    authority_id: str
    compartment_no: int
    boot: int
    command_id: str | None
    used: bool = False


@dataclass(frozen=True, slots=True)
class Issued:
    """A signed command as it left the cloud. `genuine`: signed by the commands key for that session."""

    device_id: str
    expires_at_ms: int
    genuine: bool


@dataclass(slots=True)
class DeviceFacts:
    """One device's facts."""

    returned: dict[str, dict[int, tuple[str, Mapping[str, Any]]]] = field(default_factory=lambda: defaultdict(dict))
    permissions: list[Permission] = field(default_factory=list)
    pulsed_ms: deque[int] = field(default_factory=deque)
    pulses: int = 0
    visits_by_jti: dict[str, str] = field(default_factory=dict)
    attempts_recorded: int = 0
    attempts_compared: int = 0
    named: Counter[int] = field(default_factory=Counter)  # compartments that an alarm or a disabling has named
    shut_at_pulse: Counter[int] = field(default_factory=Counter)  # how often each door had been shut when it was pulsed
    people: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)  # visit → whose, and who joined it
    appending: bool = False
    running: Durable | None = None
    appends: int = 0
    events: int = 0


class Oracle:
    """Facts and rules. The first violation ends the run."""

    def __init__(self, loop: VirtualLoop, trace: Trace) -> None:
        self._loop = loop
        self._trace = trace
        self.violation: Violation | None = None
        self.broken = asyncio.Event()
        self.devices: dict[str, DeviceFacts] = defaultdict(DeviceFacts)
        self.commands: dict[str, Issued] = {}
        self.commands_pulsed: set[str] = set()
        self.foreign: set[str] = set()  # credentials that were issued for another locker
        self.stats: Counter[str] = Counter()

    def note(self, who: str, what: str, *more: Any) -> None:
        self._trace.note(self._loop.now_ms(), who, what, *more)

    def violate(self, rule: str, device_id: str, what: str) -> None:
        self.note(device_id, f"VIOLATION {rule}", what)
        if self.violation is None:
            self.violation = Violation(rule, device_id, what)
            self.broken.set()

    # --- the log ---------------------------------------------------------------------------------------------

    def appended(self, device_id: str, boot: int, drafts: Sequence[EventDraft], cursor: Cursor) -> None:
        """An append returned: from now on these events must be in the ledger, or still on their way to it."""
        facts = self.devices[device_id]
        facts.appends += 1
        facts.events += len(drafts)
        for seq, draft in enumerate(drafts, cursor.size - len(drafts)):
            if seq in facts.returned[cursor.stream]:
                self.violate("append_once", device_id, f"two events returned as {seq}")
            facts.returned[cursor.stream][seq] = (draft.type, draft.data)
            self._learn(device_id, facts, boot, draft.type, draft.data)
        self.note(device_id, "log", cursor.size, *(describe(draft.type, draft.data) for draft in drafts))

    def _learn(self, device_id: str, facts: DeviceFacts, boot: int, name: str, data: Mapping[str, Any]) -> None:
        if name == "unlock_authorised":
            actor, joined = facts.people.get(data["visit_id"], (None, None))
            if data["cause"] == "open_all" and (joined is None or joined == actor):
                self.violate("two_persons", device_id, f"open-all in a visit of {actor} and {joined}")
            facts.permissions.append(
                Permission(data["authority_id"], data["compartment_no"], boot, data.get("command_id"))
            )
        elif name == "pin_attempted":
            facts.attempts_recorded += 1
        else:
            self._learn_names(device_id, facts, name, data)

    def _learn_names(self, device_id: str, facts: DeviceFacts, name: str, data: Mapping[str, Any]) -> None:
        if name in ("visit_started", "visit_joined"):
            self._learn_visit(device_id, facts, name, data)
        elif name in ("compartment_disabled", "door_opened_unauthorised", "door_left_open"):
            facts.named[data["compartment_no"]] += 1
        elif name == "alarm_raised" and data.get("subject", "").isdigit():
            facts.named[int(data["subject"])] += 1

    def _learn_visit(self, device_id: str, facts: DeviceFacts, name: str, data: Mapping[str, Any]) -> None:
        """A credential opens one visit, here, and once."""
        visit_id, jti = data["visit_id"], data.get("jti")
        actor, joined = facts.people.get(visit_id, (None, None))
        facts.people[visit_id] = (data.get("actor"), joined) if name == "visit_started" else (actor, data.get("actor"))
        if jti is None:
            return
        if jti in self.foreign:
            self.violate("credential_here", device_id, f"credential {jti[:8]} was issued for another locker")
        if jti in facts.visits_by_jti:
            self.violate("credential_once", device_id, f"credential {jti[:8]} started a second visit")
        facts.visits_by_jti[jti] = visit_id

    def deposited(self, device_id: str, no: int, shut: Counter[int]) -> None:
        """`parcel_deposited` was recorded; `shut`: how often each door has been shut so far."""
        if shut[no] <= self.devices[device_id].shut_at_pulse.get(no, -1):
            self.violate("deposit_by_door", device_id, f"deposited in {no}, whose door was not shut since its pulse")

    def reopened(self, device_id: str, raws: Sequence[tuple[str, Mapping[str, Any]]], first: int, stream: str) -> None:
        """After a restart the log must still hold every event whose append returned.

        It may hold more: what was durable when the power went counts from now on like any other.
        """
        facts = self.devices[device_id]
        for seq, expected in facts.returned[stream].items():
            if seq >= first and (seq - first >= len(raws) or raws[seq - first] != expected):
                self.violate("returned_is_durable", device_id, f"event {seq} {expected[0]} is gone after a restart")
                return
        for seq, (name, data) in enumerate(raws, first):
            if seq not in facts.returned[stream]:
                facts.returned[stream][seq] = (name, data)
                self._learn_names(device_id, facts, name, data)

    def rebuilt(self, device_id: str, durable: Durable, whole: Durable | None) -> None:
        """The memory from snapshot and tail: what ran before, and what all events together say."""
        facts = self.devices[device_id]
        if whole is not None and whole != durable:
            self.violate(
                "state_rebuilt", device_id, f"snapshot and tail differ from all events: {_differs(whole, durable)}"
            )
        if facts.running is not None and facts.running != durable and not facts.appending:
            self.violate(
                "state_rebuilt", device_id, f"memory differs after a restart: {_differs(facts.running, durable)}"
            )

    def receipted(self, device_id: str, size: int, stored: int) -> None:
        """A receipt is kept on the device: the ledger must hold that much, durably."""
        if size > stored:
            self.violate("receipt_within_durable", device_id, f"{size} events count as receipted, {stored} are stored")

    # --- locks -----------------------------------------------------------------------------------------------

    def pulsed(self, device_id: str, boot: int, no: int, at_ms: int, device_at_ms: int) -> None:
        """An output was switched on. `at_ms`: true time; `device_at_ms`: the device's own authority time."""
        facts = self.devices[device_id]
        facts.pulses += 1
        self.stats["pulses"] += 1
        self.note(device_id, "PULSE", no)
        found = [p for p in facts.permissions if p.compartment_no == no and not p.used and p.boot == boot]
        if not found:
            self.violate("pulse_has_authority", device_id, f"compartment {no} pulsed without an unused authority")
            return
        found[-1].used = True
        if found[-1].command_id is not None:
            self._by_command(device_id, found[-1].command_id, at_ms, device_at_ms)
        facts.pulsed_ms.append(at_ms)
        while facts.pulsed_ms[0] <= at_ms - 60_000:
            facts.pulsed_ms.popleft()
        if len(facts.pulsed_ms) > OPENINGS_PER_MINUTE:
            self.violate("opening_cap", device_id, f"{len(facts.pulsed_ms)} pulses within a minute")

    def _by_command(self, device_id: str, command_id: str, at_ms: int, device_at_ms: int) -> None:
        self.stats["pulses by command"] += 1
        issued = self.commands.get(command_id)
        if issued is None or not issued.genuine or issued.device_id != device_id:
            self.violate("command_genuine", device_id, f"pulse by command {command_id[:8]}, which nobody gave")
        elif device_at_ms >= issued.expires_at_ms:
            late_ms = device_at_ms - issued.expires_at_ms
            self.violate("command_unexpired", device_id, f"pulse {late_ms} ms after the command had expired")
        elif at_ms >= issued.expires_at_ms + CLOCK_LAG_MS:
            late_ms = at_ms - issued.expires_at_ms
            self.violate("command_unexpired", device_id, f"pulse {late_ms} ms of true time after the expiry")
        if command_id in self.commands_pulsed:
            self.violate("command_once", device_id, f"a second pulse by command {command_id[:8]}")
        self.commands_pulsed.add(command_id)

    def compared(self, device_id: str) -> None:
        """A PIN was compared with the live codes."""
        facts = self.devices[device_id]
        facts.attempts_compared += 1
        self.stats["pins compared"] += 1
        if facts.attempts_recorded < facts.attempts_compared:
            self.violate("attempt_before_compare", device_id, "a PIN was compared before its attempt was recorded")


def describe(name: str, data: Mapping[str, Any]) -> str:
    shown = (("compartment_no", ""), ("parcel_id", ""), ("outcome", ""), ("reason", ""), ("alarm", ""), ("cause", ""))
    return f"{name}({','.join(str(data[key]) for key, _ in shown if key in data)})"


def _differs(a: Durable, b: Durable) -> str:
    names = [name for name in Durable.__dataclass_fields__ if getattr(a, name) != getattr(b, name)]
    return "; ".join(f"{name}: {getattr(a, name)} ≠ {getattr(b, name)}" for name in names)[:600]
