"""PURE. What the fleet remembers of one party: its keys, its certificates, and whether it still belongs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.wire.enrolment import renew_at_ms
from provisioning.errors import StorageFailed
from provisioning.profiles import Kind

Hex = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{2})*$", max_length=128)]
Moment = Annotated[int, Field(ge=0, lt=2**53)]


class Issued(BaseModel):
    """One certificate. `serial` in hex; `pem`: the leaf and what is shown with it; `authority`: who issued it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    serial: Hex
    tls_key: Hex
    not_before_ms: Moment
    not_after_ms: Moment
    pem: str
    revoked_at_ms: Moment | None = None
    authority: Annotated[int, Field(ge=1)] = 1

    def due(self, now_ms: int) -> bool:
        """Whether the earliest honest renewal has been reached; an expired certificate is due as well."""
        return now_ms >= renew_at_ms(self.not_before_ms, self.not_after_ms, 0.999)


class Party(BaseModel):
    """A device, bridge or broker. Fingerprints are SHA-256 in hex; `retired_keys` are never accepted again."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    format: Literal[1] = 1
    party_id: str
    kind: Kind
    state: Literal["active", "revoked"] = "active"
    log_public: Hex = ""
    wrap_public: Hex = ""
    certificates: tuple[Issued, ...] = ()
    retired_keys: tuple[Hex, ...] = ()
    reason: str = ""

    @property
    def newest(self) -> Issued | None:
        return self.certificates[-1] if self.certificates else None

    def with_certificate(self, issued: Issued, now_ms: int) -> Self:
        """The record with one more certificate; those that expired long ago are forgotten."""
        kept = tuple(old for old in self.certificates if old.not_after_ms > now_ms - 86_400_000)
        return self.model_copy(update={"certificates": (*kept, issued)})

    def revoked(self, reason: str, now_ms: int, keys: Sequence[str]) -> Self:
        """The record after all its certificates and `keys` (fingerprints) have lost their trust."""
        certificates = tuple(
            issued if issued.revoked_at_ms is not None else issued.model_copy(update={"revoked_at_ms": now_ms})
            for issued in self.certificates
        )
        retired = tuple(sorted({*self.retired_keys, *keys, *(issued.tls_key for issued in self.certificates)}))
        changes = {"state": "revoked", "certificates": certificates, "retired_keys": retired, "reason": reason}
        return self.model_copy(update=changes)

    def encode(self) -> bytes:
        return self.model_dump_json(indent=1).encode() + b"\n"

    @classmethod
    def parse(cls, data: bytes, *, where: str) -> Self:
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            what = f"damaged: {'.'.join(map(str, first['loc']))}: {first['msg']}"
            raise StorageFailed(what, where=where, remedy="Restore the file from a backup.") from error
