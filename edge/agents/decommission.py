"""The end of a locker: once the cloud has receipted it, the receipt is set aside, keys and data go, it stays closed.

The folder of receipts appears whole or not at all, and before anything is removed. It is the mark as well: a device
that was cut off anywhere in between goes on with the removing at its next start, and never makes new keys.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from edge.agents.layout import compartments
from edge.config import AgentConfig
from edge.core.locker.state import LockerState, Session
from edge.core.locker.steps import Step
from edge.core.locker.view import view
from edge.errors import StorageFailed
from edge.ports import EventLog, LogHead, Now

FOLDER = "decommissioned"
POLL_S = 2.0


class Decommissioned(Exception):
    """Empty, told to the cloud, receipted: keys and data may go. `head` is the log's last."""

    def __init__(self, head: LogHead) -> None:
        self.head = head
        super().__init__("decommissioned")


async def until_receipted(log: EventLog, state: Callable[[], LockerState], poll_s: float = POLL_S) -> None:
    """Watch a locker's log.

    Raises:
        Decommissioned: the locker is, and a receipt covers everything up to there.
    """
    while not state().durable.decommissioned:  # noqa: ASYNC110 - once in a locker's life
        await asyncio.sleep(poll_s)
    size = (await log.head()).size
    while (head := await log.head()).receipted_size < size:  # noqa: ASYNC110
        await asyncio.sleep(poll_s)
    raise Decommissioned(head)


def is_decommissioned(config: AgentConfig) -> bool:
    return (config.data_dir / FOLDER).is_dir()


def end(config: AgentConfig, head: LogHead, log_public: bytes) -> None:
    """Keep the cloud's receipt with what it takes to check it, then remove everything else.

    Raises:
        StorageFailed: what is left is removed at the next start.
    """
    try:
        _set_aside(config, head, log_public)
    except OSError as error:
        raise StorageFailed(str(error), where=FOLDER, remedy="Check the data partition.") from error
    wipe(config)


def _set_aside(config: AgentConfig, head: LogHead, log_public: bytes) -> None:
    target, draft = config.data_dir / FOLDER, config.data_dir / f".{FOLDER}.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    statement = {
        "fleet": config.fleet,
        "device_id": config.device_id,
        "stream": head.stream,
        "size": head.size,
        "receipted_size": head.receipted_size,
        "log_public_hex": log_public.hex(),
    }
    files = {"receipt": head.receipt, "statement.json": json.dumps(statement, indent=2).encode() + b"\n"}
    for name, data in files.items():
        with (draft / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    _sync(draft)
    draft.rename(target)
    _sync(config.data_dir)


def wipe(config: AgentConfig) -> None:
    """Remove keys, log, documents and the secrets of the link; again after a cut, until nothing is left.

    Raises:
        StorageFailed: something cannot be removed.
    """
    try:
        for path in _everything(config):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
            _sync(path.parent)
    except OSError as error:
        raise StorageFailed(str(error), where=FOLDER, remedy="Remove keys and data by hand.") from error


def _everything(config: AgentConfig) -> Iterator[Path]:
    """The keys first: without them nothing of the rest says anything any more."""
    yield from sorted(config.keys_dir.iterdir()) if config.keys_dir.is_dir() else ()
    secrets = (config.mqtt.password_file, config.http.token_file if config.http else None)
    yield from (path for path in secrets if path is not None and path.exists())
    names = ("log", "log.*", "documents")
    yield from (path for name in names for path in sorted(config.data_dir.glob(name)))


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class ClosedForGood:
    """What the page of a decommissioned locker shows: closed, whatever is held before it."""

    def __init__(self, config: AgentConfig) -> None:
        session = Session(step=Step.CLOSED, message="decommissioned")
        self._state = LockerState(config.device_id, "", session=session, layout=compartments(config))

    def view(self) -> dict[str, Any]:
        return view(self._state, Now(0, 0, "floor"))

    def scan(self, text: str) -> None: ...

    def enter_pin(self, pin: str) -> None: ...

    def press(self, action: str) -> None: ...
