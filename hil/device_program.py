"""Programs of the rig that run on the device: put there, started, asked, killed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hil.errors import ProcessFailed
from hil.protocols import Shell
from hil.rig import Rig

PROGRAMS = Path(__file__).with_name("device")
READY_S = 60
_STEP_S = 0.1


@dataclass(frozen=True, slots=True)
class DeviceProgram:
    """One running program; its stdin is a pipe that stays open until `stop`."""

    shell: Shell
    name: str
    folder: str

    async def say(self, line: str) -> None:
        """A line to its stdin."""
        await checked(self.shell, f"echo {line} > {self.folder}/in")

    async def wait_for(self, word: str, times: int = 1, timeout_s: float = READY_S) -> str:
        """Wait until it has printed a line that begins with a word so many times; all that it printed.

        Raises:
            ProcessFailed: it ended or did not say it; what it said is quoted.
        """
        tries = int(timeout_s / _STEP_S)
        test = f'[ "$(grep -c "^{word}" {self.folder}/out)" -ge {times} ]'
        alive = f"kill -0 $(cat {self.folder}/pid) 2>/dev/null"
        loop = (
            f"i=0; while [ $i -lt {tries} ]; do {test} && exit 0; {alive} || exit 1; sleep {_STEP_S}; i=$((i+1)); done"
        )
        answer = await self.shell.run(f"({loop}; exit 1)", timeout_s + READY_S)
        said = (await self.shell.run(f"cat {self.folder}/out {self.folder}/err")).text
        if answer.code:
            raise ProcessFailed(f"never said {word!r}", where=self.name, remedy=f"It said: {said[-1500:]}")
        return said

    async def kill(self) -> None:
        """SIGKILL: no goodbye, as a crash."""
        await self.shell.run(f"kill -9 $(cat {self.folder}/pid); rm -rf {self.folder}")

    async def stop(self) -> None:
        """Let it end in order: its stdin ends."""
        await self.shell.run(
            f"kill $(cat {self.folder}/holder); i=0; "
            f"while kill -0 $(cat {self.folder}/pid) 2>/dev/null && [ $i -lt 100 ]; do sleep 0.1; i=$((i+1)); done; "
            f"rm -rf {self.folder}"
        )


async def start_program(rig: Rig, name: str, *words: str) -> DeviceProgram:
    """Start a program of `hil/device` on the device."""
    shell = rig.get(Shell)
    folder = f"/tmp/rig-{name}"
    await checked(shell, f"rm -rf {folder}; mkdir -p {folder} && mkfifo {folder}/in")
    await shell.put((PROGRAMS / name).read_bytes(), f"{folder}/program")
    arguments = " ".join(words)
    await checked(
        shell,
        f"sleep 86400 > {folder}/in & echo $! > {folder}/holder; "
        f"LG_WD={folder} PYTHONUNBUFFERED=1 python3 {folder}/program {arguments} "
        f"< {folder}/in > {folder}/out 2> {folder}/err & echo $! > {folder}/pid",
    )
    return DeviceProgram(shell, name, folder)


async def run_program(rig: Rig, name: str, *words: str, timeout_s: float = READY_S) -> str:
    """Run a program of `hil/device` to its end; its stdout. Raises ProcessFailed with its stderr."""
    shell = rig.get(Shell)
    path = f"/tmp/rig-{name}-once"
    await shell.put((PROGRAMS / name).read_bytes(), path)
    return await checked(shell, f"LG_WD=/tmp python3 {path} {' '.join(words)}", timeout_s)


async def checked(shell: Shell, command: str, timeout_s: float = 60) -> str:
    """Run a command that must succeed; its text. Raises ProcessFailed."""
    answer = await shell.run(command, timeout_s)
    if answer.code:
        raise ProcessFailed(f"ended with {answer.code}", where=command[:80], remedy=answer.text[-1500:])
    return answer.text
