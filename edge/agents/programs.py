"""The device's program in its slots, as the configuration names them, and which versions are here."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edge.config import AgentConfig
from edge.drivers.image_slots import read_label
from edge.drivers.program_slots import ProgramPlaces, ProgramSlots
from edge.errors import SlotFailed
from edge.release_config import ReleaseConfig
from edge.wire.errors import WireError
from edge.wire.release import Version, parse_version

RESTART_TIMEOUT_S = 60


def program_slots(config: AgentConfig, release: ReleaseConfig) -> ProgramSlots:
    """The slots of the device's program, on a device with or without slots of an image."""
    again = restart(release.restart, "agent")
    own = image_version(release.label_file)
    return ProgramSlots(
        ProgramPlaces(release.program_folder, config.data_dir, own, again, release.reserve_bytes)
    )  # fmt: skip


def image_version(label: Path) -> Version:
    """The version of the image; on a device without one, of the installed package."""
    try:
        return read_label(label)
    except SlotFailed:
        return package_version()


def package_version() -> Version:
    """The version of the installed package."""
    try:
        return parse_version(version("parcelworks"))
    except (PackageNotFoundError, WireError):
        return Version(0, 0, 0)


def restart(command: Path, word: str) -> Callable[[], None]:
    """Runs the image's own command with one word: `trial`, `committed` or `agent`; raises SlotFailed when it fails."""

    def run() -> None:
        try:
            subprocess.run([str(command), word], check=True, timeout=RESTART_TIMEOUT_S, stdout=subprocess.DEVNULL)
        except (OSError, subprocess.SubprocessError) as error:
            raise SlotFailed(str(error), where=f"{command} {word}", remedy="See release.restart.") from error

    return run
