from __future__ import annotations

import asyncio
import contextlib

import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from edge.agents.buzzer import PATTERNS, Buzzer
from edge.drivers.gpio_pins import OutputPin
from tests.virtual_loop import run_virtual


@pytest.mark.parametrize("active_high", [True, False], ids=["active-high", "active-low"])
@pytest.mark.parametrize("pattern", [*PATTERNS, "unknown"])
def test_buzzer_sounds_each_beep_of_a_pattern_and_ends_inactive(pattern: str, active_high: bool) -> None:
    factory = MockFactory()
    pin: MockPin = factory.pin(17)

    async def play() -> None:
        buzzer = Buzzer(OutputPin(17, factory=factory, active_high=active_high))
        pin.clear_states()
        task = asyncio.get_running_loop().create_task(buzzer.run())
        buzzer.sound(pattern)
        await asyncio.sleep(5)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    run_virtual(play())
    beeps = sum(1 for state in pin.states[1:] if bool(state.state) is active_high)
    assert beeps == len(PATTERNS.get(pattern, ()))
    assert bool(pin.states[-1].state) is not active_high
