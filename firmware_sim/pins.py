"""Pins of a small computer as a circuit feels them: levels live in a file, over crashes and restarts, and each edge
is written down. And a key matrix to press.

A pin nobody drives has the level of its own resistor. A pin that is made an output without saying its level drives
low for a moment, as the kernel does; a recording shows it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gpiozero.pins.mock import MockFactory, MockPin


class PinRecord:
    """The trace file: one line an edge, `pin level`, appended at once, so that SIGKILL loses none.

    Args:
        resting: pin → the level its own resistor gives it while nobody drives it.
    """

    def __init__(self, path: Path, resting: Mapping[int, bool]) -> None:
        self.path = path
        self._resting = resting
        self._levels = dict(resting)
        for pin, level in self.edges():
            self._levels[pin] = level

    def edges(self) -> list[tuple[int, bool]]:
        """All edges so far, from whatever process."""
        if not self.path.exists():
            return []
        rows = self.path.read_text(encoding="ascii").split("\n")
        return [(int(row.split(" ")[0]), row.endswith("1")) for row in rows if row]

    def drive(self, pin: int, level: bool) -> None:
        if self._levels.get(pin, self._resting.get(pin, False)) == level:
            return
        self._levels[pin] = level
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(fd, f"{pin} {int(level)}\n".encode("ascii"))
        finally:
            os.close(fd)

    def release(self, pin: int) -> None:
        """Nobody drives it any longer."""
        self.drive(pin, self._resting.get(pin, False))


class RecordedFactory(MockFactory):  # type: ignore[misc]
    """A gpiozero pin factory whose outputs go into a `PinRecord`; `claims_with_level` as our chip factory does it."""

    def __init__(self, record: PinRecord, *, claims_with_level: bool = True) -> None:
        super().__init__(pin_class=_RecordedPin)
        self.record = record
        self.claims_with_level = claims_with_level


class _RecordedPin(MockPin):  # type: ignore[misc]
    def _set_function(self, value: str) -> None:
        was_output = self._function == "output"
        super()._set_function(value)
        if value == "output" and not was_output:
            self.factory.record.drive(self._number, False)
        if value == "input" and was_output:
            self.factory.record.release(self._number)

    def output_with_state(self, state: int) -> None:
        if not self.factory.claims_with_level:
            super().output_with_state(state)
            return
        self._function = "output"
        self._set_state(state)
        self.factory.record.drive(self._number, bool(state))

    def _set_state(self, value: float) -> None:
        super()._set_state(value)
        self.factory.record.drive(self._number, bool(value))


class KeyMatrix:
    """Keys between rows and columns of a `MatrixFactory`."""

    def __init__(self, rows: Sequence[int], columns: Sequence[int], keys: Sequence[str]) -> None:
        self._places = {key: (row, column) for row, line in zip(rows, keys, strict=True)
                        for column, key in zip(columns, line, strict=True)}  # fmt: skip
        self._down: set[str] = set()
        self.factory = MockFactory(pin_class=_matrix_pin(self._row_changed))
        self._columns = columns

    def press(self, *keys: str) -> None:
        self._down |= set(keys)

    def let_go(self) -> None:
        self._down.clear()

    def _row_changed(self, row: int, driven_low: bool) -> None:
        felt = {column for key in self._down for at, column in [self._places[key]] if at == row and driven_low}
        for column in self._columns:
            pin = self.factory.pin(column)
            (pin.drive_low if column in felt else pin.drive_high)()


def _matrix_pin(on_row: Callable[[int, bool], None]) -> type[Any]:
    class MatrixPin(MockPin):  # type: ignore[misc]
        def output_with_state(self, state: int) -> None:
            super().output_with_state(state)
            on_row(self._number, state == 0)

        def input_with_pull(self, pull: str) -> None:
            was_output = self._function == "output"
            super().input_with_pull(pull)
            if was_output:
                on_row(self._number, False)

    return MatrixPin
