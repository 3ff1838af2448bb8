"""The two slots of the device's program: folders on the data partition, and a launcher that plays the firmware.

`program.json` names the committed slot (or none: the image's own program) and the slot to start once. The launcher
takes the trial away, durably, before it starts it: whatever the trial does, the next start is the committed one. That
file lies in the agent's own folder; the programs themselves only the updater can write.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from edge.errors import SlotFailed, StorageFull
from edge.wire.errors import WireError
from edge.wire.release import Release, Version, parse_version

IMAGE = "image"  # the program that came with the running image: committed until another one is
LABEL, CHOICE = "slot.json", "program.json"
NAMES = ("a", "b", IMAGE)
_REMEDY = "The running program is untouched; the update is tried again."


@dataclass(frozen=True, slots=True)
class Choice:
    """`committed`: a, b or image. `once`: a slot to start one single time. `running`: what was started last."""

    committed: str = IMAGE
    once: str | None = None
    running: str = IMAGE


@dataclass(frozen=True, slots=True)
class ProgramPlaces:
    """`folder`: of the slots. `choice_folder`: of `program.json`. `restart`: starts the agent anew.

    `reserve_bytes`: what unpacking leaves free for the event log.
    """

    folder: Path
    choice_folder: Path
    image_version: Version
    restart: Callable[[], None]
    reserve_bytes: int = 0


class ProgramSlots:
    """Slots `a` and `b` of the program, and `image`. A slot that is no newer than the image counts as the image."""

    def __init__(self, places: ProgramPlaces) -> None:
        self._places = places

    def running(self) -> str:
        return self._in_force(self._choice().running)

    def committed(self) -> str:
        return self._in_force(self._choice().committed)

    def version(self) -> Version:
        """The version of the program that was started last."""
        return self._version(self.running())

    def write(self, slot: str, bundle: Path, release: Release) -> None:
        """Unpack a program into an idle slot. The bundle's own hash covers every file of it.

        Raises:
            SlotFailed: the slot is in use, or the bundle is no archive of plain files.
            StorageFull: it does not fit beside the reserve.
        """
        if slot in (self.running(), self.committed()) or slot not in NAMES[:2]:
            raise SlotFailed(f"slot {slot} is in use", where="slot", remedy=_REMEDY)
        target, draft = self._places.folder / slot, self._places.folder / f".{slot}.new"
        try:
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            self._unpack(bundle, draft)
            (draft / LABEL).write_text(json.dumps({"release": str(release.version)}))
            os.sync()
            shutil.rmtree(target, ignore_errors=True)
            draft.rename(target)
            os.sync()
        except (OSError, EOFError, tarfile.TarError) as error:
            raise SlotFailed(str(error)[:200], where=f"slot {slot}", remedy=_REMEDY) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def try_once(self, slot: str) -> None:
        """Start the program of `slot` for one time."""
        self._save(replace(self._choice(), once=slot))
        self._places.restart()

    def fall_back(self) -> None:
        self._save(replace(self._choice(), once=None))
        self._places.restart()

    def commit(self, slot: str) -> None:
        """Make the running program the one that starts.

        Raises:
            SlotFailed: it does not run, or the choice cannot be written.
        """
        if slot != self.running():
            raise SlotFailed(f"slot {slot} does not run", where="slot", remedy=_REMEDY)
        self._save(replace(self._choice(), committed=slot, once=None))

    def launch(self) -> Path | None:
        """Which folder to start now; None for the image's own program. A trial is used up by this call."""
        choice = self._choice()
        running = self._in_force(choice.once or choice.committed)
        self._save(replace(choice, once=None, running=running))
        return None if running == IMAGE else self._places.folder / running / "site"

    # --- what is there ----------------------------------------------------------------------------------------

    def _unpack(self, bundle: Path, draft: Path) -> None:
        """Plain files and folders only, each below `draft`."""
        with tarfile.open(bundle, "r:gz") as archive:
            members = archive.getmembers()
            disk = os.statvfs(draft)
            if sum(m.size for m in members) + self._places.reserve_bytes > disk.f_bavail * disk.f_frsize:
                raise StorageFull("no space for the program", where=str(draft), remedy="Free space on the data disk.")
            for member in members:
                place = PurePosixPath(member.name)
                if not (member.isreg() or member.isdir()) or place.is_absolute() or ".." in place.parts:
                    raise SlotFailed(f"{member.name!r:.80} is no plain file in it", where=str(bundle), remedy=_REMEDY)
                member.mode = 0o755 if member.isdir() or member.mode & stat.S_IXUSR else 0o644
                archive.extract(member, draft, set_attrs=False)
                (draft / place).chmod(member.mode)

    def _in_force(self, slot: str) -> str:
        """A newer image brought a newer program, or the slot is gone: then it is the image's."""
        return IMAGE if self._version(slot) <= self._places.image_version else slot

    def _version(self, slot: str) -> Version:
        if slot == IMAGE:
            return self._places.image_version
        try:
            return parse_version(json.loads((self._places.folder / slot / LABEL).read_bytes())["release"])
        except (OSError, ValueError, KeyError, TypeError, WireError):
            return Version(0, 0, 0, 0)

    def _choice(self) -> Choice:
        """A choice that is damaged starts what came with the image."""
        try:
            body = json.loads((self._places.choice_folder / CHOICE).read_bytes())
            found = Choice(body["committed"], body["once"], body["running"])
        except (OSError, ValueError, KeyError, TypeError):
            return Choice()
        known = found.committed in NAMES and found.running in NAMES and found.once in (None, *NAMES)
        return found if known else Choice()

    def _save(self, choice: Choice) -> None:
        """Written, synced, renamed, synced; whatever another user put in the draft's place is not followed."""
        body = {"committed": choice.committed, "once": choice.once, "running": choice.running}
        folder = self._places.choice_folder
        draft = folder / f".{CHOICE}.new"
        try:
            draft.unlink(missing_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(draft, flags, 0o644), "w") as file:
                json.dump(body, file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(folder / CHOICE)
            handle = os.open(folder, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
        except OSError as error:
            raise SlotFailed(str(error), where=str(folder / CHOICE), remedy=_REMEDY) from error
