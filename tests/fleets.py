"""A complete small fleet in memory: root, role keys, trust bundle and devices, the same for the same seed.

The keys are derived from the seed, so a run can be repeated; they guard nothing. `provisioning` makes the real ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge.wire.envelope import Kind, seal
from edge.wire.ids import source_of
from edge.wire.keys import Ed25519Signer, Role, RoleKey, TrustBundle
from edge.wire.messages import Bundle

WINDOW_START_MS = 0
WINDOW_END_MS = 4_102_444_800_000  # 2100-01-01


@dataclass(frozen=True, slots=True)
class FleetDevice:
    """One enrolled device with its private halves."""

    device_id: str
    signer: Ed25519Signer = field(repr=False)
    wrap_private: bytes = field(repr=False)
    wrap_public: bytes

    @property
    def log_public(self) -> bytes:
        return self.signer.public


@dataclass(frozen=True, slots=True)
class Fleet:
    """A fleet with every private key at hand."""

    name: str
    root: Ed25519Signer = field(repr=False)
    receipts: Ed25519Signer = field(repr=False)
    commands: Ed25519Signer = field(repr=False)
    desired: Ed25519Signer = field(repr=False)
    pickup: Ed25519Signer = field(repr=False)
    releases: Ed25519Signer = field(repr=False)
    bundle: TrustBundle
    devices: Mapping[str, FleetDevice]

    @property
    def sealed_bundle(self) -> bytes:
        """The trust bundle as it travels: the envelope, sealed by the root."""
        return seal(Kind.BUNDLE, Bundle(self.bundle).encode(), self.root)

    @property
    def receipt_key_name(self) -> str:
        """The name in the cosignature line of receipts."""
        return f"{self.name}/receipts"

    def key_name(self, device_id: str) -> str:
        """The name in the signature line of a device's checkpoints."""
        return source_of(self.name, device_id)

    @property
    def only_device(self) -> FleetDevice:
        """The first device, for tests that need just one."""
        return next(iter(self.devices.values()))


def make_fleet(devices: int = 2, seed: int = 0, *, name: str = "test.fleet", version: int = 1) -> Fleet:
    """Build a fleet of `devices` lockers called `locker-0001`, `locker-0002` …"""
    root = Ed25519Signer(_bytes(seed, "root"))
    roles = {role: Ed25519Signer(_bytes(seed, f"role/{role}")) for role in Role if role is not Role.ROOT}
    bundle = TrustBundle(
        fleet=name,
        version=version,
        issued_at_ms=WINDOW_START_MS,
        roles={role: (RoleKey(signer.public, WINDOW_START_MS, WINDOW_END_MS),) for role, signer in roles.items()},
    )
    return Fleet(
        name=name,
        root=root,
        bundle=bundle,
        devices={device.device_id: device for device in (_device(seed, number) for number in range(1, devices + 1))},
        **{role.value: signer for role, signer in roles.items()},
    )


def role_private(role: Role, seed: int = 0) -> bytes:
    """The private half of a role key of `make_fleet(…, seed)`, for writing it where a process reads it."""
    return _bytes(seed, f"role/{role}")


def _device(seed: int, number: int) -> FleetDevice:
    device_id = f"locker-{number:04d}"
    wrap = X25519PrivateKey.from_private_bytes(_bytes(seed, f"{device_id}/wrap"))
    return FleetDevice(
        device_id=device_id,
        signer=Ed25519Signer(_bytes(seed, f"{device_id}/log")),
        wrap_private=wrap.private_bytes_raw(),
        wrap_public=wrap.public_key().public_bytes_raw(),
    )


def _bytes(seed: int, purpose: str) -> bytes:
    return hashlib.sha256(f"test fleet {seed} {purpose}".encode()).digest()
