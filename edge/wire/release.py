"""What a release target states about itself: product, board, kind and version, and how versions are ordered.

A target's signed metadata carries these beside its hash (The Update Framework, section 4.5, `custom`). Its path repeats
them, so a target that was signed for one product or board can never be taken for another's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from edge.wire.errors import Malformed

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")
_VERSION = re.compile(r"(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})(?:-rc\.([1-9][0-9]{0,3}))?\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_FINAL = 10_000  # a release stands above all its candidates
MAX_FILES = 16


class ReleaseKind(StrEnum):
    """`image`: a whole slot (boot and root). `agent`: the device's program alone."""

    IMAGE = "image"
    AGENT = "agent"


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """`major.minor.patch`, or `…-rc.n` before it: a subset of Semantic Versioning 2.0.0, section 11."""

    major: int
    minor: int
    patch: int
    candidate: int = _FINAL

    def __str__(self) -> str:
        tail = "" if self.candidate == _FINAL else f"-rc.{self.candidate}"
        return f"{self.major}.{self.minor}.{self.patch}{tail}"


def parse_version(text: Any, *, where: str = "version") -> Version:
    """
    Raises:
        Malformed: not `major.minor.patch` or `major.minor.patch-rc.n`.
    """
    found = _VERSION.match(text) if type(text) is str else None
    if found is None:
        raise Malformed(f"not a version: {text!r:.40}", where=where, remedy="Use 1.4.0 or 1.4.0-rc.2.")
    major, minor, patch, candidate = found.groups()
    return Version(int(major), int(minor), int(patch), int(candidate) if candidate else _FINAL)


@dataclass(frozen=True, slots=True)
class Release:
    """`files`: SHA-256 in hex of what a bundle unpacks to, for reading a written slot back.

    `min_version`: the oldest version that may be updated to it directly.
    """

    product: str
    board: str
    kind: ReleaseKind
    version: Version
    files: Mapping[str, str] = field(default_factory=dict)
    min_version: Version | None = None

    @property
    def path(self) -> str:
        """The target's name in the repository."""
        return f"{self.product}/{self.board}/{self.kind.value}/{self.version}.bundle"

    def to_custom(self) -> dict[str, Any]:
        custom = {
            "product": self.product,
            "board": self.board,
            "kind": self.kind.value,
            "version": str(self.version),
            "files": dict(self.files),
        }
        return custom if self.min_version is None else {**custom, "min_version": str(self.min_version)}


def read_custom(path: str, custom: Any) -> Release:
    """The release that a target's signed metadata describes.

    Raises:
        Malformed: a member is missing or wrong, or the path says something else than the metadata.
    """
    if type(custom) is not dict:
        raise Malformed("no description of the release", where=path)
    for name in ("product", "board"):
        if type(custom.get(name)) is not str or not _NAME.match(custom[name]):
            raise Malformed(f"{name} is not a name of a-z, 0-9 and '-'", where=path)
    if custom.get("kind") not in set(ReleaseKind):
        raise Malformed("unknown kind", where=path)
    version = parse_version(custom.get("version"), where=path)
    files = _files(path, custom.get("files", {}))
    oldest = parse_version(custom["min_version"], where=path) if "min_version" in custom else None
    release = Release(custom["product"], custom["board"], ReleaseKind(custom["kind"]), version, files, oldest)
    if release.path != path:
        raise Malformed(f"describes {release.path}", where=path)
    return release


def _files(path: str, files: Any) -> dict[str, str]:
    if type(files) is not dict or len(files) > MAX_FILES:
        raise Malformed("files is not a short object", where=path)
    for name, sha256 in files.items():
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", name) or type(sha256) is not str or not _SHA256.match(sha256):
            raise Malformed(f"files.{name!r:.40} is not a name with its SHA-256", where=path)
    return dict(files)
