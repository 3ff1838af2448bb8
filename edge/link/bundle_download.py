"""One large file over HTTP into a part file: a connection that breaks leaves what has come, and the rest is asked for.

The caller compares the whole with its signed hash; here only the length is watched.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edge.errors import LinkDown, ReleaseRefused, StorageFailed, StorageFull

CHUNK_BYTES = 256 * 1024
TIMEOUT_S = 30
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_AGAIN = "It is tried again by itself."


@dataclass(frozen=True, slots=True)
class Wanted:
    """`length`: as it was signed. `reserve_bytes`: what has to stay free for the event log."""

    url: str
    length: int
    reserve_bytes: int = 0


def download(wanted: Wanted, part: Path) -> None:
    """Bring `part` to its full length, from where it stands.

    Raises:
        LinkDown: the connection broke or never came; what has arrived stays.
        StorageFull: it does not fit beside the reserve; nothing is left of it.
        StorageFailed: the medium failed.
        ReleaseRefused: the server's file has another length.
    """
    have = part.stat().st_size if part.exists() else 0
    if have > wanted.length:
        part.unlink()
        have = 0
    if have == wanted.length:
        return
    _check_space(wanted, part, have)
    request = urllib.request.Request(wanted.url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            _take(wanted, answer, part, have if _goes_on(answer, have) else 0)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink(missing_ok=True)
        raise LinkDown(f"HTTP {error.code}", where=wanted.url, remedy="Publish the repository again.") from error
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise LinkDown(str(error)[:200], where=wanted.url, remedy=_AGAIN) from error


def _goes_on(answer: http.client.HTTPResponse, have: int) -> bool:
    """Whether the server sends the rest; one that knows no ranges sends everything."""
    said = answer.headers.get("Content-Range", "")
    return answer.status == http.HTTPStatus.PARTIAL_CONTENT and said.startswith(f"bytes {have}-")


def _take(wanted: Wanted, answer: http.client.HTTPResponse, part: Path, have: int) -> None:
    stated = answer.length
    with part.open("r+b" if have else "wb") as file:
        file.seek(have)
        try:
            while chunk := answer.read(CHUNK_BYTES):
                have += len(chunk)
                if have > wanted.length:
                    break
                _write(file, chunk)
        finally:
            with contextlib.suppress(OSError):  # what is not whole fails its hash
                os.fsync(file.fileno())
    if have > wanted.length or (have < wanted.length and stated is not None and answer.length == 0):
        part.unlink()
        raise ReleaseRefused("altered", f"{have} bytes, {wanted.length} were signed", where=wanted.url)
    if have < wanted.length:
        raise LinkDown("the connection broke", where=wanted.url, remedy=_AGAIN)


def _check_space(wanted: Wanted, part: Path, have: int) -> None:
    disk = os.statvfs(part.parent)
    if disk.f_bavail * disk.f_frsize < wanted.length - have + wanted.reserve_bytes:
        part.unlink(missing_ok=True)
        raise _full(part)


def _write(file: IO[bytes], chunk: bytes) -> None:
    try:
        file.write(chunk)
        file.flush()
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise StorageFailed(str(error), where=str(file.name), remedy="Check the data partition.") from error
        Path(file.name).unlink(missing_ok=True)  # the event log needs it more
        raise _full(Path(file.name)) from error


def _full(part: Path) -> StorageFull:
    return StorageFull("no space for the release", where=str(part), remedy="Free space on the data partition.")
