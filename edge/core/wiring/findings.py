"""What a walk along the boards has found so far. It outlives the walk, so that one that was broken off goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

Levels = tuple[bool | None, ...]
"""The door inputs of one board, index 0 is input 1: the raw bit, None where this reading says nothing."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a board answers and how it speaks. `port` is empty for the computer's own pins."""

    port: str
    family: str
    address: int
    inputs: int
    groups: int = 3
    status_first: bool = False
    echo: bool = False
    baud: int | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """One output: what it moved.

    `lock` False: nothing is on it. `input_no`: the input that felt the door, 0 for none. `closed_level`: that input's
    level while the door was shut. `door_no`: the number that is printed on the door.
    """

    number: int
    lock: bool
    input_no: int = 0
    closed_level: bool | None = None
    door_no: int | None = None


@dataclass(frozen=True, slots=True)
class BoardFindings:
    """One board: how many outputs are to be walked, and those that have been."""

    module: str
    site: Site
    outputs: int
    learned: tuple[Output, ...] = ()

    @property
    def left(self) -> tuple[int, ...]:
        done = {output.number for output in self.learned}
        return tuple(number for number in range(1, self.outputs + 1) if number not in done)

    @property
    def taken_inputs(self) -> frozenset[int]:
        return frozenset(output.input_no for output in self.learned if output.input_no)

    def with_output(self, output: Output) -> BoardFindings:
        kept = tuple(known for known in self.learned if known.number != output.number)
        return replace(self, learned=tuple(sorted((*kept, output), key=lambda known: known.number)))


@dataclass(frozen=True, slots=True)
class Findings:
    """All boards of one locker."""

    boards: tuple[BoardFindings, ...] = ()

    @property
    def doors(self) -> frozenset[int]:
        return frozenset(o.door_no for board in self.boards for o in board.learned if o.door_no is not None)

    def board(self, module: str, site: Site) -> BoardFindings | None:
        """What is known of this very board; another one under the same name is unknown."""
        return next((board for board in self.boards if board.module == module and board.site == site), None)

    def with_board(self, findings: BoardFindings) -> Findings:
        others = tuple(board for board in self.boards if board.module != findings.module)
        return Findings(tuple(sorted((*others, findings), key=lambda board: board.module)))

    def only(self, modules: Sequence[str]) -> Findings:
        return Findings(tuple(board for board in self.boards if board.module in modules))


def moved(before: Levels, after: Levels) -> tuple[int, ...]:
    """The inputs that say something else than before; one that says nothing has not moved."""
    pairs = enumerate(zip(before, after, strict=True), 1)
    return tuple(number for number, (was, is_now) in pairs if None not in (was, is_now) and was != is_now)
