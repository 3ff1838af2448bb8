"""Opens a `qemu-virt` rig: kernel, first programs and root of a card image on an emulated arm64 board."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hil.build_cache import need_tools
from hil.errors import ProcessFailed
from hil.process import die_with_parent
from hil.protocols import Answer
from hil.qemu.card_file import CardFile, Start
from hil.rig import Rig
from hil.rig_file import QemuVirtRig
from hil.stream_shell import StreamShell

# Emulated without the help of the processor: a minute on a quiet machine, several on a busy one.
BOOT_S = 900.0
HALT_S = 180.0
QEMU = "qemu-system-aarch64"


def command(start: Start, card: Path, memory_mib: int) -> list[str]:
    """The emulator's words. One processor: several are slower when emulated."""
    return [
        QEMU,
        *("-M", "virt", "-cpu", "cortex-a53", "-smp", "1", "-m", str(memory_mib)),
        *("-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot"),
        *("-kernel", str(start.kernel), "-initrd", str(start.initramfs)),
        *("-append", f"{start.cmdline} console=ttyAMA0 pw_rig_console"),
        *("-drive", f"if=none,file={card},format=raw,id=card,cache=writeback"),
        *("-device", "virtio-blk-device,drive=card", "-device", "virtio-rng-device"),
        *("-netdev", "user,id=net,restrict=on", "-device", "virtio-net-device,netdev=net"),
    ]


class VirtGuest:
    """`hil.protocols.Power` and `Shell` of the emulated board; its console is the rig's own."""

    def __init__(self, card: CardFile, memory_mib: int) -> None:
        self._card = card
        self._memory_mib = memory_mib
        self._process: asyncio.subprocess.Process | None = None
        self._shell: StreamShell | None = None

    async def on(self) -> None:
        """
        Raises:
            ProcessFailed: it did not come to its console in time; the console's end is quoted.
        """
        if self._process is not None and self._process.returncode is None:
            return
        start = await asyncio.to_thread(self._card.start)
        self._process = await asyncio.create_subprocess_exec(
            *command(start, self._card.card_path, self._memory_mib),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            preexec_fn=die_with_parent,
            start_new_session=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._shell = StreamShell(self._process.stdout, self._process.stdin.write, "qemu")
        await self._shell.wait_for("rig-ready\n", BOOT_S)
        await self._shell.run("true", BOOT_S)

    async def cut(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()

    async def off(self) -> None:
        """Shut down in order. Raises ProcessFailed when it does not."""
        if self._process is None or self._process.returncode is not None or self._process.stdin is None:
            return
        self._process.stdin.write(b"systemctl --no-block poweroff\n")
        try:
            await asyncio.wait_for(self._process.wait(), HALT_S)
        except TimeoutError:
            raise ProcessFailed(f"did not halt within {HALT_S:.0f} s", where="qemu") from None
        finally:
            await self.cut()

    async def run(self, command: str, timeout_s: float = 60) -> Answer:
        return await self._open_shell().run(command, timeout_s)

    async def put(self, data: bytes, device_path: str) -> None:
        await self._open_shell().put(data, device_path)

    def _open_shell(self) -> StreamShell:
        if self._shell is None:
            raise ProcessFailed("is switched off", where="qemu", remedy="Switch it on before commands.")
        return self._shell


@asynccontextmanager
async def open_virt(described: QemuVirtRig, folder: Path) -> AsyncIterator[Rig]:
    """
    Raises:
        ToolMissing: the emulator is not installed.
        RigFileInvalid: there is no such image.
    """
    need_tools({QEMU: "qemu-system-arm"})
    card = CardFile(described.image, folder)
    guest = VirtGuest(card, described.memory_mib)
    try:
        yield Rig(described.name, "qemu-virt", folder, (guest, card))
    finally:
        await guest.cut()
