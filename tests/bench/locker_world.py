"""The world of `locker_promise`: six banks, seeded customers, what was served by a policy, and the bound by a solver.

Orders come from 8 to 22 o'clock, evenly; each is dropped at 10 the next day. Times are ms since the first midnight.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random

import numpy
from scipy.optimize import linprog
from scipy.sparse import coo_matrix

from cloud_bridge.lockers.promise import DAY_MS, HOUR_MS, Held, Promised

CAPACITY = (24, 14, 6)
BANKS = tuple((x / 6, y / 4) for x in (1, 3, 5) for y in (1, 3))
MEDIAN_HOURS = {"quick": 9.0, "slow": 30.0}
QUICK_SHARE = 0.7
LOG_SIGMA = 0.8
CUT_MS = 72 * HOUR_MS
OPENS_MS, CLOSES_MS, DROP_MS = 8 * HOUR_MS, 22 * HOUR_MS, 10 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Order:
    """One customer's parcel with what only hindsight knows (`dwell_ms`), and the banks it accepts, nearest first."""

    at_ms: int
    size_class: int
    segment: str
    dwell_ms: int
    banks: tuple[int, ...]

    @property
    def drop_at_ms(self) -> int:
        return (self.at_ms // DAY_MS + 1) * DAY_MS + DROP_MS


@dataclass(slots=True)
class Outcome:
    """`served`: in a bank that the customer accepts, as the bound counts; `moved` of them in another than the
    promised one; `lost`: promised and in none."""

    promised: int = 0
    served: int = 0
    moved: int = 0
    lost: int = 0

    @property
    def bumped(self) -> int:
        """Those whose promise was not kept, whatever became of them."""
        return self.moved + self.lost


def orders(seed: int, per_day: int, days: int) -> list[Order]:
    """Poisson arrivals of `per_day` a day; customers evenly over the square accept 1, 2 or 3 banks alike often."""
    random, made, day = Random(seed), [], 0.0
    while (day := day + random.expovariate(per_day)) < days:
        midnight, of_day = divmod(day, 1.0)
        at_ms = int(midnight) * DAY_MS + OPENS_MS + int(of_day * (CLOSES_MS - OPENS_MS))
        segment = "quick" if random.random() < QUICK_SHARE else "slow"
        hours = MEDIAN_HOURS[segment] * math.exp(random.gauss(0.0, LOG_SIGMA))
        size_class = random.choices((0, 1, 2), CAPACITY)[0]
        home = (random.random(), random.random())
        near = sorted(range(len(BANKS)), key=lambda bank: math.dist(home, BANKS[bank]))[: random.randint(1, 3)]
        made.append(Order(at_ms, size_class, segment, min(CUT_MS, int(hours * HOUR_MS)), tuple(near)))
    return made


def perfect_knowledge(asked: Sequence[Order]) -> float:
    """The most parcels that anybody could serve who knows every order and stay beforehand: a linear programme.

    Room must be enough at each drop only, since nothing comes in between.
    """
    rows: dict[tuple[object, ...], int] = {}
    limits: list[int] = []
    row_of, column_of, columns = [], [], 0

    def put(key: tuple[object, ...], limit: int) -> None:
        if key not in rows:
            rows[key] = len(limits)
            limits.append(limit)
        row_of.append(rows[key])
        column_of.append(columns)

    for number, order in enumerate(asked):
        for bank in order.banks:
            put(("once", number), 1)
            for drop_ms in range(order.drop_at_ms, order.drop_at_ms + order.dwell_ms, DAY_MS):
                for size_class in range(order.size_class + 1):
                    put((bank, drop_ms, size_class), sum(CAPACITY[size_class:]))
            columns += 1
    matrix = coo_matrix((numpy.ones(len(row_of)), (row_of, column_of)), shape=(len(limits), columns)).tocsr()
    found = linprog(-numpy.ones(columns), A_ub=matrix, b_ub=limits, bounds=(0, 1), method="highs")
    if not found.success:
        raise RuntimeError(found.message)
    return float(-found.fun)


@dataclass(slots=True)
class Bank:
    """What lies in one bank and what was promised there."""

    lying: list[tuple[int, int, Order]] = field(default_factory=list)  # class of the compartment, gone at, whose
    promised: list[Order] = field(default_factory=list)

    def leave(self, now_ms: int) -> None:
        self.lying = [item for item in self.lying if item[1] > now_ms]

    def free(self) -> list[int]:
        counts = list(CAPACITY)
        for size_class, _, _ in self.lying:
            counts[size_class] -= 1
        return counts

    def put(self, order: Order, at_ms: int) -> bool:
        """Into the smallest free class that fits."""
        free = self.free()
        for size_class in range(order.size_class, len(CAPACITY)):
            if free[size_class] > 0:
                self.lying.append((size_class, at_ms + order.dwell_ms, order))
                return True
        return False

    def held(self) -> tuple[Held, ...]:
        return tuple(Held(size_class, order.segment, order.drop_at_ms) for size_class, _, order in self.lying)

    def expected(self) -> tuple[Promised, ...]:
        return tuple(Promised(order.size_class, order.segment, order.drop_at_ms) for order in self.promised)


Answer = Callable[[Order, Sequence[Bank]], int | None]


def live(asked: Iterable[Order], answer: Answer) -> Outcome:
    """Let `answer` promise a bank or refuse, order by order; couriers drop what was promised."""
    banks, outcome, drop_ms = [Bank() for _ in BANKS], Outcome(), DROP_MS
    for order in asked:
        while drop_ms <= order.at_ms:
            _drop(banks, drop_ms, outcome)
            drop_ms += DAY_MS
        for bank in banks:
            bank.leave(order.at_ms)
        chosen = answer(order, banks)
        if chosen is not None:
            outcome.promised += 1
            banks[chosen].promised.append(order)
    for _ in range(2):
        _drop(banks, drop_ms, outcome)
        drop_ms += DAY_MS
    return outcome


def _drop(banks: Sequence[Bank], at_ms: int, outcome: Outcome) -> None:
    """Each courier fills the promised bank, the largest first and of a class the slow ones, so that whoever must take
    a larger compartment leaves it soon; what finds its bank full goes to another that its customer accepts, if any."""
    over: list[Order] = []
    for bank in banks:
        bank.leave(at_ms)
        due = sorted((order for order in bank.promised if order.drop_at_ms == at_ms), key=_turn)
        bank.promised = [order for order in bank.promised if order.drop_at_ms > at_ms]
        refused = [order for order in due if not bank.put(order, at_ms)]
        outcome.served += len(due) - len(refused)
        over += refused
    for order in over:
        if any(banks[number].put(order, at_ms) for number in order.banks):
            outcome.moved += 1
            outcome.served += 1
        else:
            outcome.lost += 1


def _turn(order: Order) -> tuple[int, bool]:
    return -order.size_class, order.segment == "quick"


def nearest_only(order: Order, _banks: Sequence[Bank]) -> int | None:
    """Best fit alone: everybody is promised the nearest bank, and the drop shows who fits."""
    return order.banks[0]


def hard_reservation(asked: Iterable[Order]) -> Outcome:
    """A compartment is held from the order on: nobody is bumped, and it stands empty until the drop."""
    free, gone, outcome = [list(CAPACITY) for _ in BANKS], [], Outcome()
    for order in asked:
        while gone and gone[0][0] <= order.at_ms:
            _, bank, size_class = heapq.heappop(gone)
            free[bank][size_class] += 1
        places = ((bank, item) for bank in order.banks for item in range(order.size_class, len(CAPACITY)))
        place = next((found for found in places if free[found[0]][found[1]] > 0), None)
        if place is not None:
            free[place[0]][place[1]] -= 1
            heapq.heappush(gone, (order.drop_at_ms + order.dwell_ms, *place))
            outcome.promised += 1
            outcome.served += 1
    return outcome
