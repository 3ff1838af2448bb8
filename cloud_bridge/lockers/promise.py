"""What may be promised for a later drop: by the forecast of what will lie in each locker then.

Classes of compartments are nested: a parcel of class `c` goes into any class from `c` up. So a set of parcels has room
exactly when, for each class, no more of at least that class have to lie there than there are compartments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, inf, sqrt

from cloud_bridge.lockers.survival import HOUR_MS, Survival

DAY_MS = 24 * HOUR_MS
LOOK_AHEAD_DAYS = 3
LEAST_WORTH = 0.05
LEAST_VARIANCE = 0.5
SurvivalOf = Callable[[str], Survival]


@dataclass(frozen=True, slots=True)
class PromisePolicy:
    """`risk`: how likely the promised locker may have no room at the drop.

    `day_price`: what a further day in a compartment costs, as a share of a parcel served. `reluctance`: how much more
    than itself a quicker parcel is worth that may still ask; 0 refuses nobody for staying long.
    """

    risk: float = 0.095
    day_price: float = 0.6
    reluctance: float = 1.6


@dataclass(frozen=True, slots=True)
class Held:
    """A parcel in a compartment of `size_class` since `since_ms`; of `segment`'s way to collect."""

    size_class: int
    segment: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class Promised:
    """A parcel of `size_class` that was promised for `drop_at_ms`."""

    size_class: int
    segment: str
    drop_at_ms: int


@dataclass(frozen=True, slots=True)
class Demand:
    """How many parcels of a class and segment are expected to ask."""

    size_class: int
    segment: str
    rate: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """A locker as known now. `capacity[c]`: compartments of class `c` in service.

    `to_come`: requests expected for the same drop after this one.
    """

    locker_id: str
    capacity: tuple[int, ...]
    held: tuple[Held, ...] = ()
    promised: tuple[Promised, ...] = ()
    to_come: tuple[Demand, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """A parcel that asks now for a place at `drop_at_ms`."""

    size_class: int
    segment: str
    now_ms: int
    drop_at_ms: int


@dataclass(frozen=True, slots=True)
class Prospect:
    """One locker's forecast for a request. `risk`: that it has no room then. `slack`: what is expected to be left over
    when all have come, in standard deviations. `scarcity`: that quicker parcels to come would need the place."""

    locker_id: str
    risk: float
    slack: float
    scarcity: float


@dataclass(frozen=True, slots=True)
class Promise:
    """The locker that is promised, for `room`, or None with the reason: `full` or `kept_for_quicker`; and all that was
    weighed."""

    locker_id: str | None
    reason: str
    prospects: tuple[Prospect, ...]


def promise(
    request: Request, outlooks: Sequence[Outlook], survival_of: SurvivalOf, policy: PromisePolicy = PromisePolicy()
) -> Promise:
    """Promise the accepted locker with the most slack, unless the risk is too high or the place is worth more."""
    prospects = tuple(_prospect(request, outlook, survival_of, policy) for outlook in outlooks)
    safe = [item for item in prospects if item.risk <= policy.risk]
    if not safe:
        return Promise(None, "full", prospects)
    worth = _worth(request.segment, survival_of, policy)
    kept = [item for item in safe if worth >= policy.reluctance * item.scarcity]
    if not kept:
        return Promise(None, "kept_for_quicker", prospects)
    best = max(kept, key=lambda item: item.slack)
    return Promise(best.locker_id, "room", prospects)


def _worth(segment: str, survival_of: SurvivalOf, policy: PromisePolicy) -> float:
    """One parcel served, less what its expected further days cost the parcels of those days; never nothing, so that
    an empty locker takes anybody."""
    survival = survival_of(segment)
    days = sum(survival.share(day * DAY_MS) for day in range(1, LOOK_AHEAD_DAYS))
    return max(LEAST_WORTH, 1.0 - policy.day_price * days)


def _prospect(request: Request, outlook: Outlook, survival_of: SurvivalOf, policy: PromisePolicy) -> Prospect:
    present, certain = _expected_there(request, outlook, survival_of)
    rivals = _rivals(request.segment, outlook, survival_of, policy)
    risk, scarcity, slack = 0.0, 0.0, inf
    for size_class in range(request.size_class + 1):
        chances = [chance for item_class, chance in present if item_class >= size_class]
        room = sum(outlook.capacity[size_class:]) - sum(item >= size_class for item in certain)
        counts = count_chances(chances, room)
        quicker = [(rate, worth) for item_class, rate, worth in rivals if item_class >= size_class]
        risk = max(risk, 1.0 - sum(counts))
        demand = sum(item.rate for item in outlook.to_come if item.size_class >= size_class)
        spread = sqrt(sum(chance * (1.0 - chance) for chance in chances) + demand + LEAST_VARIANCE)
        slack = min(slack, (room - sum(chances) - demand) / spread)
        scarcity = max(scarcity, _scarcity(counts, quicker))
    return Prospect(outlook.locker_id, risk, slack, scarcity)


def _expected_there(
    request: Request, outlook: Outlook, survival_of: SurvivalOf
) -> tuple[list[tuple[int, float]], list[int]]:
    """Who may still lie there at the drop, by class and probability; and the classes of who comes with it."""
    ahead_ms = request.drop_at_ms - request.now_ms
    present = [
        (item.size_class, survival_of(item.segment).stays(request.now_ms - item.since_ms, ahead_ms))
        for item in outlook.held
    ]
    certain = []
    for item in outlook.promised:
        if item.drop_at_ms >= request.drop_at_ms:
            certain.append(item.size_class)
        else:
            stays = survival_of(item.segment).stays(0, request.drop_at_ms - item.drop_at_ms)
            present.append((item.size_class, stays))
    return present, certain


def count_chances(chances: Sequence[float], room: int) -> list[float]:
    """Probabilities that 0, 1, … `room` − 1 of independent events happen; what is missing to 1 is that more do."""
    if room <= 0:
        return []
    counts = [1.0] + [0.0] * (room - 1)
    for chance in chances:
        if chance <= 0.0:
            continue
        stay = 1.0 - chance
        for place in range(room - 1, 0, -1):
            counts[place] = counts[place] * stay + counts[place - 1] * chance
        counts[0] *= stay
    return counts


def _rivals(
    segment: str, outlook: Outlook, survival_of: SurvivalOf, policy: PromisePolicy
) -> list[tuple[int, float, float]]:
    """Requests to come that are worth more than this one: class, how many, what each is worth."""
    own = _worth(segment, survival_of, policy)
    worths = {item.segment: _worth(item.segment, survival_of, policy) for item in outlook.to_come}
    return [
        (item.size_class, item.rate, worths[item.segment]) for item in outlook.to_come if worths[item.segment] > own
    ]


def _scarcity(counts: Sequence[float], quicker: Sequence[tuple[float, float]]) -> float:
    """Probability that the quicker ones to come (Poisson) take all room, times what one of them is worth."""
    rate = sum(item for item, _ in quicker)
    if rate <= 0.0:
        return 0.0
    worth = sum(item * value for item, value in quicker) / rate
    chance, below, enough = exp(-rate), 0.0, 0.0
    room = len(counts)
    for arrivals in range(room):
        below += chance
        enough += counts[room - 1 - arrivals] * below
        chance *= rate / (arrivals + 1)
    return worth * (1.0 - enough)
