"""`python -m tests.fuzz`: every parser for some seconds, a planted mistake first; what falls is kept on disk."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.seeds import write_seeds
from tests.fuzz.targets import PLANTED, TARGETS

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / ".cache" / "fuzz"
MAX_INPUT_BYTES = 400
PLANTED_S = 120
_STATS = re.compile(r"#(\d+)\s+DONE\s+cov: (\d+)")


@dataclass(frozen=True, slots=True)
class Run:
    """One target's end: `crash` is the input that broke it, kept on disk."""

    name: str
    runs: int
    coverage: int
    crash: Path | None
    said: str


def main() -> int:
    """0: every parser held and the planted mistake was found; 1 otherwise."""
    options = _options()
    if options.repro is not None:
        (name,) = options.target
        {**TARGETS, **PLANTED}[name](options.repro.read_bytes())
        print(f"{name} takes {options.repro}")
        return 0
    fallen = []
    if not options.target:
        found = fuzz("planted", PLANTED_S)
        print(f"planted mistake: {'found by ' + str(found.crash) if found.crash else 'NOT FOUND'}", flush=True)
        fallen += [] if found.crash else ["planted"]
    for name in options.target or TARGETS:
        run = fuzz(name, options.seconds)
        print(f"{name:<20} {run.runs:>9,} inputs  {run.coverage:>5} edges  {run.crash or 'holds'}", flush=True)
        if run.crash is not None:
            fallen.append(name)
            print(run.said, file=sys.stderr)
            print(f"again: python -m tests.fuzz --target {name} --repro {run.crash}", file=sys.stderr)
    return 1 if fallen else 0


def fuzz(name: str, seconds: int) -> Run:
    """One target in a process of its own; what it learns is kept for the next time."""
    learned, crashes = KEPT / name, KEPT / "crashes"
    for folder in (learned, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as seeds:
        write_seeds(Path(seeds))
        words = ["-m", "tests.fuzz.one", name, f"-max_total_time={seconds}", f"-max_len={MAX_INPUT_BYTES}"]
        words += [f"-artifact_prefix={crashes}/{name}-", "-timeout=10", "-print_final_stats=0", str(learned), seeds]
        done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, errors="replace")
    said = done.stdout + done.stderr
    stats = _STATS.search(said)
    runs, coverage = (int(stats[1]), int(stats[2])) if stats else (0, 0)
    crash = re.search(r"Test unit written to (\S+)", said)
    if done.returncode and crash is None:
        raise SystemExit(f"{name} could not be run:\n{said[-2000:]}")
    return Run(name, runs, coverage, Path(crash[1]) if crash else None, said[-3000:])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=15, help="for each target")
    parser.add_argument("--target", action="append", choices=sorted([*TARGETS, *PLANTED]), help="only these")
    parser.add_argument("--repro", type=Path, help="run one target once over this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
