"""docs/reference/configuration.md: every key of every configuration file, from the models that check it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from cloud_bridge.settings import Settings
from edge.config import AgentConfig
from firmware_sim.config import LockerFile
from tests.architecture.pages.key_meanings import MEANINGS
from tests.architecture.pages.markdown import code, first_sentence, head, table

FILES: tuple[tuple[str, type[BaseModel], str, str], ...] = (
    ("Locker agent", AgentConfig, "PW_EDGE_", "`pw-edge locker --config FILE`; `pw-edge config show` prints all."),
    ("Cloud bridge", Settings, "PW_CLOUD_",
     "`pw-cloud serve --config FILE`; `pw-cloud config show` prints all, secrets masked."),
    ("Simulated locker", LockerFile, "", "`pw-sim locker --config FILE`, TOML or JSON: [simulator.md](simulator.md)."),
)  # fmt: skip


def configuration() -> str:
    lead = (
        "Files are TOML and checked strictly: an unknown key, a missing one or a value out of range ends the "
        "program with "
        "its name and what helps. Environment variables override the file; `__` separates a section from its key "
        "(`PW_EDGE_MQTT__PORT=8883` sets `mqtt.port`). `[]` stands for an entry of a list of tables. "
        "The bridge's sections `mqtt`, `smtp` and `sms` may be left out as a whole."
    )
    return head("Configuration", lead) + "".join(_file(*row) for row in FILES) + OTHERS


OTHERS = """
## Others

| variable | of | meaning |
|---|---|---|
| `PW_CLOUD_CONFIG` | `pw-cloud` | the file, instead of `--config` |
| `PW_FLEET_DIR` | `pw-provision` | the fleet's folder, instead of `--dir` |
"""


def _file(title: str, model: type[BaseModel], prefix: str, lead: str) -> str:
    rows = []
    for name, schema, needed in keys(model):
        scalar = prefix and "[]" not in name
        variable = code(prefix + name.upper().replace(".", "__")) if scalar else ""
        rows.append((code(name), schema_text(schema), _default(schema, needed), meaning(model, name), variable))
    columns = ("key", "value", "default", "meaning", "variable")
    contract = first_sentence(model.__doc__)
    return f"\n## {title}\n\n{lead} {contract}\n\n" + table(columns, rows)


def meaning(model: type[BaseModel], name: str) -> str:
    """What the key is for.

    Raises:
        KeyError: nobody has written it down yet: do so in key_meanings.py.
    """
    found = MEANINGS[model.__name__]
    plain = re.sub(r"\[\w*\]", "", name)
    return found[plain]


def keys(model: type[BaseModel]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Dotted name, schema and whether it must be given, for every key down to the last section."""
    schema = model.model_json_schema()
    yield from _walk(schema, schema.get("$defs", {}), "")


def _walk(schema: dict[str, Any], defs: dict[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, Any], bool]]:
    for name, raw in schema.get("properties", {}).items():
        sections, suffix = _sections(raw, defs)
        for section in sections:
            chosen = section["properties"].get("family", {}).get("const", "") if len(sections) > 1 else ""
            yield from _walk(section, defs, f"{prefix}{name}{f'[{chosen}]' if chosen else suffix}.")
        if not sections:
            yield prefix + name, raw, name in schema.get("required", ())


def _sections(raw: dict[str, Any], defs: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """The models below a key (several where a member chooses), and `[]` where it is a list of them."""
    inner, suffix = (raw["items"], "[]") if "items" in raw else (raw, "")
    options = [inner, *inner.get("anyOf", ()), *inner.get("oneOf", ()), *inner.get("allOf", ())]
    found = [defs[item["$ref"].rpartition("/")[2]] for item in options if "$ref" in item]
    return [item for item in found if "properties" in item], suffix


def schema_text(schema: dict[str, Any]) -> str:
    """A value's form in words."""
    if "const" in schema:
        return code(schema["const"])
    if "enum" in schema:
        return ", ".join(code(item) for item in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(schema_text(item) for item in schema["anyOf"] if item.get("type") != "null")
    if schema.get("type") == "array":
        return f"list of {schema_text(schema.get('items', {}))}"
    words = {"integer": "whole number", "boolean": "true or false", "string": "text", "number": "number"}
    kind = {"path": "path", "password": "secret text"}.get(
        schema.get("format", ""), words.get(schema.get("type", ""), "any")
    )
    low, high = schema.get("minimum"), schema.get("maximum")
    bounds = f"{low} to {high}" if low is not None and high is not None else f"from {low}" if low is not None else ""
    pattern = f"matching {code(schema['pattern'])}" if "pattern" in schema else ""
    return " ".join(part for part in (kind, bounds, pattern) if part)


def _default(schema: dict[str, Any], needed: bool) -> str:
    if needed:
        return "**needed**"
    value = schema.get("default")
    if value is None:
        return "none"
    return code(str(value).lower() if isinstance(value, bool) else value if value != "" else '""')
