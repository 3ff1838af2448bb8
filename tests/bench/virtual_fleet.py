"""`virtual_fleet`: device-hours of the simulated fleet per CPU second, with the real code and real signatures."""

from __future__ import annotations

import statistics
import time
from typing import Any

from tests.simulation.run import Outcome, run_seed
from tests.simulation.weather import Weather

EVENTS_PER_HOUR = 6
GOAL = 300
ROUNDS = 5
# A courier brings four parcels in one visit, told to the locker in one manifest; each recipient comes alone within half
# an hour, every second one with a PIN. That is 14 to 15 events a parcel: visits, authorities, doors, custody, PINs, and
# the desired documents that the device takes over.
LOAD = Weather(
    devices=10, compartments=6, hours=24, parcels_per_hour=0.66, parcels_a_round=4, wrong_pin=0.0, mistyped=0.0,
    changes_mind=0.0, leaves_open=0.0, tick_s=60,
)  # fmt: skip


def run() -> dict[str, Any]:
    """Median of five seeds; every run ends with the same judgement as in the tests."""
    began = time.perf_counter()
    rates, outcomes = [], []
    for seed in range(ROUNDS):
        cpu_s = time.process_time()
        outcome = run_seed(seed, weather=LOAD)
        rates.append(outcome.device_hours / (time.process_time() - cpu_s))
        outcomes.append(outcome)
    value = statistics.median(rates)
    return {
        "name": "virtual_fleet",
        "value": round(value, 1),
        "unit": "device-hours per CPU second",
        "goal": f">= {GOAL} at {EVENTS_PER_HOUR} events an hour",
        "met": value >= GOAL and not any(outcome.violation for outcome in outcomes),
        "seconds": round(time.perf_counter() - began, 1),
        "note": f"{_load(outcomes)}; rounds {min(rates):.1f} to {max(rates):.1f}",
    }


def _load(outcomes: list[Outcome]) -> str:
    events = sum(outcome.stats["events"] for outcome in outcomes)
    commits = sum(outcome.stats["appends"] for outcome in outcomes)
    hours = sum(outcome.device_hours for outcome in outcomes)
    rates = f"{events / hours:.1f} events in {commits / hours:.1f} commits an hour"
    parcels = sum(outcome.stats["recipients"] for outcome in outcomes)
    rounds = f"{parcels} parcels, {LOAD.parcels_a_round} a courier's visit, each collected alone"
    return f"{LOAD.devices} lockers for {LOAD.hours} h, {rounds}, {rates}"
