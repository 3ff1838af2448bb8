"""`pw-edge update` and `pw-edge launch`: the updater and the launcher put together from the configuration."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from edge.agents.programs import program_slots, restart
from edge.agents.status_file import up_for_s
from edge.agents.updater import Updater, UpdaterPorts
from edge.config import AgentConfig
from edge.drivers.image_slots import ImageSlots, SlotPaths
from edge.errors import ConfigError, StorageFailed
from edge.link.release_client import ReleaseClient, ReleaseSource
from edge.release_config import ReleaseConfig, SlotSection
from edge.storage.document_file import DocumentFiles
from edge.wire.release import ReleaseKind

RESTING = frozenset({"idle", "committed", "fell_back", "refused", "up_to_date", "lower_version", "withdrawn"})


def look(config: AgentConfig) -> Mapping[str, str]:
    """One look at both kinds; what each came to. The program waits while the image is being exchanged.

    Raises:
        ConfigError: no section `release`, or its root cannot be read.
        StorageFailed, StorageFull: a record cannot be written; nothing was switched.
    """
    release = section(config)
    _make_readable(release.folder)
    words: dict[str, str] = {}
    if (slots := _image_slots(release)) is not None:
        words["image"] = Updater(ReleaseKind.IMAGE, slots, _ports(config, release)).look()
        if words["image"] not in RESTING and not words["image"].startswith("refused:"):
            return words
    program = program_slots(config, release)
    words["agent"] = Updater(ReleaseKind.AGENT, program, _ports(config, release)).look()
    return words


def launch(config: AgentConfig, path: Path) -> None:
    """Become the locker controller of the program that is to run now; never returns."""
    site = None if config.release is None else program_slots(config, config.release).launch()
    environment = dict(os.environ)
    if site is not None:
        inherited = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = str(site) if inherited is None else f"{site}{os.pathsep}{inherited}"
    words = [sys.executable, "-P", "-m", "edge", "locker", "--config", str(path)]
    os.execve(sys.executable, words, environment)


def section(config: AgentConfig) -> ReleaseConfig:
    """
    Raises:
        ConfigError: there is none.
    """
    if config.release is None:
        raise ConfigError("no section release", where="release", remedy="Name the repository: [release] url = …")
    return config.release


def _image_slots(release: ReleaseConfig) -> ImageSlots | None:
    if release.slot_a is None or release.slot_b is None:
        return None
    partitions = {"a": _partitions("a", release.slot_a), "b": _partitions("b", release.slot_b)}
    trial, committed = restart(release.restart, "trial"), restart(release.restart, "committed")
    return ImageSlots(
        SlotPaths(
            release.cfg_dir, partitions, release.cmdline_file, release.label_file,
            lambda slot: committed() if slot is None else trial(),
        )
    )  # fmt: skip


def _partitions(slot: str, places: SlotSection) -> Mapping[str, Path]:
    return {f"boot_{slot}.img": places.boot, "root.img": places.root}


def _ports(config: AgentConfig, release: ReleaseConfig) -> UpdaterPorts:
    return UpdaterPorts(
        documents=DocumentFiles(config.data_dir / "documents"),
        records=DocumentFiles(release.folder),
        run_dir=release.run_dir,
        client=lambda floor_at_ms: _client(release, floor_at_ms),
        up_for_s=up_for_s,
        product=release.product,
        board=release.board,
        patience_s=release.trial_s,
    )


def _client(release: ReleaseConfig, floor_at_ms: int) -> ReleaseClient:
    try:
        root = release.root_file.read_bytes()
    except OSError as error:
        remedy = "Write it there with pw-provision releases root."
        raise ConfigError(str(error), where="release.root_file", remedy=remedy) from error
    return ReleaseClient(ReleaseSource(release.url, release.folder, root, floor_at_ms, release.reserve_bytes))


def _make_readable(folder: Path) -> None:
    """The agent, another user, reads the records and runs the program from here."""
    os.umask(0o022)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
    except OSError as error:
        raise StorageFailed(str(error), where=str(folder), remedy="Check the data partition.") from error
