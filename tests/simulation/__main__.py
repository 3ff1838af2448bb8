"""`python -m tests.simulation`: the healthy fleet over many seeds, then every planted fault until it is caught."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import replace
from typing import Any

from tests.simulation.faults import FAULTS
from tests.simulation.oracle import Violation
from tests.simulation.run import Outcome, run_seed
from tests.simulation.weather import Weather, weather_of
from tests.simulation.wires import PLANTS, run_wires


def main() -> int:
    options = _options()
    report = {"healthy": _healthy(options) if "healthy" not in options.skip else None}
    names = [] if options.seeds_only else options.fault or [*FAULTS, *PLANTS]
    report["faults"] = {name: _hunt(name, options) for name in names}
    if names and not options.json:
        _table(report["faults"])
    if options.json:
        print(json.dumps(report))
    missed = [name for name, seeds in report["faults"].items() if seeds is None]
    if missed:
        print(f"not caught within {options.within} seeds: {', '.join(missed)}", file=sys.stderr)
    healthy = report["healthy"]
    if names and not options.fault and (broken := _wires(options)) is not None:
        print(f"wires, seed {broken[0]}: {broken[1]}", file=sys.stderr)
        return 1
    return 1 if missed or (healthy and healthy["failed"]) else 0


def _healthy(options: argparse.Namespace) -> dict[str, Any]:
    began_s = time.process_time()
    stats: Counter[str] = Counter()
    failed: list[int] = []
    hours = 0.0
    for seed in range(options.first, options.first + options.seeds):
        outcome = run_seed(seed, weather=_weather(seed, options))
        stats += outcome.stats
        hours += outcome.device_hours
        if outcome.violation is not None:
            failed.append(seed)
            show(outcome)
            if len(failed) >= options.stop_after:
                break
    cpu_s = time.process_time() - began_s
    _say(
        options, f"healthy: {len(failed)} of {options.seeds} seeds failed; {hours:.0f} device-hours, {cpu_s:.0f} CPU s"
    )
    _say(options, "  " + ", ".join(f"{count} {name}" for name, count in sorted(stats.items())))
    return {"failed": failed, "seeds": options.seeds, "device_hours": round(hours), "cpu_s": round(cpu_s, 1), **stats}


def _wires(options: argparse.Namespace) -> tuple[int, Violation] | None:
    """The last metres without a planted fault: the first seed that breaks a rule."""
    for seed in range(options.first, options.first + options.seeds):
        if (violation := run_wires(seed)) is not None:
            return seed, violation
    _say(options, f"wires: 0 of {options.seeds} seeds failed")
    return None


def _hunt(name: str, options: argparse.Namespace) -> int | None:
    """How many seeds it took to catch the fault; None when it got away."""
    began_s = time.process_time()
    for count in range(1, options.within + 1):
        seed = options.first + count - 1
        violation = _planted(name, seed, options)
        if violation is not None:
            cpu_s = time.process_time() - began_s
            _say(options, f"{name}: caught by seed {seed} ({count}), {cpu_s:.0f} CPU s: {violation.rule}")
            return count
    _say(options, f"{name}: NOT CAUGHT")
    return None


def _planted(name: str, seed: int, options: argparse.Namespace) -> Violation | None:
    if name in PLANTS:
        return run_wires(seed, PLANTS[name][1])
    return run_seed(seed, FAULTS[name].parts, _weather(seed, options)).violation


def _table(caught: dict[str, int | None]) -> None:
    """What was planted, what its author thought, and how many seeds it lived."""
    print(f"\n{'planted fault':<32} {'seeds':>6}  what its author thought")
    for name, seeds in caught.items():
        says = PLANTS[name][0] if name in PLANTS else FAULTS[name].says
        print(f"{name:<32} {seeds or 'missed':>6}  {says}")


def _weather(seed: int, options: argparse.Namespace) -> Weather:
    drawn = weather_of(seed)
    return drawn if options.hours is None else replace(drawn, hours=options.hours)


def _say(options: argparse.Namespace, text: str) -> None:
    if not options.json:
        print(text, flush=True)


def show(outcome: Outcome) -> None:
    """The last events, the rule that broke, and how to see it again."""
    violation = outcome.violation
    assert violation is not None
    for line in outcome.lines:
        print("   ", line, file=sys.stderr)
    print(f"seed {outcome.seed}: {violation.rule} at {violation.device_id}: {violation.what}", file=sys.stderr)
    again = f"python -m tests.simulation --first {outcome.seed} --seeds 1 --seeds-only --hours {outcome.weather.hours}"
    print(f"again: {again}", file=sys.stderr)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="of the healthy fleet")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--hours", type=int, help="of trouble in each run, instead of the seed's own")
    parser.add_argument("--within", type=int, default=200, help="seeds that a planted fault has to be caught by")
    parser.add_argument(
        "--fault", action="append", choices=sorted([*FAULTS, *PLANTS]), help="only these planted faults"
    )
    parser.add_argument("--skip", action="append", default=[], choices=["healthy"])
    parser.add_argument("--seeds-only", action="store_true", help="no planted faults")
    parser.add_argument("--stop-after", type=int, default=1, help="failed seeds")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
