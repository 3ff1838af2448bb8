"""Sections as TOML, and their place in a configuration file: theirs are replaced, every other line stays as it is."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

_HEADER = re.compile(r"\s*\[\[?\s*\"?([A-Za-z0-9_-]+)")

Table = Mapping[str, Any]


def render(tables: Mapping[str, Table | Sequence[Table]]) -> str:
    """TOML of top-level tables and arrays of tables. Members that are None are left out."""
    parts: list[str] = []
    for name, value in tables.items():
        if isinstance(value, Mapping):
            parts += _table(name, f"[{name}]", value)
        else:
            parts += [line for table in value for line in _table(name, f"[[{name}]]", table)]
    return "\n".join(parts).strip() + "\n"


def replace_tables(text: str, names: Collection[str], fresh: str) -> str | None:
    """`text` without the tables of these names, and with `fresh` at its end; None when that cannot be done safely."""
    kept: list[str] = []
    mine = False
    for line in text.splitlines():
        if (header := _HEADER.match(line)) is not None:
            mine = header[1] in names
        if not mine:
            kept.append(line)
    body = "\n".join(kept).rstrip() + "\n\n" + fresh
    try:
        before, after = tomllib.loads(text), tomllib.loads(body)
    except tomllib.TOMLDecodeError:
        return None
    others = [{key: value for key, value in whole.items() if key not in names} for whole in (before, after)]
    return body if others[0] == others[1] else None


def _table(name: str, header: str, table: Table) -> list[str]:
    nested = {key: value for key, value in table.items() if _is_tables(value)}
    lines = [
        header,
        *(f"{key} = {_value(value)}" for key, value in table.items() if key not in nested and value is not None),
    ]
    for key, tables in nested.items():
        for item in tables:
            lines += ["", *_table(f"{name}.{key}", f"[[{name}.{key}]]", item)]
    return ["", *lines] if lines[-1] else ["", *lines[:-1]]


def _is_tables(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and isinstance(value[0], Mapping)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items() if item is not None) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
