"""`python -m tests.storm`: 2,000 devices lose one broker and come back with 50 events each; exit 1 on any loss.

Progress goes to stderr, one JSON summary to stdout. The time to drained is told and judged by the benchmark `storm`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.storm.rig import StormRig, Tell, Terms


def storm(terms: Terms, tell: Tell, *, keep: bool = False) -> dict[str, Any]:
    """Run one storm in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="storm-"))
    try:
        return asyncio.run(StormRig(terms, folder, tell).run())
    finally:
        if keep:
            tell(f"kept {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """0: every event of every device arrived once; 1: not."""
    parser = argparse.ArgumentParser(prog="python -m tests.storm", description=__doc__)
    parser.add_argument("--devices", type=int, default=2000)
    parser.add_argument("--events", type=int, default=50, help="of each device")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave the run's folder")
    parser.add_argument("--json", action="store_true", help="no progress, only the summary")
    asked = parser.parse_args()
    tell: Tell = (lambda text: None) if asked.json else (lambda text: print(text, file=sys.stderr, flush=True))
    summary = storm(Terms(asked.devices, asked.events, seed=asked.seed), tell, keep=asked.keep)
    passed = summary["drained_devices"] == asked.devices and not summary["lost"] and not summary["duplicates"]
    print(json.dumps({"name": "storm", "passed": passed, **summary}))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
