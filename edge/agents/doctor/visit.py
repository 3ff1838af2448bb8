"""A whole visit of the doctor: lock the log, find the boards, walk, print the map, write the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.agents.doctor.benches import Bench
from edge.agents.doctor.dialogue import Ask, Dialogue, Stopped, choose
from edge.agents.doctor.journal import Journal
from edge.agents.doctor.site import Bay, Ways, found_boards, stated_boards
from edge.agents.doctor.walk import Patience, Walk
from edge.config import load_config
from edge.core.wiring.findings import Findings
from edge.core.wiring.sections import PINS, bus_sections, compartment_sections, pin_board_section
from edge.core.wiring.toml_text import render, replace_tables
from edge.drivers.board_search import Search
from edge.errors import ConfigError, ParcelsInside


@dataclass(frozen=True, slots=True)
class Order:
    """What the installer asked for on the command line."""

    config: Path
    ports: tuple[Path, ...]
    search: Search = Search()
    look_for_boards: bool = False
    afresh: bool = False
    parcels_inside: bool = False
    patience: Patience = Patience()


class Visit:
    """One visit of one installer."""

    def __init__(self, order: Order, environment: Mapping[str, str], dialogue: Dialogue, ways: Ways) -> None:
        """
        Raises:
            ConfigError: the configuration cannot be read.
        """
        self._order = order
        self._environment = dict(environment)
        self._config = load_config(order.config, self._environment)
        self._dialogue = dialogue
        self._ways = ways

    async def run(self) -> dict[str, Any]:
        """The map as one JSON object; `complete` unless the installer stopped.

        Raises:
            StorageFailed: the agent runs.
            ParcelsInside: and nobody said that it may be done all the same.
            ConfigError: pins are named and there are none, or the result cannot be written.
        """
        journal = Journal.open(self._config)
        try:
            return await self._with(journal)
        finally:
            await journal.close()

    async def _with(self, journal: Journal) -> dict[str, Any]:
        full = journal.doors_with_parcels()
        if full and not self._order.parcels_inside:
            doors = ", ".join(map(str, full))
            remedy = "Take them out first, or pass --parcels-inside."
            raise ParcelsInside(f"parcels lie behind {doors}", where="locker", remedy=remedy)
        bay = await self._bay()
        known = Findings() if self._order.afresh else journal.load().only([bench.module for bench in bay.benches])
        walk = Walk(journal, self._dialogue, known, self._order.patience)
        complete, sizes_mm = True, {}
        try:
            for bench in bay.benches:
                await walk.along(bench)
            sizes_mm = self._sizes(walk.findings)
        except Stopped:
            complete = False
            self._dialogue.tell("Stopped. What is known is kept; call the doctor again to go on.")
        finally:
            await bay.close()
        for line in _map(walk.findings):
            self._dialogue.tell(line)
        written = complete and self._write(walk.findings, sizes_mm)
        return self._result(walk.findings, bay.benches, complete=complete, written=written)

    async def _bay(self) -> Bay:
        order, config = self._order, self._config
        if config.bus and not order.look_for_boards:
            return stated_boards(config, self._ways)
        if not order.ports and config.pin_board is None:
            raise ConfigError("no serial port", where="doctor", remedy="Plug the adapter in, or pass --port.")
        return await found_boards(config, order.ports, order.search, self._dialogue.tell, self._ways)

    def _sizes(self, findings: Findings) -> dict[int, tuple[int, int, int]]:
        """Inner sizes by door: those already stated, else asked for; an empty answer means as the door before."""
        stated = {item.no: (item.width_mm, item.height_mm, item.depth_mm) for item in self._config.compartment}
        sizes: dict[int, tuple[int, int, int]] = {}
        last: tuple[int, int, int] | None = None
        for no in sorted(findings.doors):
            last = stated.get(no) or self._ask_size(no, last)
            sizes[no] = last
        return sizes

    def _ask_size(self, no: int, last: tuple[int, int, int] | None) -> tuple[int, int, int]:
        before = "" if last is None else f", or nothing for {' '.join(map(str, last))}"
        while True:
            text = f"Door {no}: inner width, height and depth in mm{before}? [three numbers/stop]"
            words = self._dialogue.ask(Ask.SIZE, "", no, text).split()
            if not words and last is not None:
                return last
            if len(words) == 3 and all(word.isascii() and word.isdigit() and 0 < int(word) < 10_000 for word in words):
                return int(words[0]), int(words[1]), int(words[2])
            self._dialogue.tell("Three whole numbers, such as 400 200 500.")

    def _tables(self, findings: Findings, sizes_mm: dict[int, tuple[int, int, int]]) -> dict[str, Any]:
        dumped = self._config.model_dump(mode="json", exclude_unset=True)
        forgotten = self._order.look_for_boards
        stated_buses = [] if forgotten else dumped.get("bus", [])
        stated_doors = {} if forgotten else {item["no"]: item for item in dumped.get("compartment", [])}
        tables: dict[str, Any] = {"bus": bus_sections(findings, stated_buses)}
        pins = next((board for board in findings.boards if board.site.family == PINS), None)
        if pins is not None:
            tables["pin_board"] = pin_board_section(pins, dumped["pin_board"])
        tables["compartment"] = compartment_sections(findings, sizes_mm, stated_doors)
        return tables

    def _write(self, findings: Findings, sizes_mm: dict[int, tuple[int, int, int]]) -> bool:
        """Into the configuration file, the former one kept beside it, when the installer wants it."""
        path, tables = self._order.config, self._tables(findings, sizes_mm)
        fresh = render(tables)
        self._dialogue.tell(fresh)
        text = f"Write this into {path}, and keep the former file as {path.name}.before"
        if choose(self._dialogue, Ask.WRITE, ("", 0), text, ("yes", "no")) == "no":
            return False
        before = path.read_text("utf-8")
        after = replace_tables(before, tables, fresh)
        if after is None:
            raise ConfigError("the file is too unusual to be changed", where=str(path), remedy="Put it in by hand.")
        draft = path.with_name(path.name + ".draft")
        draft.write_text(after, "utf-8")
        load_config(draft, self._environment)
        path.with_name(path.name + ".before").write_text(before, "utf-8")
        draft.replace(path)
        return True

    def _result(self, findings: Findings, benches: list[Bench], *, complete: bool, written: bool) -> dict[str, Any]:
        known = {board.module: board for board in findings.boards}
        silent = [bench.module for bench in benches if bench.module not in known or known[bench.module].left]
        outputs = [
            {
                "module": board.module,
                "output": output.number,
                "lock": output.lock,
                "input": output.input_no,
                "closed_level": output.closed_level,
                "door": output.door_no,
            }
            for board in findings.boards
            for output in board.learned
        ]
        return {"complete": complete and not silent, "left": silent, "written": written, "outputs": outputs}


def _map(findings: Findings) -> list[str]:
    lines = ["", "door  module  output  input  while shut"]
    for board in findings.boards:
        for output in board.learned:
            door = "-" if output.door_no is None else str(output.door_no)
            felt = str(output.input_no) if output.input_no else "none" if output.lock else "no lock"
            level = "" if output.closed_level is None else str(int(output.closed_level))
            lines.append(f"{door:>4}  {board.module:<6}  {output.number:>6}  {felt:>7}  {level:>10}")
    return lines
