"""`python -m tests.chaos`: 80,000 events over each broker under resets and kills; exit 1 unless every one arrived once.

Progress goes to stderr, one JSON summary to stdout. The faults of a seed are the same ones in the same order; what
they hit depends on the machine's timing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.chaos.brokers import KINDS
from tests.chaos.faults import REQUIRED, Fault
from tests.chaos.rig import ChaosRig, Terms

WANTED = {Fault.RESET: 36, Fault.BRIDGE: 11, Fault.BROKER: 5, Fault.DEVICE: 6}
LIMIT_S = 570.0


def main() -> int:
    """0: every event once; 1: a loss, a gap, a duplicate, too few faults, or out of time."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--broker", choices=(*KINDS, "all"), default="all")
    parser.add_argument("--events", type=int, default=80_000)
    parser.add_argument("--devices", type=int, default=4)
    parser.add_argument("--group", type=int, default=50, help="events of a commit, at most")
    parser.add_argument("--span", type=float, default=150.0, help="seconds over which events and faults are spread")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave each run's folder, for looking into it")
    parser.add_argument("--json", action="store_true", help="no progress, only the summary")
    asked = parser.parse_args()
    tell = (lambda text: None) if asked.json else (lambda text: print(text, file=sys.stderr, flush=True))
    began_s = time.monotonic()
    runs = [_run(kind, asked, tell) for kind in (KINDS if asked.broker == "all" else (asked.broker,))]
    passed = all(run["passed"] for run in runs)
    print(json.dumps({"name": "chaos", "passed": passed, "seconds": round(time.monotonic() - began_s), "runs": runs}))
    return 0 if passed else 1


def _run(kind: str, asked: argparse.Namespace, tell: Callable[[str], None]) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{kind}-"))
    terms = Terms(kind, asked.events, asked.devices, asked.group, asked.span, LIMIT_S, asked.seed, WANTED, REQUIRED)
    try:
        summary = asyncio.run(ChaosRig(terms, folder, tell).run())
        tell(f"{kind}: {'passed' if summary['passed'] else 'FAILED'} {json.dumps(summary)}")
        return summary
    finally:
        if asked.keep:
            tell(f"{kind}: kept {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
