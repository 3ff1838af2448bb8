"""Bundles: what a release is made of, read and hashed as a stream, and copied into the repository under its hash."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from edge.wire.release import Release, ReleaseKind, Version
from provisioning.errors import NotFound, Refused, StorageFailed
from provisioning.releases.repository import TARGETS, Bundle
from provisioning.storage import FleetFolder

CHUNK_BYTES = 1024 * 1024
PROGRAM = "site/edge/__main__.py"
IMAGE_FILES = ("boot_a.img", "boot_b.img", "root.img")


def read_bundle(
    path: Path, product: str, board: str, kind: ReleaseKind, version: Version, min_version: Version | None = None
) -> Bundle:
    """Describe a bundle; of an image, the hash of each partition that it holds.

    Raises:
        NotFound, StorageFailed: the file cannot be read.
        Refused: an image that is no plain tar archive of `boot_a.img`, `boot_b.img` and `root.img`, an agent without
            a program in `site/edge`;
            a `min_version` above its version.
    """
    try:
        with path.open("rb") as file:
            length, sha256 = _hash(file)
        files = _image_files(path) if kind is ReleaseKind.IMAGE else _program_files(path)
    except FileNotFoundError as error:
        raise NotFound("no such file", where=str(path), remedy="Check the path.") from error
    except tarfile.TarError as error:
        raise Refused(f"not a bundle: {error}"[:120], where=str(path), remedy="Build it with make image.") from error
    except OSError as error:
        raise StorageFailed(str(error), where=str(path), remedy="Check the medium.") from error
    if min_version is not None and min_version > version:
        raise Refused("above the release itself", where="--min-version", remedy="Name an older version.")
    return Bundle(Release(product, board, kind, version, files, min_version), length, sha256)


def stored_name(bundle: Bundle) -> str:
    """Where a bundle lies: its hash is part of its name (consistent snapshot)."""
    folder, _, name = bundle.release.path.rpartition("/")
    return f"{TARGETS}/{folder}/{bundle.sha256}.{name}"


def copy_into(folder: FleetFolder, source: Path, bundle: Bundle) -> None:
    """Bring the bundle's bytes in, durable before any metadata names them.

    Raises:
        Refused: the file is another one than was described.
        StorageFailed: no space, or the medium failed.
    """
    target = folder.path / stored_name(bundle)
    draft = target.with_name(f".{target.name}")
    try:
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with source.open("rb") as file, draft.open("wb") as copy:
            digest = hashlib.sha256()
            for chunk in _chunks(file):
                digest.update(chunk)
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
        if digest.hexdigest() != bundle.sha256:
            raise Refused("it changed while it was read", where=str(source), remedy="Run the command again.")
        draft.replace(target)
    except OSError as error:
        raise StorageFailed(str(error), where=str(target), remedy="Check space and permissions.") from error
    finally:
        draft.unlink(missing_ok=True)


def _image_files(path: Path) -> dict[str, str]:
    with tarfile.open(path, "r:") as archive:
        members = {member.name: member for member in archive if member.isreg()}
        if not set(IMAGE_FILES) <= set(members) or len(members) > len(IMAGE_FILES) + 1:
            raise Refused(f"an image holds {', '.join(IMAGE_FILES)}", where=str(path), remedy="See make image.")
        hashes = {}
        for name in IMAGE_FILES:
            file = archive.extractfile(members[name])
            assert file is not None  # a regular file
            hashes[name] = _hash(file)[1]
        return hashes


def _program_files(path: Path) -> dict[str, str]:
    """A program's bundle is covered by its own hash; it has to hold what is started."""
    with tarfile.open(path, "r:gz") as archive:
        if PROGRAM not in archive.getnames():
            raise Refused(f"a program holds {PROGRAM}", where=str(path), remedy="Pack the folder site.")
    return {}


def _hash(file: IO[bytes]) -> tuple[int, str]:
    digest, length = hashlib.sha256(), 0
    for chunk in _chunks(file):
        digest.update(chunk)
        length += len(chunk)
    return length, digest.hexdigest()


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk
