"""`python -m tests.bench [NAMES]`: run the benchmarks, one JSON line each, and write docs/bench from all results.

A goal that is missed is told and fails nothing; a benchmark that breaks is told, and ends the run with 1.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sqlite3
import sys
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.report import page

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "bench"
FIELDS = ("name", "value", "unit", "limit", "ratio", "goal", "met", "machine", "seconds", "note")


def available() -> list[str]:
    """The modules beside this one that define `run`."""
    here = Path(__file__).parent
    return sorted(path.stem for path in here.glob("*.py") if "\ndef run(" in path.read_text("utf-8"))


def machine() -> str:
    """Processor, cores, memory, Python and SQLite: what a figure depends on."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), platform.machine())
    cores = sum(line.startswith("processor") for line in info)
    memory_kib = int(Path("/proc/meminfo").read_text().split()[1])
    return (
        f"{cores} × {model}, {memory_kib / 2**20:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def run_one(name: str, where: str) -> dict[str, Any]:
    """One benchmark's result with every field; further members of its own come last."""
    began_s = time.perf_counter()
    found = importlib.import_module(f"tests.bench.{name}").run()
    result = {"limit": None, "ratio": None, "seconds": round(time.perf_counter() - began_s, 1), **found}
    result |= {"machine": where}
    missing = [field for field in FIELDS if field not in result]
    if missing:
        raise ValueError(f"{name} says nothing about {', '.join(missing)}")
    return {field: result.pop(field) for field in FIELDS} | result


def keep(result: dict[str, Any]) -> None:
    """Put this result beside the kept ones, and make the page anew."""
    file = FOLDER / "results.json"
    kept = {row["name"]: row for row in json.loads(file.read_text("utf-8"))} if file.exists() else {}
    kept[result["name"]] = result | {"measured_on": datetime.now(UTC).date().isoformat()}
    rows = [kept[name] for name in sorted(kept)]
    FOLDER.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (FOLDER / "README.md").write_text(page(rows), "utf-8")


def main(arguments: Sequence[str]) -> int:
    """0: all ran; 1: one broke; 2: no such benchmark."""
    known = available()
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; all without any")
    parser.add_argument("--no-write", action="store_true", help="leave docs/bench as it is")
    asked = parser.parse_args(arguments)
    unknown = sorted(set(asked.names) - set(known))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    where, broken = machine(), []
    for name in asked.names or known:
        try:
            result = run_one(name, where)
        except Exception:
            traceback.print_exc()
            broken.append(name)
            continue
        print(json.dumps(result, ensure_ascii=False), flush=True)
        if not asked.no_write:
            keep(result)
    for name in broken:
        print(f"{name} broke, see above", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
