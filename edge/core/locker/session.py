"""The frame of one visit at the kiosk: how it begins, what it says, when it ends by itself."""

from __future__ import annotations

from edge.core.locker.credentials import Credential
from edge.core.locker.custody import abandon
from edge.core.locker.doors import derive_id
from edge.core.locker.model import Light, Signal, StartTimer, StopTimer
from edge.core.locker.state import Session, Turn
from edge.core.locker.steps import Step
from edge.core.replacement import replace

TAKES_CREDENTIALS = frozenset({Step.IDLE, Step.DONE, Step.REFUSED})


def start_visit(turn: Turn, credential: Credential, fresh_id: str) -> str:
    """The credential is consumed by this record; whatever the visit opens names it."""
    visit_id = derive_id(fresh_id, "visit")
    turn.record(
        "visit_started",
        visit_id=visit_id,
        kind=credential.kind,
        jti=credential.jti,
        jti_expires_at_ms=credential.expires_at_ms,
        pickup_id=credential.pickup_id,
        actor=credential.actor,
    )
    begun = Session(turn.state.session.step, visit_id, purpose=credential.purpose, actor=credential.actor)
    turn.set(session=begun)
    turn.emit(Signal("ok"))
    return visit_id


def end_visit(turn: Turn, reason: str, step: Step, message: str) -> None:
    """Over, on record, whatever it had begun and no door ever confirmed being given up."""
    visit_id = turn.state.session.visit_id
    if visit_id is not None and visit_id in turn.state.durable.visits:
        abandon(turn, visit_id, reason)
        turn.record("visit_ended", visit_id=visit_id, reason=reason)
    turn.set(session=Session(step=turn.state.session.step))
    if turn.state.durable.decommissioning is not None:
        turn.go(Step.CLOSED, message="decommissioning")
    else:
        turn.go(step, message=message)
    turn.emit(Light(None), StopTimer("cap"))
    if turn.state.session.step in (Step.IDLE, Step.CLOSED):
        turn.emit(StopTimer("session"))
    else:
        turn.emit(StartTimer("session", turn.state.limits.done_ms))


def await_label(turn: Turn, message: str, *, refused: bool = False) -> None:
    """The courier's next parcel, with nothing in hand."""
    turn.go(
        Step.LABEL, message=message, purpose="deposit", deposit=None, compartment_no=None, tries=0, swap=None,
        given_up=(), too_small=(),
    )  # fmt: skip
    turn.emit(Signal("refused" if refused else "ok"), Light(None))
    touch(turn)


def refuse(turn: Turn, message: str, until_at_ms: int = 0) -> None:
    """Say why not. A visit under way goes on; without one the kiosk returns to idle by itself."""
    turn.emit(Signal("refused"))
    session = turn.state.session
    checking_pin = session.step is Step.CHECKING and session.deposit is None
    if session.step in TAKES_CREDENTIALS or checking_pin:
        turn.set(session=Session(step=session.step))
        turn.go(Step.REFUSED, message=message, until_at_ms=until_at_ms)
        turn.emit(StartTimer("session", turn.state.limits.done_ms))


def touch(turn: Turn) -> None:
    """Somebody is there: the visit's time to end by itself begins anew."""
    idle_ms = turn.state.limits.visit_idle_ms
    turn.set(session=replace(turn.state.session, idle_until_mono_ms=turn.now.mono_ms + idle_ms))
    turn.emit(StartTimer("session", idle_ms))
