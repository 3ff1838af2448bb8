"""`rig.yaml`: one file per rig, checked once, here. It says what the rig has; drivers say how it is reached."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from hil.errors import RigFileInvalid

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Gpio(_Strict):
    """The device's chip, named by its label, and how many lines of it the rig drives and watches."""

    label: Annotated[str, Field(min_length=1, max_length=31)]
    lines: Annotated[int, Field(ge=1, le=64)]


class SerialLine(_Strict):
    """One serial line of the device, with simulated boards or a simulated barcode reader at its other end."""

    name: Name
    device_path: Annotated[str, Field(pattern=r"^/dev/[\w./-]+$")]
    boards: tuple[dict[str, str | int | bool], ...] = ()
    reader: Literal["line", "ssi"] | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> SerialLine:
        if bool(self.boards) == bool(self.reader):
            raise ValueError("a line has either boards or a reader")
        return self


class Storage(_Strict):
    """The device's data disk."""

    size_mib: Annotated[int, Field(ge=16, le=65536)] = 64


class Network(_Strict):
    """A network of the rig's own between device and host."""

    host_address: str = "10.77.0.1"
    device_address: str = "10.77.0.2"


class _Rig(_Strict):
    name: Name
    gpio: Gpio | None = None
    serial: tuple[SerialLine, ...] = ()
    thermometers: tuple[Annotated[str, Field(pattern=r"^28-[0-9a-f]{12}$")], ...] = ()
    storage: Storage | None = None
    network: Network | None = None

    @model_validator(mode="after")
    def _unique(self) -> _Rig:
        names = [line.name for line in self.serial]
        if len(set(names)) != len(names):
            raise ValueError("two serial lines have the same name")
        return self


class UmlRig(_Rig):
    """User-mode Linux: the device's programs on a real kernel as one process; pins are the kernel's gpio-sim."""

    backend: Literal["uml"]
    memory_mib: Annotated[int, Field(ge=64, le=4096)] = 256


class QemuVirtRig(_Rig):
    """QEMU `-M virt`, arm64: kernel, first programs and root of a card image, all from the image itself."""

    backend: Literal["qemu-virt"]
    image: Path
    memory_mib: Annotated[int, Field(ge=256, le=8192)] = 1024


Described = UmlRig | QemuVirtRig
_ADAPTER: TypeAdapter[Described] = TypeAdapter(Annotated[Described, Field(discriminator="backend")])


def read_rig_file(path: Path) -> Described:
    """Read and check a rig file.

    Raises:
        RigFileInvalid: it cannot be read, is no YAML, or a key is unknown, missing or out of range; all are named.
    """
    try:
        return parse_rig(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise RigFileInvalid(f"cannot be read: {error}", where=str(path), remedy="Pass --rig FILE.") from error


def parse_rig(text: str, where: str = "rig file") -> Described:
    """The rig that a YAML text describes. Raises RigFileInvalid."""
    try:
        raw = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RigFileInvalid(f"no YAML: {error}", where=where, remedy="Mend the line it names.") from error
    try:
        # Strict JSON mode takes lists for tuples and strings for paths, and coerces nothing else.
        return _ADAPTER.validate_json(json.dumps(raw))
    except (ValidationError, TypeError, ValueError) as error:
        raise RigFileInvalid(_problems(error), where=where, remedy="See docs/guides/rig.md.") from error


def _problems(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return f"not a table of keys: {error}"
    return "; ".join(
        f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors(include_input=False)
    )
