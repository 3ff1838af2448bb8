"""PURE. The facts that commands show of parties, outcomes and the trust bundle. Public values only."""

from __future__ import annotations

from typing import Any

from edge.wire.enrolment import renew_at_ms
from edge.wire.keys import TrustBundle
from provisioning import registry_file
from provisioning.authority import at
from provisioning.fleet import Outcome
from provisioning.party import Party


def outcome(result: Outcome) -> dict[str, Any]:
    """What became of one party."""
    assert result.party is not None
    row = registry_file.row(result.party)
    head = {"id": row.pop("device_id"), "verdict": result.verdict, "changed": bool(result.writes)}
    return {**head, **row, **renewal(result.party)}


def renewal(party: Party) -> dict[str, int]:
    """When the newest certificate should be renewed at the latest."""
    newest = party.newest
    return {"renew_at_ms": renew_at_ms(newest.not_before_ms, newest.not_after_ms, 0.0)} if newest else {}


def last_day(party: Party | None) -> str:
    return f"{at(party.newest.not_after_ms):%Y-%m-%d}" if party and party.newest else "-"


def roles(bundle: TrustBundle) -> dict[str, list[dict[str, Any]]]:
    """The bundle's keys by role."""
    return {
        role.value: [
            {"public": key.public.hex(), "not_before_ms": key.not_before_ms, "not_after_ms": key.not_after_ms}
            for key in keys
        ]
        for role, keys in bundle.roles.items()
    }
