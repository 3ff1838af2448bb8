"""A rollout as people see it: its phases, how far its devices are, who does not count and why. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from cloud_bridge.rollouts.model import Asked, DeviceState, Rollout, Share
from cloud_bridge.rollouts.plan import Census


def summary(rollout: Rollout) -> dict[str, Any]:
    """What stands of a rollout itself."""
    target, gates = rollout.target, rollout.gates
    return {
        "rollout_id": rollout.rollout_id, "product": target.product, "board": target.board,
        "kind": target.kind.value, "version": str(target.version), "state": rollout.state.value,
        "reason": rollout.reason, "phases": [share_text(share) for share in rollout.phases],
        "phase_no": rollout.phase + 1, "round": rollout.round, "max_failed_permille": gates.max_failed_permille,
        "max_silent_permille": gates.max_silent_permille, "silent_after_s": gates.silent_after_s,
        "soak_s": gates.soak_s, "offline_after_s": gates.offline_after_s, "made_by": rollout.made_by,
        "made_at_ms": rollout.made_at_ms, "changed_at_ms": rollout.changed_at_ms,
    }  # fmt: skip


def details(rollout: Rollout, counted: Census, asked: Mapping[str, Asked]) -> dict[str, Any]:
    """The summary with its denominator, its devices and those that are left out."""
    states = Counter(item.state for item in asked.values())
    allowed = rollout.phases[rollout.phase].of(len(counted.eligible))
    return {
        **summary(rollout), "eligible": len(counted.eligible), "allowed": allowed, "asked": len(asked),
        **{state.value + "_now": states[state] for state in DeviceState},
        "devices": [_device(item) for item in sorted(asked.values(), key=lambda item: item.device_id)],
        "excluded": [
            {"device_id": device_id, "reason": reason.value} for device_id, reason in sorted(counted.excluded.items())
        ],
    }  # fmt: skip


def share_text(share: Share) -> str:
    """`5`, or `10%`: as it is entered."""
    return f"{share.percent}%" if share.percent is not None else str(share.count)


def share_of(text: str) -> Share | None:
    """The share that a text states, or None."""
    digits = text.removesuffix("%")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 6 or not int(digits):
        return None
    if not text.endswith("%"):
        return Share(count=int(digits))
    return Share(percent=int(digits)) if int(digits) <= 100 else None


def _device(item: Asked) -> dict[str, Any]:
    return {
        "device_id": item.device_id, "phase_no": item.phase + 1, "attempt": item.attempt, "state": item.state.value,
        "reason": item.reason, "asked_at_ms": item.asked_at_ms, "changed_at_ms": item.changed_at_ms,
    }  # fmt: skip
