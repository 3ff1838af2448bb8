"""A new fleet: its name and root as everybody is given them, and its first files."""

from __future__ import annotations

from typing import Annotated, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field

from edge.wire.ids import check_fleet
from edge.wire.keys import TrustAnchor
from provisioning import generations, role_key, trust
from provisioning.authority import certificate_der, ms
from provisioning.issuing_key import IssuingKey
from provisioning.storage import Write


class FleetFile(BaseModel):
    """`fleet.json`: the name and the root's public key, as devices and cloud are given it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    format: Literal[1] = 1
    fleet: str
    root_public: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    created_at_ms: int


def new_fleet(name: str, now_ms: int, issuing: IssuingKey | None = None) -> tuple[FleetFile, tuple[Write, ...]]:
    """A fleet's first files: root and issuing authority, fleet root, role keys, trust bundle, empty revocation list."""
    check_fleet(name)
    authority, files = generations.first(name, issuing or IssuingKey.new(), now_ms)
    fleet_root = Ed25519PrivateKey.generate()
    roles = {role: Ed25519PrivateKey.generate() for role in trust.CLOUD_ROLES}
    publics = {role: key.public_key().public_bytes_raw() for role, key in roles.items()}
    root = ms(authority.root.not_valid_after_utc)
    anchors = tuple(TrustAnchor(certificate_der(item), root) for item in authority.trusted)
    bundle = trust.first_bundle(name, publics, anchors, now_ms)
    file = FleetFile(fleet=name, root_public=fleet_root.public_key().public_bytes_raw().hex(), created_at_ms=now_ms)
    return file, (
        *files,
        Write("offline/root.key", role_key.pem(fleet_root)),
        *(Write(role_key.path(role, publics[role]), role_key.pem(key)) for role, key in roles.items()),
        Write("trust.bundle", trust.sealed(bundle, role_key.signer(role_key.pem(fleet_root), "offline/root.key"))),
        Write("fleet.json", file.model_dump_json(indent=1).encode() + b"\n"),
    )
