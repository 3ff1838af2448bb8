"""The key matrix over simulated keys between mock pins."""

from __future__ import annotations

import pytest

from edge.drivers.keypad import KeypadConfig, PinKeypad
from edge.errors import ConfigError
from firmware_sim.pins import KeyMatrix

ROWS, COLUMNS = (5, 6, 13, 19), (16, 20, 21)
CONFIG = KeypadConfig(ROWS, COLUMNS)


class World:
    def __init__(self) -> None:
        self.matrix = KeyMatrix(ROWS, COLUMNS, CONFIG.keys)
        self.told: list[str] = []
        self.keypad = PinKeypad(CONFIG, self.told.append, self.matrix.factory)

    def scans(self, count: int = 3) -> None:
        for _ in range(count):
            self.keypad.scan()

    def hit(self, *keys: str) -> None:
        self.matrix.press(*keys)
        self.scans()
        self.matrix.let_go()
        self.scans()


@pytest.fixture
def world():
    made = World()
    yield made
    made.keypad.close()
    made.matrix.factory.close()


def test_each_key_is_told_once_however_long_it_is_held(world):
    for key in "1234567890*#":
        world.matrix.press(key)
        world.scans(20)
        world.matrix.let_go()
        world.scans()
    assert "".join(world.told) == "1234567890*#"


def test_a_key_seen_by_one_scan_only_is_a_bounce(world):
    world.matrix.press("5")
    world.scans(1)
    world.matrix.let_go()
    world.scans()
    assert world.told == []


def test_two_keys_at_once_tell_nothing_and_neither_does_the_one_left(world):
    world.hit("1", "9")
    assert world.told == []
    world.matrix.press("1", "2")
    world.scans()
    world.matrix.let_go()
    world.matrix.press("2")
    world.scans()
    assert world.told == []
    world.matrix.let_go()
    world.scans()
    world.hit("2")
    assert world.told == ["2"]


def test_no_row_stays_driven_between_scans(world):
    world.hit("5")
    assert {world.matrix.factory.pin(pin).function for pin in (*ROWS, *COLUMNS)} == {"input"}


@pytest.mark.parametrize("wrong", [
    {"keys": ("123",)}, {"keys": ("123", "456", "789", "*0A")}, {"keys": ("113", "456", "789", "*0#")},
    {"column_pins": (5, 20, 21)}, {"row_pins": (), "column_pins": (), "keys": ()},
], ids=["shape", "letter", "twice", "pin_twice", "nothing"])  # fmt: skip
def test_a_keypad_that_contradicts_itself_is_refused(wrong):
    with pytest.raises(ConfigError):
        KeypadConfig(**{"row_pins": ROWS, "column_pins": COLUMNS} | wrong)
