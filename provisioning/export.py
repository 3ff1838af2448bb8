"""What each part of the installation is given of a fleet: no more than it needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from provisioning import registry_file, revocation_lists, role_key, trust
from provisioning.fleet import Fleet


class Receiver(StrEnum):
    """A bridge signs with the role keys; a broker checks and cuts off clients; a device checks everything."""

    BRIDGE = "bridge"
    BROKER = "broker"
    DEVICE = "device"


@dataclass(frozen=True, slots=True)
class ExportFile:
    name: str
    data: bytes = field(repr=False)
    private: bool = False


def files_for(fleet: Fleet, receiver: Receiver, now_ms: int) -> list[ExportFile]:
    """The files to hand over.

    Raises:
        NotFound: a role has no valid key any more.
    """
    authority = ExportFile("ca.pem", fleet.trusted_pem(now_ms))
    revoked = ExportFile("crl.pem", revocation_lists.pem(fleet.folder, now_ms))
    registry = ExportFile("devices.json", registry_file.encode(fleet.name, fleet.parties(), now_ms))
    if receiver is Receiver.BROKER:
        return [authority, revoked, registry]
    public = [
        authority,
        ExportFile("fleet.json", fleet.folder.read("fleet.json")),
        ExportFile("trust.bundle", fleet.folder.read("trust.bundle")),
    ]
    if receiver is Receiver.DEVICE:
        return public
    return [*public, revoked, registry, *_role_keys(fleet, now_ms)]


def _role_keys(fleet: Fleet, now_ms: int) -> list[ExportFile]:
    """The keys a bridge signs with, `<role>.key`, and in a rotation `<role>.next.key` for when its window opens.

    Release keys stay where releases are made.
    """
    bundle = fleet.trust_bundle()
    files = []
    for role in trust.BRIDGE_ROLES:
        named = {f"{role.value}.key": trust.signing_key(bundle, role, now_ms)}
        if coming := trust.next_key(bundle, role, now_ms):
            named[f"{role.value}.next.key"] = coming
        for name, key in named.items():
            files.append(ExportFile(name, fleet.folder.read(role_key.path(role, key.public)), private=True))
    return files
