"""Rig files: what is accepted, and what is said of those that are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.errors import RigFileInvalid
from hil.rig_file import parse_rig, read_rig_file

RIGS = sorted((Path(__file__).parents[3] / "hil" / "rigs").glob("*.yaml"))


@pytest.mark.parametrize("path", RIGS, ids=lambda path: path.stem)
def test_rig_file_that_ships_is_accepted(path: Path) -> None:
    assert read_rig_file(path).name == path.stem


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("backend: uml", "name", id="no name"),
        pytest.param("name: a\nbackend: cloud", "backend", id="unknown backend"),
        pytest.param("name: a\nbackend: uml\ngpoi: {}", "gpoi", id="unknown key"),
        pytest.param("name: a\nbackend: uml\nmemory_mib: '64'", "memory_mib", id="text for a number"),
        pytest.param("name: a\nbackend: uml\ngpio: {label: x, lines: 65}", "lines", id="too many lines"),
        pytest.param(
            "name: a\nbackend: uml\nserial: [{name: b, device_path: /dev/ttyS1, reader: line},"
            " {name: b, device_path: /dev/ttyS2, reader: ssi}]",
            "same name",
            id="two lines of one name",
        ),
        pytest.param(
            "name: a\nbackend: uml\nserial: [{name: b, device_path: /dev/ttyS1}]",
            "boards or a reader",
            id="a line with nothing at its end",
        ),
        pytest.param("- just\n- a list", "file", id="a list"),
        pytest.param("a: [", "no YAML", id="broken"),
    ],
)
def test_rig_file_with_a_fault_is_refused_naming_it(text: str, said: str) -> None:
    with pytest.raises(RigFileInvalid, match=said) as refused:
        parse_rig(text)
    assert refused.value.remedy


def test_rig_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RigFileInvalid, match="cannot be read"):
        read_rig_file(tmp_path / "none.yaml")


@given(st.text(max_size=200))
@settings(max_examples=50, deadline=None)
def test_rig_file_of_any_text_is_a_rig_or_a_typed_error(text: str) -> None:
    try:
        parse_rig(text)
    except RigFileInvalid as refused:
        assert refused.remedy
