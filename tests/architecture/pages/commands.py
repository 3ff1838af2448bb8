"""docs/reference/commands.md: every command of the five deployables with its options."""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import typer

from tests.architecture.pages.markdown import code, first_sentence, head, table
from tests.architecture.tracked import ROOT

EXITS = (
    ("0", "done"), ("1", "error"), ("2", "wrong usage or configuration"), ("3", "not found"), ("4", "conflict"),
    ("5", "invalid data, or against the policy"), ("6", "finished with problems"), ("7", "timed out, or offline"),
)  # fmt: skip

WORDS = {str: "text", int: "whole number", Path: "path", float: "number"}


def commands() -> str:
    lead = (
        "One command for each deployable. Text for people goes to stderr, results to stdout; with `--json` "
        "stdout holds one "
        "JSON document and nothing else."
    )
    return head("Commands", lead) + "".join(_script(name) for name in scripts()) + _exits()


def scripts() -> dict[str, str]:
    """Console scripts of the distribution: name → `module:function`."""
    found: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    return found


def _exits() -> str:
    return "\n## Exit codes\n\n" + table(("code", "meaning"), EXITS)


def _script(name: str) -> str:
    module = importlib.import_module(scripts()[name].partition(":")[0])
    root = typer.main.get_command(module.app)
    body = "".join(_command(path, command) for path, command in walk(name, root))
    about = first_sentence(root.help or getattr(module, "__doc__", ""))
    return f"\n## {name}\n\n{about}\n" + body


def walk(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with the words that lead to it."""
    children = getattr(command, "commands", None)
    if not children:
        yield path, command
        return
    for name in sorted(children):
        yield from walk(f"{path} {name}", children[name])


def _command(path: str, command: Any) -> str:
    params = [param for param in command.params if param.name != "help"]
    arguments = [param for param in params if param.param_type_name == "argument"]
    usage = " ".join(
        [path, *("[OPTIONS]" for _ in params[len(arguments) : len(arguments) + 1]), *map(_metavar, arguments)]
    )
    rows = [(_flags(param), _kind(param), _default(param), getattr(param, "help", "") or "") for param in params]
    text = f"\n### {path}\n\n{first_sentence(command.help)}\n\n```\n{usage}\n```\n"
    return text + ("\n" + table(("option", "value", "default", "meaning"), rows) if rows else "")


def _metavar(param: Any) -> str:
    name = (param.metavar or param.name).upper()
    return f"{name}..." if param.nargs == -1 else name if param.required else f"[{name}]"


def _flags(param: Any) -> str:
    if param.param_type_name == "argument":
        return code(_metavar(param))
    return ", ".join(code(flag) for flag in (*param.opts, *param.secondary_opts))


def _kind(param: Any) -> str:
    if getattr(param, "is_flag", False):
        return "flag"
    kind = param.type_descriptor.annotation
    kinds = [item for item in get_args(kind) or (kind,) if item is not type(None)]
    if isinstance(kinds[0], type) and issubclass(kinds[0], Enum):
        return ", ".join(code(item.value) for item in kinds[0])
    low, high = param.min, param.max
    bounds = f" {low} to {high}" if low is not None and high is not None else f" from {low}" if low is not None else ""
    return WORDS.get(kinds[0], "text") + bounds


def _default(param: Any) -> str:
    variable = getattr(param, "envvar", None)
    where = f" (or {code(variable)})" if variable else ""
    if param.required:
        return f"**needed**{where}"
    value = getattr(param.default, "value", param.default)
    if callable(value) or value is None or value is False or value == () or "Sentinel" in type(value).__name__:
        return where.strip()
    return f"{code(value)}{where}" if value is not True else f"on{where}"
