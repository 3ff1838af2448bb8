"""PURE. A claim: the right to enrol so many devices of one kind until a day, proved by a secret that is kept hashed."""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from provisioning.errors import Denied, StorageFailed
from provisioning.party import Hex, Moment
from provisioning.profiles import Kind

SECRET_BYTES = 32
ID_BYTES = 8
MAX_DEVICES = 10_000
_ANOTHER = "Make another claim: pw-provision claims add."


class Claim(BaseModel):
    """`used_by`: ids of the devices that it has enrolled. `any_serial`: the approval list is not asked."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    format: Literal[1] = 1
    claim_id: Hex
    kind: Kind
    limit: Annotated[int, Field(ge=1, le=MAX_DEVICES)]
    expires_at_ms: Moment
    secret_sha256: Hex
    any_serial: bool = False
    note: str = ""
    used_by: tuple[str, ...] = ()
    revoked_at_ms: Moment | None = None

    def proved_by(self, secret: str) -> bool:
        """Whether this is the claim's secret. It has 256 random bits, so a plain hash hides it; constant time."""
        return hmac.compare_digest(secret_hash(secret), self.secret_sha256)

    def used(self, device_id: str, kind: Kind, now_ms: int) -> Self:
        """The claim after it has enrolled this device; a device counts once, however often it asks.

        Raises:
            Denied: revoked, expired, of another kind, or used up.
        """
        if self.revoked_at_ms is not None:
            raise Denied("the claim is revoked", where=device_id, remedy=_ANOTHER)
        if now_ms >= self.expires_at_ms:
            raise Denied("the claim has expired", where=device_id, remedy=_ANOTHER)
        if kind is not self.kind:
            raise Denied(f"the claim is for a {self.kind}, not a {kind}", where=device_id, remedy=_ANOTHER)
        if device_id in self.used_by:
            return self
        if len(self.used_by) >= self.limit:
            raise Denied(f"the claim has enrolled its {self.limit} devices", where=device_id, remedy=_ANOTHER)
        return self.model_copy(update={"used_by": (*self.used_by, device_id)})

    def revoked(self, now_ms: int) -> Self:
        return self if self.revoked_at_ms is not None else self.model_copy(update={"revoked_at_ms": now_ms})

    def encode(self) -> bytes:
        return self.model_dump_json(indent=1).encode() + b"\n"

    @classmethod
    def parse(cls, data: bytes, *, where: str) -> Self:
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise StorageFailed("damaged", where=where, remedy="Restore the file from a backup.") from error


def secret_hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def claim_place(claim_id: str) -> str:
    """Where the claim lies in the fleet folder."""
    return f"claims/{claim_id}.json"
