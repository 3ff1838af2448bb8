"""Markdown as values: a cell, a table, a page's head."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def head(title: str, lead: str) -> str:
    """Title, the note that the page is made, and one paragraph."""
    return f"# {title}\n\nMade from the code by `make docs`; do not edit.\n\n{lead}\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; every cell is escaped and on one line."""
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(cell(item) for item in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split()) or " "


def code(text: object) -> str:
    """Inline code; a text without anything stays empty."""
    shown = str(text)
    return f"`{shown}`" if shown else ""


def first_sentence(docstring: str | None) -> str:
    """The contract: a docstring's first paragraph on one line."""
    return " ".join((docstring or "").strip().split("\n\n")[0].split())
