"""The claim file on a new card: what a device is told before it has an identity."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.errors import ConfigError
from edge.wire.enrolment import DeviceKind

MAX_BYTES = 64 * 1024
_AGAIN = "Write the claim file onto the card again: pw-provision claims add."


class ClaimBroker(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-]{1,253}$")]
    port: Annotated[int, Field(ge=1, le=65535)]


class Claim(BaseModel):
    """`est_url`: up to `/.well-known/est`. `root_public`: the fleet root's key, which seals the trust bundle."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: Literal[1]
    fleet: Annotated[str, Field(strict=True, max_length=64)]
    claim_id: Annotated[str, Field(pattern=r"^[0-9a-f]{8,32}$")]
    secret: Annotated[str, Field(repr=False, min_length=16, max_length=128)]
    est_url: Annotated[str, Field(pattern=r"^https://[A-Za-z0-9./:\\[\\]_-]{1,200}$")]
    est_ca_pem: Annotated[str, Field(max_length=16_384)]
    root_public: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bridge: ClaimBroker
    device_kind: DeviceKind


def read_claim(path: Path) -> Claim | None:
    """The claim; None when there is no such file.

    Raises:
        ConfigError: it is no claim; which member is wrong, never its value.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(error.strerror or str(error), where=str(path), remedy=_AGAIN) from error
    if len(data) > MAX_BYTES:
        raise ConfigError(f"larger than {MAX_BYTES} bytes", where=str(path), remedy=_AGAIN)
    try:
        return Claim.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "file"
        raise ConfigError(f"{where}: {first['msg']}", where=str(path), remedy=_AGAIN) from error
