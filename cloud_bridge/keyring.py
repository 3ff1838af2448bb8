"""Reads the folder that provisioning hands to a bridge: trust bundle, fleet root and the role keys."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cloud_bridge.errors import ConfigError
from cloud_bridge.fleet.keys import CloudKeys
from cloud_bridge.ports import Random
from edge.wire.envelope import open_envelope
from edge.wire.errors import WireError
from edge.wire.keys import Ed25519Signer, Role, Signer
from edge.wire.messages import Bundle

LINK_KEY_FILE = "link.key"


@dataclass(frozen=True, slots=True)
class Keyring:
    """Everything secret that the service side holds. `link_key` derives recipients' links."""

    cloud: CloudKeys
    pickup: Signer = field(repr=False)
    link_key: bytes = field(repr=False)


def load_keyring(folder: Path, state: Path, random: Random) -> Keyring:
    """Load the keys; the link key is made in `state` at the first start.

    Raises:
        ConfigError: a file is missing, damaged, or its key is none of the bundle's.
    """
    sealed = _read(folder / "trust.bundle")
    try:
        bundle = Bundle.parse(open_envelope(sealed).body).bundle
    except WireError as error:
        raise ConfigError(str(error), where="trust.bundle", remedy="Export it again with pw-provision.") from error
    signers = {role: _signer(folder, role) for role in (Role.RECEIPTS, Role.COMMANDS, Role.DESIRED, Role.PICKUP)}
    for role, signer in signers.items():
        if signer.public not in {key.public for key in bundle.keys(role)}:
            raise ConfigError("is no key of the trust bundle", where=f"{role.value}.key",
                              remedy="Export bundle and keys together.")  # fmt: skip
    cloud = CloudKeys(bundle, sealed, signers[Role.RECEIPTS], signers[Role.COMMANDS], signers[Role.DESIRED])
    return Keyring(cloud, signers[Role.PICKUP], link_key(state, random))


def _signer(folder: Path, role: Role) -> Ed25519Signer:
    name = f"{role.value}.key"
    try:
        key = load_pem_private_key(_read(folder / name), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError("not a private key in PEM", where=name, remedy="Export it again.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError("not an Ed25519 key", where=name, remedy="Export it again.")
    return Ed25519Signer(key.private_bytes_raw())


def link_key(state: Path, random: Random) -> bytes:
    """The key of links, made in `state` at the first start.

    Raises:
        ConfigError: its file is damaged.
    """
    path = state / LINK_KEY_FILE
    if not path.exists():
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps({"link_key": random.token(32).hex()}))
        fresh.replace(path)
    try:
        key = bytes.fromhex(json.loads(path.read_text())["link_key"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            "damaged", where=str(path), remedy="Restore it, or delete it: old links are void then."
        ) from error
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path),
                          remedy="Run `pw-provision export bridge` into this folder.") from error  # fmt: skip
