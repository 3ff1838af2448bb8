"""Where things may lie, what they may be called, and how long they may grow."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.tracked import PACKAGES, ROOT, is_text, modules, tracked

TOP_LEVEL = {*PACKAGES, "tests", "docs", "pyproject.toml", "Makefile", "README.md", "LICENSE"}
BANNED_NAMES = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc", "shared", "base"}
MAX_LINES = 300
# Tables and what has no seam, each with its reason; the figure is the most it may grow to.
LONGER = {
    "cloud_bridge/lockers/service.py": (320, "the use cases of lockers, one short method each"),
    "edge/wire/messages.py": (420, "one frozen dataclass with its codec for each of ten messages"),
    "cloud_bridge/storage/migrations/versions/0001_first_tables.py": (560, "a frozen table of tables"),
    "cloud_bridge/storage/migrations/versions/0004_complete_flows.py": (350, "a frozen table of tables"),
}
# Spelled in two parts, so that this file is not its own finding.
MACHINE_PATHS = re.compile("|".join(("/wo" + "rk/", "/ho" + r"me/\w", "/Us" + r"ers/\w")))
PACKAGE_HOSTS = re.compile(
    "|".join((r"pypi\." + "org", r"pythonhosted\." + "org", r"npmjs\." + "org", r"registry\." + r"\w+\.\w"))
)
# An upstream's own lock format demands the address of what it pins; it names packages, not a machine.
HOSTS_ALLOWED = {"edge/screen/web/package-lock.json"}


def test_top_level_holds_only_the_houses_rooms() -> None:
    names = {path.parts[0] for path in tracked()}
    stray = {name for name in names - TOP_LEVEL if not name.startswith(".") and not re.search(r"\.lock$", name)}
    assert not stray, f"move these below docs/, tests/ or a deployable: {sorted(stray)}"


def test_every_package_says_what_it_is() -> None:
    silent = [
        str(path)
        for path in modules()
        if path.name == "__init__.py" and not ast.get_docstring(ast.parse((ROOT / path).read_text("utf-8")))
    ]
    assert not silent, f"without a docstring: {silent}"


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for path in modules() if "migrations" not in path.parts}
    bare = sorted(str(folder) for folder in folders if not (ROOT / folder / "__init__.py").exists())
    assert not bare, f"without __init__.py: {bare}"


def test_every_module_begins_with_its_contract() -> None:
    silent = [
        str(path) for path in modules()
        if "versions" not in path.parts and not ast.get_docstring(ast.parse((ROOT / path).read_text("utf-8")))
    ]  # fmt: skip
    assert not silent, f"without a docstring: {silent}"


def test_no_module_is_named_after_nothing() -> None:
    vague = [str(path) for path in tracked() if path.suffix == ".py" and path.stem.lower() in BANNED_NAMES]
    assert not vague, f"name these after the one thing they hold: {vague}"


def test_modules_stay_small() -> None:
    lengths = {str(path): len((ROOT / path).read_text("utf-8").splitlines()) for path in modules()}
    long = {path: lines for path, lines in lengths.items() if lines > LONGER.get(path, (MAX_LINES, ""))[0]}
    assert not long, f"split these, or state the reason in LONGER: {long}"


def test_list_of_longer_modules_names_only_what_is_longer() -> None:
    needless = [
        path for path in LONGER
        if not (ROOT / path).exists() or len((ROOT / path).read_text("utf-8").splitlines()) <= MAX_LINES
    ]  # fmt: skip
    assert not needless, f"strike these from LONGER: {needless}"


@pytest.mark.parametrize(("pattern", "allowed"), [(MACHINE_PATHS, set()), (PACKAGE_HOSTS, HOSTS_ALLOWED)],
                         ids=["machine path", "package host"])  # fmt: skip
def test_no_file_names_the_machine_it_was_made_on(pattern: re.Pattern[str], allowed: set[str]) -> None:
    found = [
        f"{path}:{number}"
        for path in tracked()
        if str(path) not in allowed and is_text(path)
        for number, line in enumerate((ROOT / path).read_text("utf-8", "replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, f"a path or host of somebody's machine: {found[:20]}"


def test_scan_for_machine_names_finds_a_planted_one() -> None:
    assert MACHINE_PATHS.search(str(Path("/wo" + "rk") / "main"))
    assert PACKAGE_HOSTS.search("https://files.pythonhosted" + ".org/x")
