"""The locker machine in a modelled world: doors, boards, sensors, people, the cloud, a log that refuses, crashes."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from edge.core.authority_time import AuthorityTime
from edge.core.locker.depositing import size_offers
from edge.core.locker.desired import Compartment, Desired, Limits, Reservation, Zone
from edge.core.locker.durable import Durable
from edge.core.locker.fold import fold
from edge.core.locker.machine import replay, step
from edge.core.locker.model import (
    BoardChanged,
    CheckPin,
    ChooseCounter,
    ClockSynced,
    CommandReceived,
    CounterChosen,
    DesiredReceived,
    DoorRead,
    Effect,
    Input,
    LinkAlarm,
    PinChecked,
    PinEntered,
    Pressed,
    Pulse,
    PulseEnded,
    ReadyToPulse,
    Recheck,
    Record,
    Scanned,
    SensorRead,
    SessionChanged,
    Started,
    StartTimer,
    StopTimer,
    StorageChanged,
    TimerFired,
    TrustChanged,
)
from edge.core.locker.presses import offered
from edge.core.locker.state import LockerState
from edge.core.locker.steps import Step
from edge.ports import Channel, DoorState, Now, PulseReply, SensorKind
from edge.wire.event import Event, EventDraft
from edge.wire.messages import Command
from edge.wire.pickup_claims import Operation
from tests.machine.playbook import START_AT_MS, STREAM, hex_id
from tests.machine.visitors import DAY_MS, FLEET, courier_code, pickup_code, technician_code
from tests.unit.edge.core.locker.test_pin import pin

DOORS = 4
SENSORS = {1: True, 2: True, 3: False, 4: False}  # whether the compartment has an occupancy sensor
PICKUPS = {"PW001": 31, "PW002": 32, "PW003": 31, "PW004": 34}
NONCES = (b"n" * 16, b"m" * 16)
QUIET = (Started, DesiredReceived, StorageChanged, SessionChanged)
KEPT = (Started, DoorRead, PulseEnded, TimerFired, BoardChanged, DesiredReceived, LinkAlarm)
MINUTE_MS = 60_000
KEYS = (
    "try_again", "done", "cancel", "open", "did_not_open", "too_big", "dirty", "next_compartment", "empty", "damaged",
    "reopen", "took_out", "left_in", "open_all", "reconcile", "accessible", "size:400x200x500", "open:1", "open:3",
    "found:as_expected", "found:empty", "found:other", "out_of_service:2", "in_service:1", "in_service:2",
    "in_service:3", "in_service:4",
)  # fmt: skip
STRANGE_ARGS = st.fixed_dictionaries(
    {},
    optional={
        "compartment_no": st.sampled_from((0, 1, 99, "1", True, None)),
        "purpose": st.sampled_from(("inspect", "steal", ["inspect"], None)),
    },
)


def event_of(seq: int, draft: EventDraft) -> Event:
    return Event(
        device_id="locker-1", fleet="test.fleet", stream=STREAM, seq=seq, boot=1, type=draft.type, at_ms=draft.at_ms,
        clock=draft.clock, data=dict(draft.data), raw=b"",
    )  # fmt: skip


@dataclass
class Steel:
    """One compartment as it really is."""

    open: bool = False
    parcels: list[str] = field(default_factory=list)


class LockerMachine(RuleBasedStateMachine):
    """Drives `step` as the runtime does: commit, adopt, carry out; a refused commit leaves everything as it was."""

    def __init__(self) -> None:
        super().__init__()
        self.mono_ms, self.floor_at_ms = 0, START_AT_MS
        self.time = AuthorityTime.at_boot(START_AT_MS, 0).signed(START_AT_MS, 0)
        self.steel = {no: Steel() for no in range(1, DOORS + 1)}
        self.log: list[EventDraft] = []
        self.snapshot: tuple[bytes, int] = (Durable(restored=True).to_bytes(), 0)
        self.whole = Durable(restored=True)
        self.full = False
        self.queue: deque[Input] = deque()
        self.held_back: list[Input] = []
        self.timers: dict[str, int] = {}
        self.unanswered: list[tuple[str, int]] = []  # pulses whose board has not spoken
        self.ids = 0
        self.desired = Desired()
        self.authorised: dict[str, int] = {}  # recorded authorities → place in the log
        self.pulsed: set[str] = set()
        self.pulse_times: list[int] = []
        self.visits_by_jti: dict[str, str] = {}
        self.attempts = self.compared = 0
        self.commands = self.jtis = 0

    @initialize(shift=st.integers(0, 3))
    def boot(self, shift: int) -> None:
        self.start()
        self.session_changes(NONCES[0])
        self.cloud_has(set(PICKUPS), shift, 0, revoke=False, older=False)

    # --- the runtime's part -----------------------------------------------------------------------------------

    def fresh(self) -> str:
        self.ids += 1
        return hex_id(0xF00000 + self.ids)

    def now(self) -> Now:
        return self.time.now(self.mono_ms)

    def start(self) -> None:
        """Power on: memory from snapshot and tail, then `Started`, the stored desired state, and the first poll."""
        data, size = self.snapshot
        state = LockerState("", STREAM, durable=Durable.from_bytes(data))
        for seq, draft in enumerate(self.log[size:], size):
            state = replay(state, event_of(seq, draft))
        assert state.durable == self.whole, "memory rebuilt from snapshot and tail differs from all events"
        layout = {no: Compartment(no, Channel("a", no), 400, 200, 500) for no in range(1, DOORS + 1)}
        self.state = LockerState("locker-1", STREAM, durable=state.durable, layout=layout)
        self.queue.clear()
        self.held_back.clear()
        self.timers.clear()
        self.unanswered.clear()
        self.pulse_times.clear()
        self.feed(TrustChanged(FLEET.bundle), Started("test", "boot"), DesiredReceived(self.desired))
        self.poll()

    def feed(self, *events: Input) -> None:
        self.queue.extend(events)
        while self.queue:
            self.take(self.queue.popleft())

    def take(self, event: Input) -> None:
        if self.held_back and isinstance(event, KEPT):
            self.held_back.append(event)
            return
        if self.held_back and isinstance(self.held_back[0], Started) and event == StorageChanged(writable=True):
            return
        state, effects = step(self.state, event, self.now())
        drafts = [effect.draft for effect in effects if isinstance(effect, Record)]
        if isinstance(event, QUIET):
            assert not [effect for effect in effects if isinstance(effect, Pulse | Recheck)]
        if drafts and self.full:
            if isinstance(event, KEPT):
                self.held_back.append(event)
            if self.state.writable:
                self.queue.extendleft((StorageChanged(writable=False),) * 2)
            return
        self.learn(drafts)
        self.state = state
        for effect in effects:
            self.carry_out(effect)

    def learn(self, drafts: list[EventDraft]) -> None:
        for draft in drafts:
            self.whole = fold(self.whole, draft.type, draft.data, draft.at_ms)
            self.log.append(draft)
            self.check_event(draft.type, draft.data)

    def check_event(self, name: str, data: Any) -> None:
        if name == "unlock_authorised":
            assert data["authority_id"] not in self.authorised, "an authority was given twice"
            self.authorised[data["authority_id"]] = len(self.log) - 1
        elif name == "visit_started" and "jti" in data:
            assert data["jti"] not in self.visits_by_jti, "a credential started a second visit"
            self.visits_by_jti[data["jti"]] = data["visit_id"]
        elif name == "pin_attempted":
            self.attempts += 1
        elif name == "parcel_deposited":
            held = self.whole.slot(data["compartment_no"]).held
            assert len(held) == 1, f"more than one live deposit: {held}"

    def carry_out(self, effect: Effect) -> None:
        if isinstance(effect, Recheck):
            self.queue.appendleft(ReadyToPulse(effect.authority_id))
        elif isinstance(effect, Pulse):
            self.check_pulse(effect)
            self.unanswered.append((effect.authority_id, effect.channel.number))
        elif isinstance(effect, CheckPin):
            self.compared += 1
            assert self.compared <= self.attempts, "a PIN was compared before its attempt was recorded"
            matched = next((code[0] for code in effect.live if pin(int(code[0], 16)) == effect.pin), None)
            self.queue.appendleft(PinChecked(effect.attempt_id, matched, self.fresh()))
        elif isinstance(effect, ChooseCounter):
            self.queue.appendleft(CounterChosen(effect.request_id, 0, self.fresh()))
        elif isinstance(effect, StartTimer):
            self.timers[effect.name] = self.mono_ms + effect.delay_ms
        elif isinstance(effect, StopTimer):
            self.timers.pop(effect.name, None)

    def check_pulse(self, pulse: Pulse) -> None:
        assert pulse.authority_id in self.authorised, "a pulse without a recorded authority"
        assert pulse.authority_id not in self.pulsed, "a second pulse by one authority"
        self.pulsed.add(pulse.authority_id)
        authority = self.whole.authorities[pulse.authority_id]
        assert not authority.ended and authority.compartment_no == pulse.channel.number
        self.pulse_times.append(self.mono_ms)
        recent = [at for at in self.pulse_times if self.mono_ms - at < MINUTE_MS]
        assert len(recent) <= self.state.limits.openings_per_minute, "more pulses within a minute than the cap"
        visit = self.log[self.authorised[pulse.authority_id]].data["visit_id"]
        tries = Counter(
            draft.data["compartment_no"]
            for draft in self.log
            if draft.type == "unlock_authorised" and draft.data["visit_id"] == visit
        )
        assert max(tries.values()) <= self.state.limits.tries_per_visit, "more tries in a visit than the limit"

    def poll(self) -> None:
        for no, steel in self.steel.items():
            occupied = bool(steel.parcels) if SENSORS[no] else None
            door = DoorState.OPEN if steel.open else DoorState.CLOSED
            self.feed(DoorRead(no, door, occupied, self.fresh()))

    # --- doors, boards, power, space, time --------------------------------------------------------------------

    @precondition(lambda self: self.unanswered)
    @rule(reply=st.sampled_from((PulseReply.ACKED, *PulseReply)), opens=st.integers(0, 2).map(bool), late=st.booleans())
    def board_says(self, reply: PulseReply, opens: bool, late: bool) -> None:
        self.board_answers(reply, opens, late)

    def board_answers(self, reply: PulseReply, opens: bool, late: bool) -> None:
        authority_id, no = self.unanswered.pop(0)
        if opens and reply in (PulseReply.ACKED, PulseReply.NO_REPLY):
            self.steel[no].open = True
        if late:
            self.poll()
        self.feed(PulseEnded(authority_id, reply))
        self.poll()

    @precondition(lambda self: self.unanswered)
    @rule()
    def board_opens_and_stays_silent(self) -> None:
        self.steel[self.unanswered[0][1]].open = True
        self.poll()

    @precondition(lambda self: any(steel.open for steel in self.steel.values()))
    @rule(put=st.booleans(), take=st.booleans(), read_between=st.booleans())
    def person_uses_an_open_door_and_closes_it(self, put: bool, take: bool, read_between: bool) -> None:
        self.person_closes(put, take, read_between)

    def person_closes(self, put: bool, take: bool, read_between: bool) -> None:
        no = next(no for no, steel in self.steel.items() if steel.open)
        steel = self.steel[no]
        deposit = self.state.session.deposit
        if put and deposit is not None and self.state.session.compartment_no == no:
            steel.parcels.append(deposit.parcel_id)
        elif take:
            steel.parcels.clear()
        if read_between:
            self.poll()
        steel.open = False
        self.poll()

    @rule(no=st.integers(1, DOORS))
    def door_is_forced(self, no: int) -> None:
        self.steel[no].open = True
        self.poll()

    @rule(no=st.integers(1, DOORS), module_answers=st.booleans())
    def board_is_lost_or_found(self, no: int, module_answers: bool) -> None:
        self.feed(BoardChanged("a", module_answers))
        if not module_answers:
            self.feed(DoorRead(no, DoorState.UNKNOWN, None, self.fresh()))

    @rule(snapshot_first=st.booleans())
    def power_is_cut(self, snapshot_first: bool) -> None:
        if snapshot_first and not self.full:
            self.snapshot = (self.whole.to_bytes(), len(self.log))
        self.mono_ms += 10_000
        self.time = AuthorityTime.at_boot(self.floor_at_ms, self.mono_ms)
        self.start()

    @precondition(lambda self: not self.full)
    @rule(sure=st.integers(0, 2))
    def disk_fills(self, sure: int) -> None:
        self.full = sure == 2

    @precondition(lambda self: self.full)
    @rule(freed=st.integers(0, 2).map(bool))
    def log_is_tried_again(self, freed: bool) -> None:
        self.full = not freed
        held, self.held_back = self.held_back, []
        held.insert(1 if held and isinstance(held[0], Started) else 0, StorageChanged(writable=True))
        self.feed(*held)

    @rule(seconds=st.sampled_from((1, 7, 16, 61, 130, 3_700)))
    def time_passes(self, seconds: int) -> None:
        end_ms = self.mono_ms + seconds * 1000
        for _ in range(50):
            due = sorted((at, name) for name, at in self.timers.items() if at <= end_ms)
            if not due:
                break
            self.mono_ms = max(self.mono_ms, due[0][0])
            del self.timers[due[0][1]]
            self.feed(TimerFired(due[0][1]))
        self.mono_ms = max(self.mono_ms, end_ms)

    @rule(step_ms=st.sampled_from((-120_000, -500, 0, 30_000, 61_000, 61_000, DAY_MS)))
    def cloud_signs_the_time(self, step_ms: int) -> None:
        self.time = self.time.signed(self.now().at_ms + step_ms, self.mono_ms)
        self.floor_at_ms = max(self.floor_at_ms, self.time.floor_at_ms)
        self.feed(ClockSynced(step_ms))

    # --- the cloud --------------------------------------------------------------------------------------------

    @rule(
        parcels=st.sets(st.sampled_from(sorted(PICKUPS)), min_size=2),
        shift=st.integers(0, 3),
        generation=st.integers(0, 1),
        revoke=st.booleans(),
        older=st.booleans(),
    )
    def cloud_wants(self, parcels: set[str], shift: int, generation: int, revoke: bool, older: bool) -> None:
        self.cloud_has(parcels, shift, generation, revoke=revoke, older=older)

    def cloud_has(self, parcels: set[str], shift: int, generation: int, *, revoke: bool, older: bool) -> None:
        reservations = {
            parcel: Reservation(
                hex_id(200 + int(parcel[2:])), parcel, hex_id(PICKUPS[parcel]), 1 + (int(parcel[2:]) + shift) % DOORS,
                self.now().at_ms + 30 * DAY_MS, generation,
            )
            for parcel in parcels
        }  # fmt: skip
        version = max(0, self.desired.version - 1) if older else self.desired.version + 1
        wanted = Desired(
            version=version,
            reservations=reservations,
            revoked=frozenset({hex_id(3)} if revoke else ()),
            audiences=frozenset({"locker:locker-1"}),
            limits=Limits(openings_per_minute=4),
            retrievals=frozenset({"PW002"} if revoke else ()),
            collect_by={hex_id(32): self.now().at_ms + 60_000} if older else {},
            zones={"cold": Zone("cold", (1, 3), 2_000, 8_000, 60)},
        )
        if version >= self.desired.version:
            self.desired = wanted
        self.feed(DesiredReceived(wanted))

    @rule(nonce=st.sampled_from((None, *NONCES, *NONCES)))
    def session_changed(self, nonce: bytes | None) -> None:
        self.session_changes(nonce)

    def session_changes(self, nonce: bytes | None) -> None:
        self.feed(SessionChanged(nonce))

    @precondition(lambda self: self.state.nonce is not None)
    @rule(
        no=st.integers(1, DOORS),
        purpose=st.sampled_from(("inspect", "retrieve", "collect")),
        again=st.booleans(),
        reason=st.sampled_from(("help", "x" * 256, "line\nbreak")),
    )
    def command_arrives(self, no: int, purpose: str, again: bool, reason: str) -> None:
        self.commands += not again or self.commands == 0
        self.give_command({"compartment_no": no, "purpose": purpose}, self.state.nonce or b"", 30_000, reason)

    @rule(args=STRANGE_ARGS, nonce=st.sampled_from(NONCES), life_ms=st.sampled_from((-1, 0, 1, 30_000)))
    def strange_command_arrives(self, args: dict[str, Any], nonce: bytes, life_ms: int) -> None:
        self.commands += 1
        self.give_command(args, nonce, life_ms, "help")

    def give_command(self, args: dict[str, Any], nonce: bytes, life_ms: int, reason: str) -> None:
        at_ms = self.now().at_ms
        command = Command(
            hex_id(1000 + self.commands), "locker-1", nonce, "open_compartment", args, at_ms - 1, at_ms + life_ms,
            "support:anna", reason,
        )  # fmt: skip
        self.feed(CommandReceived(command, None, self.fresh()))

    # --- people -----------------------------------------------------------------------------------------------

    @rule(again=st.integers(0, 3), parcel=st.sampled_from(sorted(PICKUPS)))
    def courier_came(self, again: int, parcel: str) -> None:
        self.courier_comes(again, parcel)

    def courier_comes(self, again: int, parcel: str) -> None:
        """With a code of his own, or one that was used, and then a label."""
        jti = min(self.jtis, 1) if again == 3 else self.next_jti()
        self.feed(Scanned(courier_code(jti, at_ms=self.now().at_ms // 1000 * 1000), self.fresh()))
        self.feed(Scanned(parcel, self.fresh()))

    @rule(parcel=st.sampled_from(sorted(PICKUPS)))
    def label_is_scanned(self, parcel: str) -> None:
        self.feed(Scanned(parcel, self.fresh()))

    @precondition(lambda self: any(slot.held for slot in self.whole.slots.values()))
    @rule(again=st.integers(0, 3), which=st.integers(0, 3), by_pin=st.booleans())
    def recipient_came(self, again: int, which: int, by_pin: bool) -> None:
        self.recipient_comes(again, which, by_pin)

    def recipient_comes(self, again: int, which: int, by_pin: bool) -> None:
        held = [item.pickup_id for slot in self.whole.slots.values() for item in slot.held if item.pickup_id]
        pickup = int(held[which % len(held)], 16)
        if by_pin:
            self.feed(PinEntered(pin(pickup), self.fresh()))
            return
        jti = min(self.jtis, 2) if again == 3 else self.next_jti()
        self.feed(Scanned(pickup_code(jti, pickup, at_ms=self.now().at_ms // 1000 * 1000), self.fresh()))

    @rule(parcel=st.sampled_from(sorted(PICKUPS)), also=st.sampled_from(sorted(PICKUPS)))
    def courier_deposits_as_meant(self, parcel: str, also: str) -> None:
        self.key_is_pressed("cancel")
        self.courier_comes(0, parcel)
        self.door_does_as_meant(put=True)
        self.feed(Scanned(also, self.fresh()))

    @precondition(lambda self: any(slot.held for slot in self.whole.slots.values()))
    @rule(which=st.integers(0, 3), by_pin=st.booleans(), takes=st.booleans())
    def recipient_collects_as_meant(self, which: int, by_pin: bool, takes: bool) -> None:
        self.key_is_pressed("done")
        self.recipient_comes(0, which, by_pin)
        self.door_does_as_meant(put=False, takes=takes)

    def door_does_as_meant(self, *, put: bool, takes: bool = False) -> None:
        while self.unanswered and not self.full:
            self.board_answers(PulseReply.ACKED, opens=True, late=False)
            self.person_closes(put, takes, read_between=False)

    def next_jti(self) -> int:
        self.jtis += 1
        return self.jtis

    @rule(
        text=st.one_of(
            st.sampled_from((*sorted(PICKUPS), "PW999", "PW1:Pxx", "PW1:A", "", "\x1b")), st.text(max_size=8)
        )
    )
    def something_is_scanned(self, text: str) -> None:
        self.feed(Scanned(text, self.fresh()))

    @rule(code=st.sampled_from((pin(31), pin(32), pin(34), pin(7), pin(8), "123456789", "")))
    def pin_is_entered(self, code: str) -> None:
        self.feed(PinEntered(code, self.fresh()))

    @rule(action=st.sampled_from(KEYS))
    def key_pressed(self, action: str) -> None:
        self.key_is_pressed(action)

    @rule(which=st.integers(0, 9), no=st.integers(1, DOORS))
    def key_that_is_offered_is_pressed(self, which: int, no: int) -> None:
        """As the page does: it shows what means something, and somebody presses one."""
        names = offered(self.state, self.now())
        if names:
            name = names[which % len(names)]
            offers = size_offers(self.state, self.now())
            arguments = {
                "open": no,
                "out_of_service": no,
                "in_service": no,
                "found": ("as_expected", "empty", "other")[no % 3],
            }
            if name == "size" and offers:
                arguments["size"] = offers[no % len(offers)].code
            self.key_is_pressed(f"{name}:{arguments[name]}" if name in arguments else name)

    # --- the other visits -------------------------------------------------------------------------------------

    @rule(again=st.integers(0, 3), subject=st.sampled_from(("tech:anna", "tech:ben")))
    def technician_came(self, again: int, subject: str) -> None:
        jti = min(self.jtis, 2) if again == 3 else self.next_jti()
        self.feed(Scanned(technician_code(jti, subject, at_ms=self.whole_second()), self.fresh()))

    @rule(keys=st.lists(st.sampled_from(KEYS), max_size=3), second=st.booleans())
    def technician_works(self, keys: list[str], second: bool) -> None:
        self.key_is_pressed("cancel")
        self.feed(Scanned(technician_code(self.next_jti(), at_ms=self.whole_second()), self.fresh()))
        for key in ("open_all", *keys) if second else keys:
            self.key_is_pressed(key)
        if second:
            self.feed(Scanned(technician_code(self.next_jti(), "tech:ben", at_ms=self.whole_second()), self.fresh()))
        self.door_does_as_meant(put=False)

    @rule()
    def courier_retrieves(self) -> None:
        code = courier_code(self.next_jti(), at_ms=self.whole_second(), operation=Operation.RETRIEVE)
        self.feed(Scanned(code, self.fresh()))

    @rule(pickup=st.integers(41, 43), meant=st.booleans())
    def sender_came(self, pickup: int, meant: bool) -> None:
        code = pickup_code(self.next_jti(), pickup, at_ms=self.whole_second(), operation=Operation.DROP_OFF)
        self.feed(Scanned(code, self.fresh()))
        if meant:
            self.key_is_pressed("size:400x200x500")
            self.door_does_as_meant(put=True)

    @rule(parcel=st.sampled_from(("PW801", "PW802")), accessible=st.booleans())
    def courier_brings_what_nobody_announced(self, parcel: str, accessible: bool) -> None:
        self.courier_comes(0, parcel)
        if accessible:
            self.key_is_pressed("accessible")
        self.key_is_pressed("size:400x200x500")
        self.door_does_as_meant(put=True)

    def whole_second(self) -> int:
        return self.now().at_ms // 1000 * 1000

    # --- the cabinet's own sensors ----------------------------------------------------------------------------

    @rule(kind=st.sampled_from(SensorKind), value=st.sampled_from((None, 0, 1, 15, 80, 5_000, 9_000)))
    def sensor_speaks(self, kind: SensorKind, value: int | None) -> None:
        self.feed(SensorRead(kind, "cold", value))

    def key_is_pressed(self, action: str) -> None:
        self.feed(Pressed(action, self.fresh()))

    @rule(number=st.integers(0, 3))
    def stray_answer_arrives(self, number: int) -> None:
        """Answers to questions of long ago, timers of pulses long settled."""
        self.feed(
            PinChecked(hex_id(number), hex_id(31), self.fresh()),
            CounterChosen(hex_id(number), 0, self.fresh()),
            ReadyToPulse(next(iter(self.pulsed), hex_id(number))),
            PulseEnded(next(iter(self.pulsed), hex_id(number)), PulseReply.ACKED),
            TimerFired(f"open:{hex_id(number)}"),
            LinkAlarm("refused", "a\nline", raised=bool(number % 2)),
        )

    # --- always -----------------------------------------------------------------------------------------------

    @invariant()
    def memory_is_the_fold_of_what_is_recorded(self) -> None:
        if not hasattr(self, "state"):
            return
        assert self.state.durable == self.whole
        again = Durable.from_bytes(self.whole.to_bytes())
        assert again == self.whole
        assert again.to_bytes() == self.whole.to_bytes()

    @invariant()
    def nothing_is_left_hanging(self) -> None:
        if not hasattr(self, "state") or self.full or self.held_back or not self.state.writable:
            return
        state = self.state
        open_authorities = {key for key, item in self.whole.authorities.items() if not item.ended}
        assert open_authorities == set(state.pulsing), "an authority without an outcome on the way"
        kiosk = {key for key, visit in self.whole.visits.items() if visit.kind != "remote"}
        assert kiosk <= {state.session.visit_id}, "a visit that nobody ends"
        remote = {key for key, visit in self.whole.visits.items() if visit.kind == "remote"}
        assert len(remote) <= len(state.pulsing)
        if state.session.step in (Step.OPENING, Step.DOOR_OPEN, Step.RETRY, Step.LABEL):
            assert state.session.visit_id in self.whole.visits


def test_locker_any_run_keeps_every_rule() -> None:
    wanted = settings(
        max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    run_state_machine_as_test(LockerMachine, settings=wanted)
