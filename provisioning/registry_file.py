"""PURE. The list of enrolled devices as the cloud imports it: JSON, public keys only.

`{"format": 1, "fleet", "issued_at_ms", "devices": [{"device_id", "kind", "state": "active" | "revoked", "log_public",
"wrap_public", "certificate_serial", "not_after_ms"}]}`, keys in hex, devices ascending by id.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from provisioning.party import Party

FORMAT = 1


def encode(fleet: str, parties: Iterable[Party], now_ms: int) -> bytes:
    """The devices among `parties`; servers have no log key and do not stand here."""
    devices = sorted((row(party) for party in parties if party.log_public), key=lambda item: str(item["device_id"]))
    members = {"format": FORMAT, "fleet": fleet, "issued_at_ms": now_ms, "devices": devices}
    return json.dumps(members, indent=1).encode() + b"\n"


def row(party: Party) -> dict[str, Any]:
    """One party's public facts."""
    newest = party.newest
    return {
        "device_id": party.party_id,
        "kind": party.kind.value,
        "state": party.state,
        "log_public": party.log_public,
        "wrap_public": party.wrap_public,
        "certificate_serial": newest.serial if newest else "",
        "not_after_ms": newest.not_after_ms if newest else 0,
    }
