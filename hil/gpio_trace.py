"""Reads the kernel's own record of its pins: the `gpio` trace events and the list of chips. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hil.trace import Edge

_EVENT = re.compile(
    r"\s(?P<seconds>\d+)\.(?P<micros>\d{6}): gpio_(?:value: (?P<value_no>\d+) (?P<what>set|get) (?P<level>[01])"
    r"|direction: (?P<direction_no>\d+)\s+(?P<direction>in|out) \((?P<error>-?\d+)\))"
)
_CHIP = re.compile(
    r"gpiochip(?P<chip>\d+): GPIOs (?P<first>\d+)-(?P<last>\d+)(?:, parent: [^,]+)?, (?P<label>[^,:]+)(?:, can sleep)?:"
)


@dataclass(frozen=True, slots=True)
class Chip:
    """One GPIO chip: its device number, and the kernel's numbers of its lines."""

    number: int
    first: int
    lines: int


def find_chip(listing: str, label: str) -> Chip | None:
    """The chip of that label in `/sys/kernel/debug/gpio`; chips are never known by their number."""
    for found in _CHIP.finditer(listing):
        if found["label"].strip() == label:
            first = int(found["first"])
            return Chip(int(found["chip"]), first, int(found["last"]) - first + 1)
    return None


def read_trace(text: str, chip: Chip) -> tuple[Edge, ...]:
    """The edges in a trace, oldest first.

    A line that becomes an output is reported by the kernel as a value and then a direction; both are of one moment.
    """
    edges: list[Edge] = []
    levels: dict[int, bool] = {}
    for found in _EVENT.finditer(text):
        at_us = int(found["seconds"]) * 1_000_000 + int(found["micros"])
        number = int(found["value_no"] or found["direction_no"]) - chip.first
        if not 0 <= number < chip.lines or found["what"] == "get" or (found["error"] or "0") != "0":
            continue
        if found["what"] == "set":
            levels[number] = found["level"] == "1"
            edges.append(Edge(at_us, number, levels[number]))
        elif found["direction"] == "in":
            edges.append(Edge(at_us, number, levels.get(number, False), driven=False))
    return tuple(edges)
