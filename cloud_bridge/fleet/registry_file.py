"""The provisioning export `devices.json`: which devices exist, with their public keys in hex."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from cloud_bridge.errors import InvalidData
from cloud_bridge.fleet.model import Device, DeviceState

MAX_FILE_BYTES = 64 * 1024 * 1024
# The validator's engine knows no \Z: its $ is the very end, a newline included.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._ -]{0,80}$")]
Key = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class RegistryDevice(BaseModel):
    """One device; keys are the raw 32 bytes in hex. `tenant` and `site` may be left to the cloud's operators."""

    model_config = ConfigDict(strict=True, extra="ignore")
    device_id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{3,40}$")]
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]
    state: Literal["active", "revoked"] = "active"
    tenant: Name = ""
    site: Name = ""
    log_public: Key
    wrap_public: Key

    def device(self) -> Device:
        state = DeviceState.ACTIVE if self.state == "active" else DeviceState.RETIRED
        return Device(
            self.device_id, self.kind, self.tenant, self.site, bytes.fromhex(self.log_public),
            bytes.fromhex(self.wrap_public), state, "" if self.state == "active" else "revoked by provisioning",
        )  # fmt: skip


class RegistryFile(BaseModel):
    """The whole export."""

    model_config = ConfigDict(strict=True, extra="ignore")
    format: Literal[1]
    devices: Annotated[list[RegistryDevice], Field(max_length=1_000_000)]


def parse_registry(data: bytes) -> list[Device]:
    """The devices of a provisioning export.

    Raises:
        InvalidData: too large, not JSON, or a device with a missing or malformed member; it says which.
    """
    if len(data) > MAX_FILE_BYTES:
        raise InvalidData(f"{len(data)} bytes, at most {MAX_FILE_BYTES}", where="registry file")
    try:
        return [entry.device() for entry in RegistryFile.model_validate_json(data).devices]
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidData(first["msg"], where=f"registry file: {where}", remedy="Export it again.") from error
