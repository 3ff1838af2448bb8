"""Sections as TOML: what is written is read again, and nothing else in the file changes."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.wiring.toml_text import render, replace_tables

NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
PLAIN = st.integers(-9, 9999) | st.booleans() | st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
ROW = st.dictionaries(NAMES, PLAIN | st.lists(st.integers(0, 99), max_size=4), max_size=4)
FILE = """# first
device_id = "locker-1"
[mqtt]
host = "[[bus]]"  # no header
[[bus]]
port = "/dev/old"
[[bus.board]]
module = "a"
[storage]
# a comment that stays
keep_receipted_days = 3
[[ compartment ]]
no = 1
"""


@settings(max_examples=40, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=3), ROW, st.lists(ROW, min_size=1, max_size=2))
def test_rendered_tables_are_read_as_they_were(rows: list, single: dict, nested: list) -> None:
    wanted = {"bus": [{**row, "board_": nested} for row in rows], "pins": single}
    assert tomllib.loads(render(wanted)) == wanted


def test_members_that_are_none_are_left_out() -> None:
    assert tomllib.loads(render({"a": {"x": None, "y": {"p": 1, "q": None}}})) == {"a": {"y": {"p": 1}}}


def test_replaced_tables_go_to_the_end_and_every_other_line_stays() -> None:
    fresh = render({"bus": [{"port": "/dev/new", "board": [{"module": "b"}]}], "compartment": [{"no": 2}]})
    after = replace_tables(FILE, {"bus", "compartment"}, fresh)
    assert after is not None and after.endswith(fresh)
    read = tomllib.loads(after)
    assert read["bus"] == [{"port": "/dev/new", "board": [{"module": "b"}]}] and read["compartment"] == [{"no": 2}]
    assert "# first" in after and "# a comment that stays" in after and "/dev/old" not in after


@pytest.mark.parametrize(
    "unusual",
    ['x = """\n[[bus]]\n"""\n', "x = [\n[1, 2],\n[3]]\n", "not toml at all\n", "bus = []\n"],
    ids=["header in a text", "lists that look like headers", "no toml", "inline"],
)
def test_file_that_cannot_be_changed_safely_is_left_alone(unusual: str) -> None:
    after = replace_tables(unusual, {"bus"}, "[[bus]]\nport = 1\n")
    assert after is None or tomllib.loads(after)["x"] == tomllib.loads(unusual)["x"]
