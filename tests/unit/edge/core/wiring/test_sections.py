"""From findings to configuration: polarity, remapping, what is left out and what stays."""

from __future__ import annotations

import pytest

from edge.core.wiring.findings import BoardFindings, Findings, Output, Site, moved
from edge.core.wiring.sections import board_section, bus_sections, compartment_sections

SITE = Site("/dev/x", "xor_8a", 2, 16, groups=2)


def learned(*outputs: Output, module: str = "a", site: Site = SITE) -> BoardFindings:
    return BoardFindings(module, site, len(outputs), outputs)


def test_wiring_as_usual_states_no_map() -> None:
    section = board_section(learned(Output(1, True, 1, True, 11), Output(2, True, 2, True, 12)), {})
    assert section == {
        "module": "a", "family": "xor_8a", "address": 2, "channels": 2, "closed_bit": 1, "groups": 2,
    }  # fmt: skip


def test_polarity_is_that_of_most_and_the_others_are_named() -> None:
    outputs = [Output(n, True, n, n == 2, n) for n in (1, 2, 3)]
    section = board_section(learned(*outputs), {})
    assert section["closed_bit"] == 0 and section["inverted"] == [2]


def test_swapped_and_missing_inputs_state_the_whole_map() -> None:
    outputs = (Output(1, True, 2, True, 1), Output(2, True, 1, True, 2), Output(3, False), Output(4, True, door_no=4))
    section = board_section(learned(*outputs), {})
    assert section["door_inputs"] == [2, 1, 0, 0] and section["unpopulated"] == [3]


def test_what_was_stated_stays_but_for_the_wiring() -> None:
    stated = {"module": "a", "coil_rest_ms": 900, "inverted": [1], "closed_bit": 0, "pulse_ms": 300}
    section = board_section(learned(Output(1, True, 1, True, 1)), stated)
    assert section["coil_rest_ms"] == 900 and section["pulse_ms"] == 300
    assert section["closed_bit"] == 1 and "inverted" not in section


def test_board_without_any_contact_keeps_its_stated_level() -> None:
    section = board_section(learned(Output(1, True, door_no=1)), {"closed_bit": 0})
    assert section["closed_bit"] == 0 and section["door_inputs"] == [0]


def test_board_that_was_not_learned_keeps_its_section_and_its_doors() -> None:
    stated = [{"port": "/dev/x", "coil_rest_ms": 9, "board": [{"module": "dead"}, {"module": "a"}]}]
    findings = Findings((learned(Output(1, True, 1, True, 11)),))
    (bus,) = bus_sections(findings, stated)
    assert bus["coil_rest_ms"] == 9 and [board["module"] for board in bus["board"]] == ["a", "dead"]
    doors = compartment_sections(
        findings, {11: (1, 2, 3)}, {5: {"no": 5, "module": "dead"}, 7: {"no": 7, "module": "a"}}
    )
    assert [(door["no"], door["module"]) for door in doors] == [(5, "dead"), (11, "a")]


@pytest.mark.parametrize(
    ("before", "after", "inputs"),
    [((True, True), (True, False), (2,)), ((None, True), (True, None), ()), ((True, False), (False, True), (1, 2))],
    ids=["one", "nothing said", "two"],
)
def test_moved_names_what_says_something_else(before, after, inputs) -> None:
    assert moved(before, after) == inputs


def test_another_board_under_the_same_name_is_unknown() -> None:
    findings = Findings((learned(Output(1, True, 1, True, 11)),))
    assert findings.board("a", SITE) is not None
    assert findings.board("a", Site("/dev/y", "xor_8a", 2, 16, groups=2)) is None
