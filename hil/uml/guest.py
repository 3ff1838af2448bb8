"""One guest: a User-mode Linux process with its console. Pulling its plug is SIGKILL to all of its processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hil.errors import ProcessFailed
from hil.process import die_with_parent
from hil.protocols import Answer
from hil.stream_shell import StreamShell

BOOT_S = 90.0
HALT_S = 20.0
# The C library registers restartable sequences; a guest's process inherits the registration without the memory behind
# it, and the host's kernel ends it at the next preemption.
_NO_RSEQ = {"GLIBC_TUNABLES": "glibc.pthread.rseq=0"}
INIT = "/usr/lib/parcelworks/rig-init"


@dataclass(frozen=True, slots=True)
class GuestParts:
    """What a guest is made of. `serial` maps a line number of the guest (ttyS1 on) to a host's channel."""

    kernel: Path
    root: Path
    folder: Path
    memory_mib: int
    gpio: str = ""
    disk: Path | None = None
    tap: str = ""
    address: str = ""
    share: Path | None = None
    serial: Mapping[int, str] = field(default_factory=dict)
    pass_fds: tuple[int, ...] = ()


def command(parts: GuestParts) -> list[str]:
    """The kernel's command line."""
    words = [
        str(parts.kernel),
        f"mem={parts.memory_mib}M",
        f"uml_dir={parts.folder}/",
        "umid=guest",
        "root=/dev/root",
        "rootfstype=hostfs",
        f"rootflags={parts.root}",
        "ro",
        f"init={INIT}",
        "con0=fd:0,fd:1",
        "con=null",
        "ssl=null",
        "console=stderr",
        "quiet",
        "panic=-1",
        # From the first instruction on every level of a pin is kept, with its time.
        "trace_event=gpio:gpio_value,gpio:gpio_direction",
        "trace_buf_size=4M",
        "trace_clock=mono",
    ]
    words += [f"ssl{number}={channel}" for number, channel in parts.serial.items()]
    words += [f"ubd0={parts.disk}"] if parts.disk else []
    words += [f"eth0=tuntap,{parts.tap}", f"rig_address={parts.address}"] if parts.tap else []
    words += [f"rig_gpio={parts.gpio}"] if parts.gpio else []
    words += [f"rig_share={parts.share}"] if parts.share else []
    return words


class UmlGuest:
    """`hil.protocols.Power` and `Shell` of a guest."""

    def __init__(self, parts: GuestParts) -> None:
        self.parts = parts
        self._process: asyncio.subprocess.Process | None = None
        self._shell: StreamShell | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def on(self) -> None:
        """
        Raises:
            ProcessFailed: it did not come to its shell; the end of the console or of the kernel's log is quoted.
        """
        if self.running:
            return
        self.parts.folder.mkdir(parents=True, exist_ok=True)
        with (self.parts.folder / "kernel.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *_in_namespace(command(self.parts)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                pass_fds=self.parts.pass_fds,
                env={"PATH": os.environ.get("PATH", ""), "TMPDIR": _memory_folder(), **_NO_RSEQ},
                preexec_fn=die_with_parent,
                start_new_session=True,
            )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._shell = StreamShell(self._process.stdout, self._process.stdin.write, "guest")
        await self._shell.wait_for("rig-ready\n", BOOT_S)
        await self._shell.run("true")

    async def cut(self) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    async def off(self) -> None:
        """Unmount and halt; a guest that does not halt is an error, not a reason to pull the plug."""
        if not self.running or self._process is None or self._process.stdin is None:
            return
        halt = b"sync; umount /data 2>/dev/null; echo o > /proc/sysrq-trigger\n"
        self._process.stdin.write(halt)
        try:
            await asyncio.wait_for(self._process.wait(), HALT_S)
        except TimeoutError:
            raise ProcessFailed(f"did not halt within {HALT_S:.0f} s", where="guest") from None
        finally:
            await self.cut()

    async def run(self, command: str, timeout_s: float = 60) -> Answer:
        return await self._open_shell().run(command, timeout_s)

    async def put(self, data: bytes, device_path: str) -> None:
        await self._open_shell().put(data, device_path)

    def _open_shell(self) -> StreamShell:
        if self._shell is None or not self.running:
            raise ProcessFailed("is switched off", where="guest", remedy="Switch it on before commands.")
        return self._shell


def _in_namespace(words: list[str]) -> list[str]:
    """As root, in a process namespace of its own: if this program is killed, no part of a guest lives on."""
    if os.geteuid() != 0:
        return words
    # A shell gives /dev/null to what it starts in the background, so the console comes by another number.
    started = 'exec 3<&0; "$@" <&3 3<&- & wait $!'
    return ["unshare", "--pid", "--mount-proc", "--fork", "--kill-child", "--", "sh", "-c", started, "sh", *words]


def _memory_folder() -> str:
    """The guest's memory is a file: on a disk it would be written out."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else "/tmp"
