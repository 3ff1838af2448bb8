"""Which locker for a parcel: of those that serve, the one that costs least, in metres of walking. Pure.

Everything that counts beside distance is put into metres: what a nearly full, shortly open or doubtful locker must be
nearer to be chosen all the same. Nothing is random and nothing depends on the order of the candidates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from cloud_bridge.lockers.assignment import Assignment
from cloud_bridge.lockers.opening_hours import DAY_MINUTES

STATES = frozenset({"out_of_service", "occupied", "reserved", "door_open"})


@dataclass(frozen=True, slots=True)
class ChoicePolicy:
    """`load_m`: what the last compartment costs, an empty locker nothing, by the square of the load. `closed_m`: what a
    day closed costs. `risk_m`: what the certainty costs that it has no room."""

    radius_m: int = 5000
    load_m: int = 1500
    closed_m: int = 1000
    risk_m: int = 10_000


NEAREST = ChoicePolicy(load_m=0, closed_m=0, risk_m=0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A locker as it matters to one parcel. `open_then`: at the moment somebody will stand there.

    `open_day_minutes`: how long it is open on that day. `assignment`: the compartment it would give now, and why not
    others. `risk_ppm`: how likely it has no room then, in millionths; None where nothing was forecast.
    """

    locker_id: str
    distance_m: int
    open_then: bool
    open_day_minutes: int
    leaving: bool
    assignment: Assignment
    busy: int
    compartments: int
    risk_ppm: int | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """One reason with its share of the cost."""

    name: str
    cost_m: int
    detail: str


@dataclass(frozen=True, slots=True)
class Ranked:
    """A locker that serves, and what it costs: the sum of its terms."""

    locker_id: str
    compartment_no: int | None
    cost_m: int
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class LockerRefusal:
    """Why a locker was not taken. `reason` is stable for programs, `detail` for people."""

    locker_id: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Choice:
    """All that serve, the best first, and all others with their reason."""

    ranked: tuple[Ranked, ...]
    refused: tuple[LockerRefusal, ...]

    @property
    def locker_id(self) -> str | None:
        return self.ranked[0].locker_id if self.ranked else None


def choose_locker(candidates: Sequence[Candidate], policy: ChoicePolicy = ChoicePolicy()) -> Choice:
    """Rank the candidates that serve by cost, then distance, then id."""
    ranked: list[tuple[int, int, str, Ranked]] = []
    refused: list[LockerRefusal] = []
    for item in sorted(candidates, key=lambda item: (item.distance_m, item.locker_id)):
        refusal = _refusal(item, policy)
        if refusal is not None:
            refused.append(LockerRefusal(item.locker_id, *refusal))
            continue
        terms = _terms(item, policy)
        cost_m = sum(term.cost_m for term in terms)
        found = Ranked(item.locker_id, item.assignment.compartment_no, cost_m, terms)
        ranked.append((cost_m, item.distance_m, item.locker_id, found))
    return Choice(tuple(entry[3] for entry in sorted(ranked, key=lambda entry: entry[:3])), tuple(refused))


def suits(item: Candidate, policy: ChoicePolicy) -> bool:
    """Whether it would be ranked at all."""
    return _refusal(item, policy) is None


def _refusal(item: Candidate, policy: ChoicePolicy) -> tuple[str, str] | None:
    if item.distance_m > policy.radius_m:
        return "too_far", f"{item.distance_m} m away, the limit is {policy.radius_m} m"
    if item.leaving:
        return "leaving", "it is being taken out of service"
    if not item.open_then:
        return "closed", "nobody can come in then"
    if item.assignment.compartment_no is None:
        return _no_compartment(item.assignment)
    return None


def _no_compartment(found: Assignment) -> tuple[str, str]:
    """`full` where a compartment of the right kind exists, else the kind's commonest fault."""
    reasons = Counter(row.reason for row in found.rejected)
    if STATES & set(reasons):
        taken = sum(count for reason, count in reasons.items() if reason in STATES)
        return "full", f"none of its {taken} taken compartments is free, the others do not serve"
    if not reasons:
        return "no_compartments", "it has none"
    reason, count = min(reasons.items(), key=lambda entry: (-entry[1], entry[0]))
    return reason, f"{count} of {len(found.rejected)} compartments: {reason}"


def _terms(item: Candidate, policy: ChoicePolicy) -> tuple[Term, ...]:
    terms = [Term("distance", item.distance_m, f"{item.distance_m} m away")]
    load = policy.load_m * item.busy**2 // max(1, item.compartments) ** 2
    terms.append(Term("load", load, f"{item.busy} of {item.compartments} compartments are taken"))
    closed_minutes = max(0, DAY_MINUTES - item.open_day_minutes)
    closed = policy.closed_m * closed_minutes // DAY_MINUTES
    terms.append(Term("opening_hours", closed, f"open for {item.open_day_minutes} minutes that day"))
    if item.risk_ppm is not None:
        doubt = policy.risk_m * item.risk_ppm // 1_000_000
        terms.append(Term("forecast", doubt, f"{item.risk_ppm / 10_000:.2f} % likely to have no room by then"))
    return tuple(terms)
