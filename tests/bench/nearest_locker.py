"""`nearest_locker`: the nearest of a million lockers that suits, from the database, against a look at every one."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from cloud_bridge.lockers.custody_store import custody_compartments
from cloud_bridge.lockers.deciding import Deciding
from cloud_bridge.lockers.locker_choice import NEAREST, ChoicePolicy, suits
from cloud_bridge.lockers.model import Size, Wish
from cloud_bridge.lockers.opening_hours import Interval, OpeningHours
from cloud_bridge.lockers.place_store import places
from cloud_bridge.lockers.places import dump_hours
from cloud_bridge.lockers.sphere import EARTH_RADIUS_M, HALF_UDEG, QUARTER_UDEG, Point, band_of, distance_m
from cloud_bridge.lockers.tables import compartments, lockers
from cloud_bridge.ports import SystemRandom
from cloud_bridge.storage.dialect import bulk_insert
from cloud_bridge.storage.engine import sqlite_engine
from cloud_bridge.storage.schema import metadata
from cloud_bridge.storage.tables import load_tables

COUNT = 1_000_000
TOWNS = 4000
QUERIES = 600
CHECKED = 120
REPEATS = 3
RADIUS_M = 50_000
GOAL_MS = 5.0
EDGES_MM = (110, 230, 470)
SHOP = OpeningHours(((Interval(8 * 60, 20 * 60),),) * 7)
NOW_MS = 1_790_000_000_000 - 1_790_000_000_000 % 86_400_000 + 21 * 3_600_000  # 21 o'clock: shops are closed


@dataclass(frozen=True, slots=True)
class Lockers:
    """The same facts as in the database, as columns for the look at every one."""

    latitude_udeg: numpy.ndarray
    longitude_udeg: numpy.ndarray
    always_open: numpy.ndarray
    chilled: numpy.ndarray
    low: numpy.ndarray
    free: numpy.ndarray  # the largest free class; -1: full


def run() -> dict[str, object]:
    """The answer of the shipped search, its time, and whether the look at everything finds the same locker."""
    began_s = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        facts = _facts(Random(4))
        engine = sqlite_engine(make_url(f"sqlite:///{Path(folder) / 'lockers.db'}"), begin="BEGIN")
        load_tables()
        with engine.begin() as conn:
            metadata.create_all(conn)
            _fill(conn, facts)
        with engine.begin() as conn:
            times_ms, wrong, brute_ms, looked_at = _ask(conn, facts)
        engine.dispose()
    p95_ms = statistics.quantiles(times_ms, n=20)[18]
    return {
        "name": "nearest_locker",
        "value": round(p95_ms, 3),
        "unit": f"ms p95 among {COUNT:,}, {wrong} of {CHECKED} answers differ",
        "limit": round(statistics.median(brute_ms), 1),
        "ratio": round(p95_ms / statistics.median(brute_ms), 5),
        "goal": f"<= {GOAL_MS:.0f} ms p95, exact",
        "met": p95_ms <= GOAL_MS and not wrong,
        "seconds": round(time.perf_counter() - began_s, 1),
        "p50_ms": round(statistics.median(times_ms), 3),
        "p99_ms": round(statistics.quantiles(times_ms, n=100)[98], 3),
        "looked_at": {"median": statistics.median(looked_at), "most": max(looked_at)},
        "note": f"{COUNT:,} lockers of three compartments, 80 % around {TOWNS:,} towns and the rest anywhere on the "
        "globe; 70 % never close, 30 % are shops, closed at the time of the query; 10 % chilled, 60 % with low sills; "
        "40 % full, the others with one to three classes free; wishes of three sizes, one in eight chilled, one in "
        f"eight accessible, within {RADIUS_M // 1000} km; nine of ten asked near a locker, one anywhere; SQLite on "
        f"disk, one query after the other, the least of {REPEATS} times each; the peer looks at every locker with "
        "numpy (haversine and all conditions) and must find the same one",
    }


def _facts(random: Random) -> Lockers:
    towns = [(random.uniform(-60e6, 70e6), random.uniform(-180e6, 180e6)) for _ in range(TOWNS)]
    generator = numpy.random.default_rng(4)
    of_town = numpy.array(towns)[generator.integers(0, TOWNS, COUNT)] + generator.normal(0, 60_000, (COUNT, 2))
    anywhere = numpy.stack(
        [numpy.degrees(numpy.arcsin(generator.uniform(-1, 1, COUNT))) * 1e6, generator.uniform(-180e6, 180e6, COUNT)], 1
    )
    where = numpy.where((generator.random(COUNT) < 0.8)[:, None], of_town, anywhere).astype(numpy.int64)
    return Lockers(
        numpy.clip(where[:, 0], -QUARTER_UDEG, QUARTER_UDEG), (where[:, 1] + HALF_UDEG) % (2 * HALF_UDEG) - HALF_UDEG,
        generator.random(COUNT) < 0.7, generator.random(COUNT) < 0.1, generator.random(COUNT) < 0.6,
        numpy.where(generator.random(COUNT) < 0.4, -1, generator.integers(0, 3, COUNT)),
    )  # fmt: skip


def _fill(conn: Connection, facts: Lockers) -> None:
    always, shop = dump_hours(OpeningHours()), dump_hours(SHOP)
    for start in range(0, COUNT, 20_000):
        numbers = range(start, start + 20_000)
        bulk_insert(conn, lockers, [(_id(n), "acme", "", "", "en", "UTC", None) for n in numbers])
        bulk_insert(conn, places, [
            (_id(n), "acme", band_of(int(facts.latitude_udeg[n])), int(facts.latitude_udeg[n]),
             int(facts.longitude_udeg[n]), always if facts.always_open[n] else shop, "")
            for n in numbers
        ])  # fmt: skip
        bulk_insert(conn, compartments, [row for n in numbers for row in _compartments(facts, n)])
        taken = [row for n in numbers for row in _taken(int(facts.free[n]), n)]
        bulk_insert(conn, custody_compartments, taken)


def _id(number: int) -> str:
    return f"locker-{number:07d}"


def _compartments(facts: Lockers, number: int) -> Iterator[tuple[object, ...]]:
    sill_mm, features = 800 if facts.low[number] else 1500, "chilled" if facts.chilled[number] else ""
    for no, edge_mm in enumerate(EDGES_MM, 1):
        yield _id(number), no, "a", no, 400, edge_mm, 600, sill_mm, features


def _taken(free: int, number: int) -> Iterator[tuple[object, ...]]:
    """Free are the classes up to `free`."""
    for no in range(free + 2, len(EDGES_MM) + 1):
        yield _id(number), no, "closed", 1, f"PW-{number}"


def _ask(conn: Connection, facts: Lockers) -> tuple[list[float], int, list[float], list[int]]:
    random, deciding = Random(5), Deciding(SystemRandom())
    policy = ChoicePolicy(RADIUS_M, NEAREST.load_m, NEAREST.closed_m, NEAREST.risk_m)
    times_ms, brute_ms, looked_at, wrong = [], [], [], 0
    for number in range(QUERIES):
        centre, wish, size_class = _question(random, facts)
        took_ms = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            seen, found = 0, None
            for item in deciding.candidates(conn, "acme", centre, wish, NOW_MS, RADIUS_M, serving=True):
                seen += 1
                if suits(item, policy):
                    found = item.locker_id
                    break
            took_ms.append((time.perf_counter() - began) * 1000)
        times_ms.append(min(took_ms))
        looked_at.append(seen)
        if number < CHECKED:
            began = time.perf_counter()
            expected = _brute(facts, centre, wish, size_class)
            brute_ms.append((time.perf_counter() - began) * 1000)
            wrong += found != expected
    return times_ms, wrong, brute_ms, looked_at


def _question(random: Random, facts: Lockers) -> tuple[Point, Wish, int]:
    """Mostly near some locker, as people live; sometimes anywhere."""
    if random.random() < 0.9:
        near = random.randrange(COUNT)
        latitude_udeg = int(facts.latitude_udeg[near]) + int(random.gauss(0, 10_000))
        longitude_udeg = int(facts.longitude_udeg[near]) + int(random.gauss(0, 10_000))
    else:
        latitude_udeg, longitude_udeg = random.randint(-QUARTER_UDEG, QUARTER_UDEG), random.randrange(2 * HALF_UDEG)
    latitude_udeg = max(-QUARTER_UDEG, min(QUARTER_UDEG, latitude_udeg))
    size_class = random.choices((0, 1, 2), (24, 14, 6))[0]
    features = frozenset({"chilled"}) if random.random() < 1 / 8 else frozenset()
    wish = Wish(Size(300, EDGES_MM[size_class] - 20, 400), 900, True, random.random() < 1 / 8, features)
    return Point(latitude_udeg, (longitude_udeg + HALF_UDEG) % (2 * HALF_UDEG) - HALF_UDEG), wish, size_class


def _brute(facts: Lockers, centre: Point, wish: Wish, size_class: int) -> str | None:
    """Every locker's distance and conditions, then the nearest; the last metres by the shipped distance."""
    south, north = numpy.radians(centre.latitude_udeg / 1e6), numpy.radians(facts.latitude_udeg / 1e6)
    across = numpy.radians((facts.longitude_udeg - centre.longitude_udeg) / 1e6)
    half = numpy.sin((north - south) / 2) ** 2 + numpy.cos(south) * numpy.cos(north) * numpy.sin(across / 2) ** 2
    away_m = 2 * EARTH_RADIUS_M * numpy.arcsin(numpy.sqrt(numpy.minimum(1.0, half)))
    fits = facts.always_open & (facts.free >= size_class) & (facts.chilled == bool(wish.features))
    if wish.accessible:
        fits &= facts.low
    away_m = numpy.where(fits, away_m, numpy.inf)
    least_m = away_m.min()
    if least_m > RADIUS_M + 1:
        return None
    close = [int(number) for number in numpy.flatnonzero(away_m <= least_m + 0.01)]
    return _first(facts, centre, close)


def _first(facts: Lockers, centre: Point, numbers: Sequence[int]) -> str | None:
    points = {n: Point(int(facts.latitude_udeg[n]), int(facts.longitude_udeg[n])) for n in numbers}
    away_m, found = min((distance_m(centre, point), _id(number)) for number, point in points.items())
    return found if away_m <= RADIUS_M else None
