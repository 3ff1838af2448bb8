"""The repository's signing keys in the fleet folder. A role's generation grows when its keys are replaced."""

from __future__ import annotations

import re

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner

from provisioning import role_key
from provisioning.errors import NotFound, StorageFailed
from provisioning.releases.roles import RULES, key_path
from provisioning.storage import FleetFolder, Write

_NAME = re.compile(r"(root|targets|snapshot|timestamp)-([0-9]{1,4})-[0-9]{1,2}\.key\Z")


def new_keys(role: str, generation: int) -> tuple[list[CryptoSigner], tuple[Write, ...]]:
    """A role's keys, and the files that keep them."""
    keys = [Ed25519PrivateKey.generate() for _ in range(RULES[role].keys)]
    writes = tuple(
        Write(key_path(role, number, generation), role_key.pem(key), new=True) for number, key in enumerate(keys, 1)
    )
    return [CryptoSigner(key) for key in keys], writes


def signers(folder: FleetFolder, role: str, key_ids: set[str]) -> list[CryptoSigner]:
    """Those of the folder's keys that the role's holders trust; as many as its threshold asks for.

    Raises:
        NotFound: too few of them lie here. For root and targets the offline folder has to be there.
    """
    found = [signer for signer in _all(folder, role) if signer.public_key.keyid in key_ids]
    needed = RULES[role].threshold
    if len(found) < needed:
        remedy = "Name the offline medium: --offline." if RULES[role].offline else "Restore releases/keys."
        raise NotFound(f"{len(found)} of {needed} keys of the role {role}", where="releases", remedy=remedy)
    return found


def newest_generation(folder: FleetFolder, role: str) -> int:
    place = "offline/releases" if RULES[role].offline else "releases/keys"
    numbers = [int(match[2]) for name in folder.names(place) if (match := _NAME.match(name)) and match[1] == role]
    return max(numbers, default=0)


def _all(folder: FleetFolder, role: str) -> list[CryptoSigner]:
    place = "offline/releases" if RULES[role].offline else "releases/keys"
    names = [name for name in folder.names(place) if (match := _NAME.match(name)) and match[1] == role]
    return [_load(folder, f"{place}/{name}") for name in names]


def _load(folder: FleetFolder, path: str) -> CryptoSigner:
    try:
        key = load_pem_private_key(folder.read(path), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("not an Ed25519 key")
        return CryptoSigner(key)
    except ValueError as error:
        raise StorageFailed(f"damaged: {error}"[:120], where=path, remedy="Restore the file.") from error
