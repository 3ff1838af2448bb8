"""The kernel's record of its pins, as a guest prints it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hil.gpio_trace import Chip, find_chip, read_trace
from hil.trace import Edge

LISTING = """gpiochip1: GPIOs 480-495, parent: platform/gpio-sim.1, other:

gpiochip0: GPIOs 496-511, parent: platform/gpio-sim.0, rig-pins:
 gpio-501 (                    |lg                  ) out hi
"""
TRACE = """# tracer: nop
          python3-211     [000] .....     9.120000: gpio_value: 502 set 1
          python3-211     [000] .....     9.120003: gpio_direction: 502 out (0)
          python3-211     [000] .....     9.300000: gpio_value: 502 get 1
          python3-211     [000] .....     9.320003: gpio_value: 502 set 0
          python3-211     [000] .....     9.320009: gpio_direction: 503 out (-16)
          python3-211     [000] .....     9.500000: gpio_direction: 502 in (0)
          python3-211     [000] .....     9.600000: gpio_value: 481 set 1
"""
CHIP = Chip(0, 496, 16)


def test_chip_is_found_by_its_label_whatever_its_number() -> None:
    assert find_chip(LISTING, "rig-pins") == CHIP
    assert find_chip(LISTING, "rig") is None


def test_trace_holds_what_the_device_put_on_its_lines_and_nothing_else() -> None:
    assert read_trace(TRACE, CHIP) == (
        Edge(9_120_000, 6, True),
        Edge(9_320_003, 6, False),
        Edge(9_500_000, 6, False, driven=False),
    )


@given(st.text(max_size=300))
@settings(max_examples=50, deadline=None)
def test_trace_of_any_text_is_survived(text: str) -> None:
    assert all(0 <= edge.line < CHIP.lines for edge in read_trace(TRACE[:200] + text, CHIP))
    find_chip(text, "rig-pins")
