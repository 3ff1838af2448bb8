"""docs/reference/errors.md: every error class with its code, what it means and what helps."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from cloud_bridge.errors import CloudError
from cloud_bridge.http.problem import HttpProblem
from edge.errors import EdgeError
from edge.wire.errors import WireError
from firmware_sim.errors import SimError
from hil.errors import RigError
from provisioning.errors import ProvisioningError
from tests.architecture.pages.markdown import code, first_sentence, head, table
from tests.architecture.tracked import PACKAGES, ROOT, modules

ROOTS: tuple[tuple[str, type[Any]], ...] = (
    ("Wire contract", WireError), ("Device", EdgeError), ("Cloud bridge", CloudError),
    ("Provisioning", ProvisioningError), ("Simulators", SimError), ("Rigs and the demo", RigError),
)  # fmt: skip
_TREE_LINE = re.compile(r"^[│ ]*[├└]── (\w+)\s+(?:\d\s+)?(.*?)(?:\s+\(HTTP \d+\))?$")


def errors() -> str:
    load_everything()
    remedies = found_remedies()
    lead = (
        "Every error says what is wrong, where, and what helps (`remedy`); `retry` says whether trying again can help: "
        "`never`, `after_s` (later), `after_reset` (after somebody mended something). Over HTTP an error is a problem "
        "document (RFC 9457) with the same `code`. The remedies below are those that the code gives; `…` stands for a "
        "value."
    )
    return head("Errors", lead) + "".join(_family(title, root, remedies) for title, root in ROOTS) + _problems()


def load_everything() -> None:
    """Import every module, so that subclasses outside the errors files are known."""
    for name in PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
            if not module.name.endswith("__main__") and ".migrations." not in module.name:
                importlib.import_module(module.name)


def classes(root: type[Any]) -> Iterator[type[Any]]:
    """`root` and all below it that ship, parents first."""
    yield root
    for child in sorted(root.__subclasses__(), key=_place):
        if child.__module__.split(".")[0] in PACKAGES and child is not HttpProblem and child.__name__[0] != "_":
            yield from classes(child)


def _place(found: type[Any]) -> tuple[bool, str, int]:
    """Where a class stands: errors files first, in the order of their lines."""
    line = inspect.getsourcelines(found)[1]
    return not found.__module__.endswith("errors"), found.__module__, line


def _family(title: str, root: type[Any], remedies: Mapping[str, list[str]]) -> str:
    rows = []
    for found in dict.fromkeys(classes(root)):
        rows.append((code(found.code), code(found.__name__), meaning(found), _outside(found), found.retry,
                     " · ".join(sorted(remedies.get(f"{found.__module__}.{found.__name__}", ())))))  # fmt: skip
    columns = ("code", "class", "meaning", "outside", "retry", "what helps")
    return f"\n## {title}\n\n" + table(columns, rows)


def _outside(found: type[Any]) -> str:
    """How it ends outside the process: an HTTP status or an exit code."""
    if issubclass(found, CloudError):
        return f"HTTP {found.status}" if found.status != CloudError.status else ""
    if issubclass(found, ProvisioningError):
        return f"exit {found.exit_code}"
    return ""


def meaning(found: type[Any]) -> str:
    """From the tree in the docstring of its errors file, else from the class."""
    if found in dict(ROOTS).values():
        return "what all of these are"
    module = inspect.getmodule(found)
    lines = inspect.getdoc(module).splitlines() if isinstance(module, ModuleType) and inspect.getdoc(module) else []
    for line in lines:
        match = _TREE_LINE.match(line)
        if match and match[1] == found.__name__:
            return match[2].strip()
    return first_sentence(found.__doc__)


def found_remedies() -> dict[str, list[str]]:
    """`module.Class` → the remedies given where it is raised."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in modules():
        tree = ast.parse((ROOT / path).read_text("utf-8"))
        names = _imported_names(tree, ".".join(path.with_suffix("").parts))
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            remedy = next((word.value for word in call.keywords if word.arg == "remedy"), None)
            text = _text(remedy)
            target = names.get(call.func.id) if isinstance(call.func, ast.Name) else None
            if _says_something(text) and target and text not in found[target]:
                found[target].append(text)
    return found


def _says_something(text: str) -> bool:
    """Not only a value: two words that stand in the code."""
    return len(re.findall(r"[A-Za-z][a-z]+", text)) >= 2


def _imported_names(tree: ast.Module, here: str) -> dict[str, str]:
    names = {node.name: f"{here}.{node.name}" for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _text(node: ast.expr | None) -> str:
    """A literal remedy; in an f-string every value becomes `…`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return ""


def _problems() -> str:
    """Codes that only the HTTP layer gives: `HttpProblem(status, code, …)`."""
    rows: dict[tuple[int, str], str] = {}
    for path in modules():
        if path.parts[0] != "cloud_bridge":
            continue
        for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "HttpProblem":
                status, name, what = ([*node.args, None, None, None])[:3]
                if isinstance(status, ast.Constant) and isinstance(name, ast.Constant):
                    rows[int(status.value), str(name.value)] = _text(what)
    found = [(str(status), code(name), text) for (status, name), text in sorted(rows.items())]
    return "\n## Problems of the HTTP layer\n\n" + table(("status", "code", "what"), found)
