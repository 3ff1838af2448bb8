"""`python -m tests.powercut`: cut the power hundreds of times; exit 1 on any loss, or if the harness proves nothing."""

from __future__ import annotations

import argparse
import json
import sys
import time

import apsw

from tests.powercut.machine import Machine, Tally
from tests.powercut.vfs import PowercutVFS

CUTS_PER_MACHINE = 20
CONTROL_SHARE = 5


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.powercut", description=__doc__)
    parser.add_argument("--cuts", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print only the summary, as one JSON line")
    arguments = parser.parse_args()
    began_s = time.perf_counter()
    full = cut(arguments.cuts, arguments.seed, unsafe=False, progress=not arguments.json)
    control = cut(max(20, arguments.cuts // CONTROL_SHARE), arguments.seed, unsafe=True, progress=not arguments.json)
    summary = summarise(full, control, time.perf_counter() - began_s)
    print(json.dumps(summary))
    return 0 if summary["passed"] else 1


def cut(cuts: int, seed: int, *, unsafe: bool, progress: bool = False) -> Tally:
    """Run machines of 20 cuts each until there were `cuts`; `unsafe` runs them with synchronous=NORMAL."""
    tally = Tally()
    vfs = PowercutVFS()
    number = 0
    while tally.cuts < cuts:
        machine = Machine(vfs, seed * 1_000_003 + number, tally, unsafe=unsafe)
        for _ in range(min(CUTS_PER_MACHINE, cuts - tally.cuts)):
            machine.live_and_cut()
        number += 1
        if progress and number % 5 == 0:
            name = "NORMAL" if unsafe else "FULL"
            counts = f"{tally.lost} lost, {tally.duplicated} repeated, {tally.corrupt} corrupt"
            print(f"synchronous={name}: {tally.cuts} of {cuts} cuts, {counts}", file=sys.stderr)
    vfs.unregister()
    return tally


def summarise(full: Tally, control: Tally, seconds: float) -> dict[str, object]:
    return {
        "name": "powercut",
        "passed": full.clean and control.lost > 0,
        "cuts": full.cuts,
        "acknowledged": full.acknowledged,
        "lost": full.lost,
        "duplicated": full.duplicated,
        "corrupt": full.corrupt,
        "wrong": full.wrong[:5],
        "checkpoints_verified": full.checkpoints,
        "control": {"synchronous": "NORMAL", "cuts": control.cuts, "lost": control.lost},
        "sqlite": apsw.sqlite_lib_version(),
        "seconds": round(seconds, 1),
    }


if __name__ == "__main__":
    raise SystemExit(main())
