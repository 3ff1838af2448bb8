"""Every stored decision asked again, in the order in which they were made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from cloud_bridge.errors import InvalidData
from cloud_bridge.lockers.decision_store import Decision, decisions_after
from cloud_bridge.lockers.questions import replay

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """A decision that is not what today's code answers, or cannot be read."""

    decision_id: str
    what: str


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """How many were asked again, and which differ."""

    count: int
    differing: tuple[Difference, ...]


def replay_all(conn: Connection, since_ms: int) -> ReplayReport:
    """Ask all of them from that moment on."""
    count, differing = 0, []
    for item in _all(conn, since_ms):
        count += 1
        what = _difference(item)
        if what is not None:
            differing.append(Difference(item.decision_id, what))
    return ReplayReport(count, tuple(differing))


def _all(conn: Connection, since_ms: int) -> Iterator[Decision]:
    after = (since_ms, "")
    while page := decisions_after(conn, *after, _PAGE):
        yield from page
        after = (page[-1].made_at_ms, page[-1].decision_id)


def _difference(item: Decision) -> str | None:
    try:
        found = replay(item.kind, item.question, item.answer)
    except InvalidData as error:
        return str(error)
    return None if found.agrees else f"stored {found.stored}, found {found.found}"
