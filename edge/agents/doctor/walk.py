"""Along the outputs of one board: confirm, record, pulse, watch, ask, shut. Never two pulses at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from edge.agents.doctor.benches import Bench
from edge.agents.doctor.dialogue import Ask, Dialogue, choose, number
from edge.agents.doctor.journal import Journal
from edge.core.wiring.findings import BoardFindings, Findings, Levels, Output, moved
from edge.errors import CoilBusy, LineLost
from edge.ports import PulseReply
from edge.wire.event_types import MAX_COMPARTMENT_NO

STEADY_TRIES = 10


class BoardSilent(Exception):
    """The board does not answer any more."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often inputs are read, how long a door has to open, how long one has to be shut."""

    poll_ms: int = 100
    open_wait_ms: int = 5_000
    shut_wait_ms: int = 1_500


class Walk:
    """One installer at one locker. The findings are kept after every output."""

    def __init__(self, journal: Journal, dialogue: Dialogue, findings: Findings, patience: Patience) -> None:
        self._journal = journal
        self._dialogue = dialogue
        self._patience = patience
        self.findings = findings

    async def along(self, bench: Bench) -> None:
        """Every output that is not known yet. A board that falls silent is left as it is. Raises Stopped."""
        dialogue = self._dialogue
        try:
            board = self.findings.board(bench.module, bench.site) or await self._begin(bench)
            for output_no in board.left:
                output = await self._output(bench, output_no)
                board = board.with_output(output)
                self._keep(board)
        except BoardSilent:
            dialogue.tell(f"{bench.module}: no answer. Check its power, its two bus wires and its address switch.")

    async def _begin(self, bench: Bench) -> BoardFindings:
        levels = await self._steady(bench)
        shown = "".join("?" if level is None else str(int(level)) for level in levels)
        self._dialogue.tell(f"{bench.module}: {len(levels)} inputs, which read {shown}.")
        most = bench.site.inputs
        outputs = number(
            self._dialogue,
            Ask.OUTPUTS,
            (bench.module, 0),
            f"{bench.module}: up to which output are locks wired? [1-{most}]",
            lambda given: None if 1 <= given <= most else f"From 1 to {most}.",
        )
        board = BoardFindings(bench.module, bench.site, int(outputs))
        self._keep(board)
        return board

    def _keep(self, board: BoardFindings) -> None:
        self.findings = self.findings.with_board(board)
        self._journal.save(self.findings)

    async def _output(self, bench: Bench, output_no: int) -> Output:
        """One output, pulsed as often as the installer says."""
        at = (bench.module, output_no)
        while True:
            text = f"{bench.module} output {output_no}: all doors shut? Pulse it once"
            if choose(self._dialogue, Ask.PULSE, at, text, ("yes", "skip")) == "skip":
                return Output(output_no, lock=False)
            before = await self._steady(bench)
            inputs = await self._pulse(bench, output_no, before)
            output = self._judge(bench.module, output_no, before, inputs)
            if inputs:
                await self._shut(bench, at, before)
            if output is not None:
                return output

    async def _pulse(self, bench: Bench, output_no: int, before: Levels) -> tuple[int, ...]:
        """Record, pulse once, watch. Returns the inputs that moved."""
        pulse_id = await self._journal.authorise(bench.module, output_no)
        reply: PulseReply | None = None
        inputs: tuple[int, ...] = ()
        try:
            reply = await bench.pulse(output_no)
            seen = await self._until(bench, lambda levels: bool(moved(before, levels)), self._patience.open_wait_ms)
            inputs = moved(before, seen)
        except (CoilBusy, LineLost) as error:
            self._dialogue.tell(f"{error}. {error.remedy}")
        finally:
            await self._journal.finish(pulse_id, reply, inputs)
        return inputs

    def _judge(self, module: str, output_no: int, before: Levels, inputs: tuple[int, ...]) -> Output | None:
        """What the pulse says of this output; None to try again."""
        dialogue, at = self._dialogue, (module, output_no)
        if len(inputs) > 1:
            dialogue.tell(f"Inputs {', '.join(map(str, inputs))} moved together: shut every door, then try again.")
            return None
        if not inputs:
            text = "No input moved. Which door opened? [its number, none, again/stop]"
            answer = number(dialogue, Ask.NOTHING_MOVED, at, text, self._free_door, ("none", "again"))
            if answer == "again":
                return None
            return Output(output_no, lock=False) if answer == "none" else Output(output_no, True, door_no=int(answer))
        (input_no,) = inputs
        level = before[input_no - 1]
        board = next(board for board in self.findings.boards if board.module == module)
        if input_no in board.taken_inputs:
            dialogue.tell(
                f"Input {input_no} felt another output's door already: its wire is shared, or that was wrong."
            )
            return None
        text = f"Input {input_no} moved ({int(bool(level))} while shut). Which door opened? [its number/stop]"
        door_no = number(dialogue, Ask.DOOR, at, text, self._free_door)
        return Output(output_no, True, input_no, level, int(door_no))

    def _free_door(self, given: int) -> str | None:
        if not 1 <= given <= MAX_COMPARTMENT_NO:
            return f"Doors are numbered from 1 to {MAX_COMPARTMENT_NO}."
        return f"Door {given} is on another output already." if given in self.findings.doors else None

    async def _shut(self, bench: Bench, at: tuple[str, int], before: Levels) -> None:
        while choose(self._dialogue, Ask.SHUT, at, "Shut the door. Done", ("yes", "skip")) == "yes":
            after = await self._until(bench, lambda levels: not moved(before, levels), self._patience.shut_wait_ms)
            if not moved(before, after):
                return
            self._dialogue.tell("The input does not say so yet.")

    async def _until(self, bench: Bench, holds: Callable[[Levels], bool], wait_ms: int) -> Levels:
        """The inputs once it holds and they have settled, or as they are when the time is over."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + wait_ms / 1000
        while True:
            levels = await self._steady(bench)
            if holds(levels) or loop.time() >= until_s:
                return levels
            await asyncio.sleep(self._patience.poll_ms / 1000)

    async def _steady(self, bench: Bench) -> Levels:
        """Two readings in a row that agree; the last one when they never do."""
        last: Levels | None = None
        for _ in range(STEADY_TRIES):
            levels = await bench.read()
            if levels is None:
                raise BoardSilent
            if levels == last:
                return levels
            last = levels
            await asyncio.sleep(self._patience.poll_ms / 1000)
        assert last is not None
        return last
