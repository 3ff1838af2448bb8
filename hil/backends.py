"""Which backend opens which rig file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from hil.rig import Rig
from hil.rig_file import Described, QemuVirtRig, UmlRig


@asynccontextmanager
async def open_rig(described: Described, folder: Path) -> AsyncIterator[Rig]:
    """Open the rig over a folder of its own; everything it started ends with it.

    Raises:
        RigError: a tool, a right or a part of the rig is missing; nothing is left out silently.
    """
    folder.mkdir(parents=True, exist_ok=True)
    async with _opener(described, folder) as rig:
        yield rig


def _opener(described: Described, folder: Path) -> AbstractAsyncContextManager[Rig]:
    # Each backend is imported when it is used: a bench needs nothing of the emulators.
    match described:
        case UmlRig():
            from hil.uml.backend import open_uml

            return open_uml(described, folder)
        case QemuVirtRig():
            from hil.qemu.virt import open_virt

            return open_virt(described, folder)
