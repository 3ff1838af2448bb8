"""The two slots of the agent's program: folders on the data partition, and a launcher that plays the firmware.

`agent.json` names the committed slot (or none: the image's own program) and the slot to start once. The launcher takes
the trial away, durably, before it starts it: whatever the trial does, the next start is the committed one.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import SlotFailed
from edge.wire.errors import WireError
from edge.wire.release import Release, Version, parse_version

IMAGE = "image"  # the program that came with the running image: committed until another one is
_REMEDY = "The running program is untouched; the update is tried again."


@dataclass(frozen=True, slots=True)
class Choice:
    """`committed`: a, b or image. `once`: a slot to start one single time. `running`: what was started last."""

    committed: str = IMAGE
    once: str | None = None
    running: str = IMAGE


class AgentSlots:
    """Slots `a` and `b` of the program under `folder`. `restart`: starts the agent's unit anew."""

    def __init__(self, folder: Path, image_version: Version, restart: Callable[[str | None], None]) -> None:
        self._folder = folder
        self._image_version = image_version
        self._restart = restart

    def running(self) -> str:
        return self._choice().running

    def committed(self) -> str:
        return self._choice().committed

    def version(self) -> Version:
        """The version of the program that was started last."""
        return self._version(self.running())

    def write(self, slot: str, bundle: Path, release: Release) -> None:
        """Unpack a program into an idle slot. The bundle's own hash covers every file of it.

        Raises:
            SlotFailed: the slot is in use, or the bundle is no archive of plain files.
        """
        if slot in (self.running(), self.committed()):
            raise SlotFailed(f"slot {slot} is in use", where="slot", remedy=_REMEDY)
        target, draft = self._folder / slot, self._folder / f".{slot}.new"
        try:
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            with tarfile.open(bundle, "r:*") as archive:
                archive.extractall(draft, filter="data")
            (draft / "slot.json").write_text(json.dumps({"release": str(release.version)}))
            os.sync()
            shutil.rmtree(target, ignore_errors=True)
            draft.rename(target)
            os.sync()
        except (OSError, tarfile.TarError) as error:
            raise SlotFailed(str(error)[:200], where=f"slot {slot}", remedy=_REMEDY) from error

    def try_once(self, slot: str) -> None:
        """Start the program of `slot` for one time."""
        self._save(self._choice(), once=slot)
        self._restart(slot)

    def fall_back(self) -> None:
        self._save(self._choice(), once=None)
        self._restart(None)

    def commit(self, slot: str) -> None:
        if slot != self.running():
            raise SlotFailed(f"slot {slot} does not run", where="slot", remedy=_REMEDY)
        self._save(self._choice(), committed=slot, once=None)

    def launch(self) -> Path | None:
        """Which folder to start now; None for the image's own program. A trial is used up by this call."""
        choice = self._choice()
        running = choice.once or choice.committed
        if running != IMAGE and self._version(running) <= self._image_version:
            running = IMAGE  # a newer image brought a newer program, or the slot is gone
        self._save(choice, once=None, running=running)
        return None if running == IMAGE else self._folder / running

    def _version(self, slot: str) -> Version:
        if slot == IMAGE:
            return self._image_version
        try:
            return parse_version(json.loads((self._folder / slot / "slot.json").read_bytes())["release"])
        except (OSError, ValueError, KeyError, TypeError, WireError):
            return Version(0, 0, 0)

    def _choice(self) -> Choice:
        try:
            body: dict[str, Any] = json.loads((self._folder / "agent.json").read_bytes())
            return Choice(str(body["committed"]), body["once"], str(body["running"]))
        except FileNotFoundError:
            return Choice()
        except (OSError, ValueError, KeyError, TypeError):  # a damaged choice starts what came with the image
            return Choice()

    def _save(self, choice: Choice, **changes: str | None) -> None:
        body = {"committed": choice.committed, "once": choice.once, "running": choice.running, **changes}
        target, draft = self._folder / "agent.json", self._folder / ".agent.json.new"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with draft.open("w") as file:
                json.dump(body, file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
            handle = os.open(self._folder, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
        except OSError as error:
            raise SlotFailed(str(error), where=str(target), remedy=_REMEDY) from error
