"""A short swarm of the healthy fleet, and faults that must not get past it. `make sim` runs many more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.simulation.faults import FAULTS
from tests.simulation.run import Outcome, run_seed
from tests.simulation.weather import weather_of
from tests.simulation.wires import PLANTS, run_wires

SEEDS, GROUPS, HOURS = 50, 10, 1


def told(outcome: Outcome) -> str:
    again = f"python -m tests.simulation --first {outcome.seed} --seeds 1 --seeds-only --hours {outcome.weather.hours}"
    return "\n".join((*outcome.lines, f"{outcome.violation}", f"again: {again}"))


@pytest.mark.parametrize("first", range(0, SEEDS, SEEDS // GROUPS))
def test_fleet_in_any_weather_keeps_every_rule(first: int) -> None:
    for seed in range(first, first + SEEDS // GROUPS):
        outcome = run_seed(seed, weather=replace(weather_of(seed), hours=HOURS))
        assert outcome.violation is None, told(outcome)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("attempt_counted_after_compare", "attempt_before_compare"),
        ("cursor_moved_on_puback", "receipt_within_durable"),
        ("pulse_repeated", "pulse_has_authority"),
        ("unsynced_commit", "returned_is_durable"),
    ],
)
def test_fleet_with_a_planted_fault_is_caught(name: str, rule: str) -> None:
    caught = (run_seed(seed, FAULTS[name].parts).violation for seed in range(20))
    violation = next((found for found in caught if found is not None), None)
    assert violation is not None and violation.rule == rule


def test_wires_keep_every_rule() -> None:
    for seed in range(25):
        assert run_wires(seed) is None, f"wires, seed {seed}"


@pytest.mark.parametrize("name", PLANTS)
def test_wires_with_a_planted_driver_are_caught(name: str) -> None:
    assert any(run_wires(seed, PLANTS[name][1]) is not None for seed in range(20))


def test_run_of_the_same_seed_is_the_same_run() -> None:
    first, second = run_seed(7), run_seed(7)
    assert first.digest == second.digest and first.lines == second.lines
