"""The cloud's private role keys, with the bundle that names their public halves."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.wire.keys import Role, Signer, TrustBundle


@dataclass(frozen=True, slots=True)
class CloudKeys:
    """What the service side signs with. `sealed_bundle` is the trust bundle's envelope, sealed by the fleet root."""

    bundle: TrustBundle
    sealed_bundle: bytes
    receipts: Signer = field(repr=False)
    commands: Signer = field(repr=False)
    desired: Signer = field(repr=False)

    @property
    def fleet(self) -> str:
        return self.bundle.fleet

    @property
    def receipt_name(self) -> str:
        """The key name in receipts' cosignature lines."""
        return f"{self.bundle.fleet}/receipts"

    @property
    def receipt_publics(self) -> tuple[bytes, ...]:
        """Every receipts key of the bundle: an old receipt may be signed by a former one."""
        return tuple(key.public for key in self.bundle.keys(Role.RECEIPTS)) or (self.receipts.public,)
