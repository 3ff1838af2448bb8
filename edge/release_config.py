"""The part of the agent's configuration that is about signed releases: where they come from, where they go to."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from edge.hardware_config import Section

NAME = r"^[a-z0-9][a-z0-9-]{0,39}$"


class SlotSection(Section):
    """One of the card's two slots: its boot partition and its root partition."""

    boot: Path
    root: Path


class ReleaseConfig(Section):
    """Signed releases; the repository's signatures guard them, so its address may be plain http.

    Without `slot_a` and `slot_b` the image stays as it is, and only the device's program is updated.
    """

    url: str = Field(pattern=r"^https?://[A-Za-z0-9.:\[\]/_-]+[A-Za-z0-9\]_-]$")
    root_file: Path
    product: str = Field("parcelworks-locker", pattern=NAME)
    board: str = Field("rpi-arm64", pattern=NAME)
    folder: Path = Path("/data/releases")
    run_dir: Path = Path("/run/parcelworks")
    restart: Path = Path("/usr/lib/parcelworks/restart")
    label_file: Path = Path("/usr/lib/parcelworks/slot.json")
    cfg_dir: Path = Path("/boot/cfg")
    cmdline_file: Path = Path("/proc/cmdline")
    slot_a: SlotSection | None = None
    slot_b: SlotSection | None = None
    trial_s: int = Field(600, ge=5, le=3600)
    reserve_bytes: int = Field(64 * 1024 * 1024, ge=0)

    @model_validator(mode="after")
    def _both(self) -> ReleaseConfig:
        if (self.slot_a is None) is not (self.slot_b is None):
            raise ValueError("slot_a and slot_b go together")
        return self

    @property
    def program_folder(self) -> Path:
        """Where the slots of the device's program lie."""
        return self.folder / "program"
