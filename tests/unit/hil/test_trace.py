"""Edges, the pulses among them, and their picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from hil.trace import Edge, Pulse, draw, pulses

EDGES = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 3), st.booleans(), st.booleans()), max_size=20).map(
    lambda rows: [Edge(*row) for row in sorted(rows)]
)


def test_pulses_of_an_output_that_acts_on_low_begin_where_it_falls() -> None:
    seen = [Edge(10, 6, True), Edge(20, 6, False), Edge(220, 6, True), Edge(15, 5, False)]
    assert pulses(seen, 6, active_high=False) == (Pulse(6, 20, 220),)
    assert pulses(seen, 6, active_high=True) == (Pulse(6, 10, 20), Pulse(6, 220, None))


def test_pulses_end_when_the_device_lets_go_of_the_line() -> None:
    assert pulses([Edge(1, 5, True), Edge(4, 5, True, driven=False)], 5, active_high=True) == (Pulse(5, 1, 4),)


@given(EDGES)
@settings(max_examples=40, deadline=None)
def test_picture_of_any_edges_is_well_formed_and_has_a_row_a_line(edges: list[Edge]) -> None:
    drawn = ET.fromstring(draw(edges, {7: "a <b> & c"}, "title <x>"))
    texts = [item.text for item in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert len(texts) == len({edge.line for edge in edges} | {7}) + 2
    assert "a <b> & c" in texts
