"""The page of benchmark results, made from the results file alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

HEAD = """# Benchmarks

Made by `make bench` from `results.json`; do not edit. A figure counts against a limit or peer measured in the same run
(`ratio`), because absolute figures belong to one machine only. A goal that is not met is printed as not met.

| benchmark | value | limit or peer in the same run | ratio | goal | met | s |
|---|---|---|---|---|---|---|
"""

COMMON = frozenset(
    ["name", "value", "unit", "limit", "ratio", "goal", "met", "machine", "seconds", "note", "measured_on"]
)


def page(rows: Sequence[Mapping[str, Any]]) -> str:
    """The whole page in Markdown."""
    lines = [
        f"| `{row['name']}` | {number(row['value'])} {row['unit']} | {number(row['limit'])} | {number(row['ratio'])} | "
        f"{row['goal']} | {'yes' if row['met'] else '**no**'} | {number(row['seconds'])} |"
        for row in rows
    ]
    details = [line for row in rows for line in _detail(row)]
    return HEAD + "\n".join(lines) + "\n" + "\n".join(details) + "\n"


def _detail(row: Mapping[str, Any]) -> list[str]:
    shown = [
        f"\n## {row['name']}\n",
        f"{row['note']}.\n",
        f"Measured on {row.get('measured_on', '?')}, {row['machine']}.",
    ]
    for name in sorted(set(row) - COMMON):
        shown += _extra(name, row[name])
    return shown


def _extra(name: str, value: Any) -> list[str]:
    """A member that only this benchmark has: a table of rows, a spread, or one figure."""
    if isinstance(value, Mapping) and value and all(isinstance(item, Mapping) for item in value.values()):
        columns = list(next(iter(value.values())))
        head = f"\n| {name} | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}"
        return [
            head,
            *(f"| {key} | {' | '.join(number(item.get(c)) for c in columns)} |" for key, item in value.items()),
        ]
    if isinstance(value, Mapping):
        return ["", f"{name}: " + ", ".join(f"{key} {number(item)}" for key, item in value.items())]
    return ["", f"{name}: {number(value)}"]


def number(value: Any) -> str:
    """A figure as people read it; a spread as `from … to`."""
    if value is None:
        return "–"
    if isinstance(value, list | tuple):
        return " to ".join(number(item) for item in value)
    if isinstance(value, bool | str):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
