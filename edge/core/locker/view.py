"""What the kiosk page needs to show, derived from the machine's state. No name, code or phone number is in it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from edge.core.locker.depositing import size_offers
from edge.core.locker.presses import offered
from edge.core.locker.reconciling import expected
from edge.core.locker.state import LockerState, Session
from edge.core.locker.steps import Step
from edge.core.locker.swapping import may_reopen
from edge.ports import Now


def view(state: LockerState, now: Now) -> dict[str, Any]:
    """The page's whole input. Sizes in mm, times in ms; `step` and `message` are codes that the page translates."""
    session, whose = state.session, _visit_kind(state)
    return {
        "device_id": state.device_id,
        "step": session.step.value,
        "message": session.message,
        "visit": whose,
        "purpose": session.purpose,
        "actions": offered(state, now),
        "sizes": [asdict(size) for size in size_offers(state, now)] if session.step is Step.SIZE else [],
        "accessible": session.needs.accessible,
        "expected": expected(state) if session.step is Step.CHECK else 0,
        **_reopening(state, now),
        "idle_left_s": _idle_left_s(session, now),
        "compartment_no": session.compartment_no,
        "tries_left": max(0, state.limits.tries_per_visit - session.tries),
        "more_doors": len(session.queue),
        "wait_s": _left_s(session.until_at_ms, now.at_ms) if session.step is Step.REFUSED else 0,
        "online": state.nonce is not None,
        "pin_ready": not state.durable.pin_limits.blocked(now.at_ms),
        "compartments": [
            {
                "no": compartment.no,
                "module": compartment.channel.module,
                "width_mm": compartment.width_mm,
                "height_mm": compartment.height_mm,
                "sill_mm": compartment.sill_mm,
                "door": state.durable.slot(compartment.no).door.value,
                **_standing(state, compartment.no, whose),
            }
            for compartment in state.compartments()
        ],
    }


def _reopening(state: LockerState, now: Now) -> dict[str, Any]:
    """The compartment that the courier may open again, and how long yet."""
    if state.session.step is not Step.LABEL or not may_reopen(state, now):
        return {"reopen_no": None, "reopen_left_s": 0}
    session = state.session
    return {"reopen_no": session.reopen_no, "reopen_left_s": _left_s(session.reopen_until_mono_ms, now.mono_ms)}


def _standing(state: LockerState, no: int, whose: str) -> dict[str, str]:
    """What a technician, and nobody else, is shown of a compartment."""
    if whose != "technician":
        return {}
    slot = state.durable.slot(no)
    return {"state": "disabled" if slot.disabled else "held" if slot.held else "free"}


def _left_s(until_ms: int, now_ms: int) -> int:
    """Whole seconds until then, begun ones counted."""
    return max(0, -(-(until_ms - now_ms) // 1000))


def _idle_left_s(session: Session, now: Now) -> int | None:
    """Until the session ends by itself; None while it does not."""
    until_ms = session.idle_until_mono_ms
    return None if until_ms is None else _left_s(until_ms, now.mono_ms)


def _visit_kind(state: LockerState) -> str:
    """`courier`, `recipient`, `sender`, `technician` or empty: whom the page speaks to."""
    visit = state.durable.visits.get(state.session.visit_id or "")
    return "" if visit is None else visit.kind
