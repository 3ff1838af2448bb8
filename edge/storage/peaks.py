"""The tree's frontier at any commit, from the peaks that each commit's row keeps.

A commit stores only the peaks of its frontier that reach past its first event (one for a lone event). The older
peaks of that frontier stand in the rows, or in the base, that first made them: at most 53 look-ups give any frontier.
"""

from __future__ import annotations

from edge.storage.connection import Connection
from edge.wire.errors import BadProof
from edge.wire.merkle import HASH_BYTES, Frontier


def peak_ends(size: int) -> list[int]:
    """Where each peak of a tree of `size` leaves ends, largest peak first; the last end is `size`."""
    ends, end = [], 0
    for bit in range(size.bit_length() - 1, -1, -1):
        if size >> bit & 1:
            end += 1 << bit
            ends.append(end)
    return ends


def new_peaks(frontier: Frontier, first: int) -> bytes:
    """The peaks of `frontier` that end after leaf `first`: what a commit of `first` … `frontier.size − 1` created."""
    count, end = 0, frontier.size
    while end > first:
        count, end = count + 1, end & (end - 1)
    return b"".join(frontier.peaks[len(frontier.peaks) - count :])


def frontier_at(connection: Connection, base: Frontier, size: int) -> Frontier:
    """The frontier of the first `size` leaves; `size` is a commit boundary at or after `base`.

    Raises:
        BadProof: a row that must hold one of its peaks is missing or too short.
    """
    known = dict(zip(peak_ends(base.size), base.peaks, strict=True))
    peaks = [known[end] if end in known else _peak(connection, end) for end in peak_ends(size)]
    return Frontier(size, tuple(peaks))


def _peak(connection: Connection, end: int) -> bytes:
    row = connection.execute(
        "SELECT first, count, new_peaks FROM commits WHERE first < ? ORDER BY first DESC LIMIT 1", (end,)
    ).fetchone()
    if row is None:
        raise BadProof(f"no commit holds event {end - 1}", where="event log")
    first, count, stored = row
    ends = [each for each in peak_ends(first + count) if each > first]
    if end not in ends or len(stored) != len(ends) * HASH_BYTES:
        raise BadProof(f"no peak ends at {end} in the commit at {first}", where="event log")
    start = ends.index(end) * HASH_BYTES
    return bytes(stored[start : start + HASH_BYTES])
