"""A key matrix on the computer's own pins: rows are driven one at a time, columns are felt.

A row that is not being asked is released as an input, so two keys in one column never connect two driven outputs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gpiozero import DigitalInputDevice
from gpiozero.pins import Factory

from edge.errors import ConfigError

SCAN_MS = 20
SETTLE_SCANS = 2
KEYS = frozenset("0123456789*#")


@dataclass(frozen=True, slots=True)
class KeypadConfig:
    """`keys[r][c]` is the key where row r crosses column c: a digit, `*` or `#`; a blank where there is none."""

    row_pins: tuple[int, ...]
    column_pins: tuple[int, ...]
    keys: tuple[str, ...] = ("123", "456", "789", "*0#")

    def __post_init__(self) -> None:
        shape = [len(row) for row in self.keys]
        if shape != [len(self.column_pins)] * len(self.row_pins) or not shape:
            raise ConfigError("keys do not fit the pins", where="keypad", remedy="Give a key for each row and column.")
        named = [key for row in self.keys for key in row if key != " "]
        if len(set(named)) != len(named) or not set(named) <= KEYS:
            raise ConfigError("keys are wrong", where="keypad", remedy="Name each of 0-9, * and # at most once.")
        pins = (*self.row_pins, *self.column_pins)
        if len(set(pins)) != len(pins):
            raise ConfigError("a pin is named twice", where="keypad", remedy="Give each row and column its own pin.")


class PinKeypad:
    """Tells each key once when it goes down. Two keys at once tell nothing: a matrix cannot know which."""

    def __init__(self, config: KeypadConfig, on_key: Callable[[str], None], factory: Factory) -> None:
        self._config = config
        self._on_key = on_key
        self._factory = factory
        self._columns = [DigitalInputDevice(pin, pull_up=True, pin_factory=factory) for pin in config.column_pins]
        self._rows = [DigitalInputDevice(pin, pull_up=True, pin_factory=factory) for pin in config.row_pins]
        self._seen = ""
        self._steady = 0
        self._down = ""

    async def run(self) -> None:
        """Scan until cancelled; every pin is an input afterwards."""
        try:
            while True:
                self.scan()
                await asyncio.sleep(SCAN_MS / 1000)
        finally:
            self.close()

    def scan(self) -> None:
        """Look at the whole matrix once; a key counts when two scans in a row agree."""
        pressed = self._pressed()
        self._steady = self._steady + 1 if pressed == self._seen else 1
        self._seen = pressed
        if self._steady < SETTLE_SCANS or pressed == self._down:
            return
        if len(pressed) == 1 and not self._down:
            self._on_key(pressed)
        self._down = pressed

    def close(self) -> None:
        for device in (*self._rows, *self._columns):
            device.close()

    def _pressed(self) -> str:
        found = ""
        for row, keys in zip(self._rows, self._config.keys, strict=True):
            found += _felt(row, self._columns, keys)
        return found.replace(" ", "")


def _felt(row: DigitalInputDevice, columns: Sequence[DigitalInputDevice], keys: str) -> str:
    row.pin.output_with_state(0)
    try:
        return "".join(key for column, key in zip(columns, keys, strict=True) if column.is_active)
    finally:
        row.pin.input_with_pull("up")
