"""Opens a `uml` rig: network, disk, simulated boards and lines around a guest."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hil.board_lines import BoardLines
from hil.build_cache import PROJECT, execute, need_tools
from hil.disk_file import DiskFile
from hil.line_pipe import LinePipe
from hil.private_network import TAP, TapNetwork
from hil.rig import Rig
from hil.rig_file import UmlRig
from hil.uml.gpio_sim import GpioSimPins
from hil.uml.guest import GuestParts, UmlGuest
from hil.uml.kernel import kernel

ACK_LINE_NO = 15


@dataclass(frozen=True, slots=True)
class SharedFolder:
    """`hil.protocols.Share`: a folder that the guest sees as `/run/rig`."""

    host_path: Path
    device_path: str = "/run/rig"


def root_folder() -> Path:
    """The root of the rig's architecture, as the image's builder makes it; built when it is not there yet."""
    said = execute([sys.executable, "-m", "provisioning", "image", "root", "--kind", "rig", "--json"], PROJECT)
    return Path(json.loads(said)["root"])


@asynccontextmanager
async def open_uml(described: UmlRig, folder: Path) -> AsyncIterator[Rig]:
    """
    Raises:
        ToolMissing, BuildFailed: a part of the rig cannot be had.
        ProcessFailed: the simulated boards did not start.
    """
    need_tools({"unshare": "util-linux"} if os.geteuid() == 0 else {})
    built, root = kernel(), root_folder()
    share = SharedFolder(folder / "share")
    share.host_path.mkdir(parents=True, exist_ok=True)
    disk = DiskFile(folder / "data.img", described.storage.size_mib) if described.storage else None
    network = TapNetwork(described.network) if described.network else None
    if network:
        network.open()
    acks = LinePipe(f"/dev/ttyS{ACK_LINE_NO}")
    await acks.open()
    boards = BoardLines(described.serial, folder, share.host_path / "ports", described.thermometers)
    try:
        if described.serial:
            await boards.start()
        guest = UmlGuest(
            GuestParts(
                built,
                root,
                folder / "uml",
                described.memory_mib,
                gpio=f"{described.gpio.label}:{described.gpio.lines}" if described.gpio else "",
                disk=disk.path if disk else None,
                tap=TAP if network else "",
                address=network.device_address if network else "",
                share=share.host_path,
                serial=_channels(described, boards, acks),
                pass_fds=(acks.write_fd,),
            )
        )
        pins = GpioSimPins(guest, described.gpio.label) if described.gpio else None
        every = (guest, pins, disk, network, share, acks, boards if boards.ports else None)
        drivers = tuple(item for item in every if item is not None)
        try:
            yield Rig(described.name, "uml", folder, drivers)
        finally:
            await guest.cut()
    finally:
        await boards.close()
        acks.close()


def _channels(described: UmlRig, boards: BoardLines, acks: LinePipe) -> dict[int, str]:
    """The guest's line number for each serial line, and the host's end of it."""
    channels = {ACK_LINE_NO: f"null,fd:{acks.write_fd}"}
    for line in described.serial:
        if line.name in boards.ports:
            channels[int(line.device_path.removeprefix("/dev/ttyS"))] = f"tty:{boards.ports[line.name]}"
    return channels
