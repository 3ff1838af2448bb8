"""PURE. Who signs what of a release repository, how many must agree, and for how long it holds.

The Update Framework 1.0, section 2.1. Root and targets are signed on the machine with the offline folder; snapshot and
timestamp wherever the repository is served from. A short-lived timestamp bounds how long old releases can be passed off
as the newest (freeze attack).
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

Signed = Root | Targets | Snapshot | Timestamp
AnyMetadata = Metadata[Root] | Metadata[Targets] | Metadata[Snapshot] | Metadata[Timestamp]


@dataclass(frozen=True, slots=True)
class RoleRule:
    """`threshold` of `keys` keys must sign. `offline`: the keys lie in the offline folder."""

    keys: int
    threshold: int
    life_days: int
    offline: bool

    def expires(self, now: datetime.datetime) -> datetime.datetime:
        return (now + datetime.timedelta(days=self.life_days)).replace(microsecond=0)


RULES: Mapping[str, RoleRule] = {
    "root": RoleRule(3, 2, 730, offline=True),
    "targets": RoleRule(2, 2, 180, offline=True),
    "snapshot": RoleRule(1, 1, 30, offline=False),
    "timestamp": RoleRule(1, 1, 7, offline=False),
}


def key_path(role: str, number: int, generation: int) -> str:
    """Where a private key lies in the fleet folder."""
    folder = "offline/releases" if RULES[role].offline else "releases/keys"
    return f"{folder}/{role}-{generation}-{number}.key"


def due(signed: Signed, role: str, now: datetime.datetime) -> bool:
    """Whether less than a third of its life is left."""
    return signed.expires - now < datetime.timedelta(days=RULES[role].life_days) / 3
