"""Finds and fetches releases: the only user of the update framework's client on a device.

The client workflow of The Update Framework 1.0, section 5, is python-tuf's. Ours is what a target must say of itself
(product, board, kind, version), that its bytes are complete, and which of our errors each refusal becomes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tuf.api import exceptions as tuf
from tuf.api.metadata import Metadata
from tuf.ngclient import TargetFile, Updater, UpdaterConfig

from edge.errors import LinkDown, ReleaseRefused, StorageFailed
from edge.link.bundle_download import Wanted, download
from edge.wire.errors import WireError
from edge.wire.release import Release, read_custom

T = TypeVar("T")
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (tuf.ExpiredMetadataError, "expired"),
    (tuf.EqualVersionNumberError, "rollback"),
    (tuf.BadVersionNumberError, "rollback"),
    (tuf.UnsignedMetadataError, "unsigned"),
    (tuf.LengthOrHashMismatchError, "altered"),
    (tuf.DownloadLengthMismatchError, "altered"),
    (tuf.RepositoryError, "malformed"),
)
_SETS = ("root", "timestamp", "snapshot", "targets")
_CONFIG = UpdaterConfig(max_root_rotations=64, max_delegations=1, targets_max_length=1_000_000)


@dataclass(frozen=True, slots=True)
class ReleaseSource:
    """`url`: the published repository, without a slash at its end. `folder`: where trusted metadata and bundles stay.

    `root_json`: the root that the device was given; only the first start of a folder looks at it. `floor_at_ms`: it is
    not earlier than this, whatever the system's clock says. `reserve_bytes`: what a bundle leaves free on the disk.
    """

    url: str
    folder: Path
    root_json: bytes
    floor_at_ms: int = 0
    reserve_bytes: int = 0


class ReleaseClient:
    """One look at the repository; a new one is made for the next look."""

    def __init__(self, source: ReleaseSource) -> None:
        self._source = source
        self._bundles = source.folder / "bundles"
        self._metadata = metadata = source.folder / "metadata"
        try:
            for folder in (metadata, self._bundles):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageFailed(str(error), where=str(folder), remedy="Check the data partition.") from error
        trusted = None if (metadata / "root.json").exists() else source.root_json
        self._updater: Updater = _refusing(
            "root",
            lambda: Updater(
                str(metadata), f"{source.url}/metadata/", str(self._bundles), f"{source.url}/targets/", None,
                _CONFIG, bootstrap=trusted,
            ),
        )  # fmt: skip

    def refresh(self) -> None:
        """Bring the trusted metadata up to date.

        Raises:
            LinkDown: the repository cannot be reached.
            ReleaseRefused: what it serves is unsigned, expired, older than what was seen, or does not fit together.
        """
        _refusing("metadata", self._updater.refresh)
        for name in _SETS:
            _refusing(name, lambda name=name: self._check_floor(name))  # type: ignore[misc]

    def _check_floor(self, name: str) -> None:
        """What has ended by signed cloud time has ended, even where the system's clock was set back."""
        signed = Metadata.from_file(str(self._metadata / f"{name}.json")).signed
        if signed.expires.timestamp() * 1000 <= self._source.floor_at_ms:
            raise tuf.ExpiredMetadataError(f"{name} ended at {signed.expires}")

    def find(self, wanted: Release) -> tuple[Release, TargetFile]:
        """The release as its signed metadata describes it.

        Raises:
            ReleaseRefused: it was not released, or describes another product, board, kind or version.
        """
        target = _refusing("targets", lambda: self._updater.get_targetinfo(wanted.path))
        if target is None:
            raise ReleaseRefused("not_released", "no such release", where=wanted.path)
        try:
            return read_custom(wanted.path, target.custom), target
        except WireError as error:
            raise ReleaseRefused("wrong_target", str(error), where=wanted.path) from error

    def fetch(self, target: TargetFile) -> Path:
        """The bundle's file, complete and with the hash that was signed; kept until `forget`.

        A download that broke off goes on where it stood.

        Raises:
            LinkDown, StorageFull, StorageFailed: see `download`.
            ReleaseRefused: other bytes than were signed; they are removed.
        """
        name = target.get_prefixed_paths()[0]
        path = self._bundles / name.replace("/", "_")
        part = path.with_name(f"{path.name}.part")
        self._forget_others({path, part})
        if _refusing(target.path, lambda: self._updater.find_cached_target(target, str(path))) is None:
            download(Wanted(f"{self._source.url}/targets/{name}", target.length, self._source.reserve_bytes), part)
            _refusing(target.path, lambda: _verify(target, part))
            part.replace(path)
        return path

    def forget(self) -> None:
        """Remove fetched bundles: what was written into a slot is not needed twice."""
        self._forget_others(set())

    def _forget_others(self, kept: set[Path]) -> None:
        for path in self._bundles.iterdir():
            if path not in kept:
                path.unlink()


def _verify(target: TargetFile, part: Path) -> None:
    try:
        with part.open("rb") as file:
            target.verify_length_and_hashes(file)
    except tuf.LengthOrHashMismatchError:
        part.unlink()
        raise


def _refusing(where: str, work: Callable[[], T]) -> T:
    """Do it; what the framework refuses becomes one of our errors."""
    try:
        return work()
    except tuf.DownloadHTTPError as error:
        raise LinkDown(str(error), where=where, remedy="Publish the repository again.") from error
    except (tuf.DownloadError, tuf.RepositoryError) as error:
        reason = next((word for kind, word in _REASONS if isinstance(error, kind)), None)
        if reason is None:
            raise LinkDown(str(error), where=where, remedy="It is tried again by itself.") from error
        raise ReleaseRefused(reason, str(error)[:200], where=where) from error
    except (OSError, ValueError) as error:
        raise ReleaseRefused("malformed", str(error)[:200], where=where) from error
