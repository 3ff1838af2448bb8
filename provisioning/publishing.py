"""Keeps the folders of broker and bridge up to date with the fleet: what is revoked here is cut off there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provisioning import revocation_lists
from provisioning.errors import NotFound
from provisioning.export import ExportFile, Receiver, files_for
from provisioning.fleet import fleet_at
from provisioning.storage import read_file, write_file

REGISTRY = "devices.json"


def publish(folder: Path, receivers: Mapping[Receiver, Path], now_ms: int, *, dry_run: bool = False) -> list[str]:
    """Write what has changed since the last time, each file whole; their paths. Stale revocation lists are signed anew.

    Raises:
        NotFound, StorageFailed, Unsafe: the fleet cannot be read, or a folder not written; the files there still hold.
    """
    with fleet_at(folder) as fleet:
        if not dry_run and revocation_lists.are_stale(fleet.folder, now_ms):
            fleet.folder.apply(fleet.refresh_revocations(now_ms).writes)
        due = [
            (to / file.name, file)
            for receiver, to in receivers.items()
            for file in files_for(fleet, receiver, now_ms)
            if _differs(to / file.name, file)
        ]
    for path, file in due if not dry_run else ():
        write_file(path, file.data, private=file.private)
    return [str(path) for path, _ in due]


def _differs(path: Path, file: ExportFile) -> bool:
    """The registry says when it was made; that alone is no change."""
    try:
        present = read_file(path, private=file.private)
    except NotFound:
        return True
    if file.name == REGISTRY:
        return _without_time(present) != _without_time(file.data)
    return present != file.data


def _without_time(data: bytes) -> Any:
    try:
        return {name: value for name, value in json.loads(data).items() if name != "issued_at_ms"}
    except (ValueError, AttributeError):
        return None
