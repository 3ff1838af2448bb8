"""Plans about plug pulls: nothing that the device has acknowledged is ever lost."""

from __future__ import annotations

import asyncio
import random  # noqa: TID251  the moments of the cuts; the seed is in the report

from hil.device_program import start_program
from hil.errors import ProcessFailed
from hil.plan import Recorder, plan
from hil.protocols import DataDisk, LineToHost, Power, Shell
from hil.rig import Rig

SEED = 1
FOLDER = "/data/rig"
OPEN_S = 60.0
LONGEST_LIFE_S = 1.5


@plan(
    Power,
    Shell,
    DataDisk,
    LineToHost,
    summary="The plug is pulled at random moments; after each start the log holds all it had acknowledged.",
    timeout_s=60,
    repeats=True,
)
async def plug_pulls(rig: Rig, record: Recorder) -> None:
    line, chance = rig.get(LineToHost), random.Random(SEED)
    rig.get(DataDisk).renew()
    acknowledged = Acknowledged()
    lost = recovered = commits = 0
    for _ in range(record.cycles):
        await rig.get(Power).on()
        await start_program(rig, "log-writer", FOLDER, line.device_path)
        opened = await _opening(line)
        lost += acknowledged.missing(opened)
        recovered += opened[2] != "none"
        commits += await _live(line, acknowledged, chance.uniform(0.05, LONGEST_LIFE_S))
        await rig.get(Power).cut()
        commits += await _drain(line, acknowledged)
    record.note(f"seed {SEED}")
    record.measure("cuts", record.cycles, "cuts", low=record.cycles)
    record.measure("acknowledged", commits, "commits", low=record.cycles)
    record.measure("lost", lost, "events", high=0)
    record.measure("logs_set_aside", recovered, "logs", high=0)


class Acknowledged:
    """The longest log that the device has ever called durable, and the digest over its events at every size."""

    def __init__(self) -> None:
        self.size = 0
        self._digests: dict[int, str] = {0: "-"}

    def note(self, size: int, digest: str) -> None:
        self.size = size
        self._digests = {size: digest}

    def missing(self, opened: tuple[int, str, str]) -> int:
        """Events that were acknowledged and are gone, or, at the same length, differ."""
        size, digest, _ = opened
        if size < self.size:
            return self.size - size
        # More than was acknowledged is fine: the last commit may have been durable before its word got out.
        return int(size == self.size and digest != self._digests.get(size, digest))


async def _opening(line: LineToHost) -> tuple[int, str, str]:
    while True:
        said = await line.next_line(OPEN_S)
        if said is None:
            raise ProcessFailed("did not open its log", where="log-writer")
        words = said.split()
        if len(words) == 4 and words[0] == "opened":
            return int(words[1]), words[2], words[3]


async def _live(line: LineToHost, acknowledged: Acknowledged, life_s: float) -> int:
    commits, ends_s = 0, asyncio.get_running_loop().time() + life_s
    while (left_s := ends_s - asyncio.get_running_loop().time()) > 0:
        commits += _take(await line.next_line(left_s), acknowledged)
    return commits


async def _drain(line: LineToHost, acknowledged: Acknowledged) -> int:
    """What it had said before the cut and was still on the line."""
    commits = 0
    while (said := await line.next_line(0.05)) is not None:
        commits += _take(said, acknowledged)
    return commits


def _take(said: str | None, acknowledged: Acknowledged) -> int:
    words = (said or "").split()
    if len(words) != 3 or words[0] != "ack" or len(words[2]) != 64:
        return 0
    acknowledged.note(int(words[1]), words[2])
    return 1
