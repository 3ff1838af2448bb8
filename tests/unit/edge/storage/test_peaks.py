"""The frontier rebuilt from what commits keep."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given, settings

from edge.storage.connection import connect
from edge.storage.peaks import frontier_at, new_peaks, peak_ends
from edge.wire.merkle import Frontier, leaf_hash


@given(st.integers(0, 2**53))
def test_peak_ends_any_size_are_sums_of_its_one_bits(size: int) -> None:
    ends = peak_ends(size)
    assert len(ends) == size.bit_count()
    widths = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    assert sum(widths) == size
    assert all(width.bit_count() == 1 for width in widths)
    assert widths == sorted(widths, reverse=True)


@settings(max_examples=40)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.data())
def test_frontier_at_every_boundary_equals_the_tree_grown_leaf_by_leaf(counts: list[int], data: st.DataObject) -> None:
    connection = connect(None)
    connection.execute("CREATE TABLE commits (first INTEGER PRIMARY KEY, count, new_peaks)")
    frontiers = [Frontier()]
    for count in counts:
        first = frontiers[-1].size
        frontier = frontiers[-1].append(leaf_hash(b"%d" % i) for i in range(first, first + count))
        connection.execute("INSERT INTO commits VALUES (?, ?, ?)", (first, count, new_peaks(frontier, first)))
        frontiers.append(frontier)
    base = data.draw(st.integers(0, len(counts)))
    connection.execute("DELETE FROM commits WHERE first < ?", (frontiers[base].size,))
    for frontier in frontiers[base:]:
        assert frontier_at(connection, frontiers[base], frontier.size) == frontier
    connection.close()
