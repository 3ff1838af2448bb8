"""Pins through gpiozero's own mock factory; its pin trace is the judge."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from gpiozero.pins.mock import MockFactory

from edge.drivers.gpio_pins import OutputPin, Reed
from edge.ports import DoorState

BOTH = pytest.mark.parametrize("active_high", [True, False], ids=["active_high", "active_low"])


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    made = MockFactory()
    yield made
    made.close()


def wired_output(factory: MockFactory, active_high: bool):
    """A pin whose circuit holds the output inactive while nobody drives it, as a relay board's resistor does."""
    pin = factory.pin(17)
    if active_high:
        pin.drive_low()
    else:
        pin.drive_high()
    pin.clear_states()
    return pin


def edges(pin) -> list[bool]:
    return [bool(state.state) for state in pin.states[1:]]


@BOTH
def test_output_start_and_stop_make_no_edge(factory, active_high):
    pin = wired_output(factory, active_high)
    for _ in range(3):
        output = OutputPin(17, factory=factory, active_high=active_high)
        assert pin.function == "output"
        assert not output.active
        output.close()
        output.close()
    assert edges(pin) == []


@BOTH
def test_output_set_drives_its_polarity_and_close_ends_it(factory, active_high):
    pin = wired_output(factory, active_high)
    output = OutputPin(17, factory=factory, active_high=active_high)
    output.set(True)
    output.close()
    assert edges(pin) == [active_high, not active_high]


@BOTH
async def test_output_pulse_cancelled_midway_ends_inactive(factory, active_high):
    pin = wired_output(factory, active_high)
    output = OutputPin(17, factory=factory, active_high=active_high)
    pulse = asyncio.get_running_loop().create_task(output.pulse(60_000))
    await asyncio.sleep(0)
    assert output.active
    pulse.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pulse
    assert edges(pin) == [active_high, not active_high]
    output.close()


async def looked(reed_states: list[DoorState], count: int) -> None:
    async with asyncio.timeout(5):
        while len(reed_states) < count:  # noqa: ASYNC110 - a pin has no event to wait for
            await asyncio.sleep(0)


@pytest.mark.parametrize("closed_high", [True, False], ids=["closed_high", "closed_low"])
@pytest.mark.parametrize("pull", ["up", "down", None], ids=["pull_up", "pull_down", "no_pull"])
async def test_reed_any_wiring_tells_each_settled_change_once(factory, pull, closed_high):
    told: list[DoorState] = []
    pin = factory.pin(22)
    reed = Reed(22, told.append, factory=factory, closed_high=closed_high, pull=pull, settle_ms=0)
    if reed.state() is DoorState.OPEN:
        (pin.drive_high if closed_high else pin.drive_low)()
        await looked(told, 1)
        told.clear()
    (pin.drive_low if closed_high else pin.drive_high)()
    await looked(told, 1)
    assert reed.state() is DoorState.OPEN
    (pin.drive_high if closed_high else pin.drive_low)()
    await looked(told, 2)
    assert told == [DoorState.OPEN, DoorState.CLOSED]
    reed.close()


async def test_reed_change_from_another_thread_is_told_on_the_loop(factory):
    loop = asyncio.get_running_loop()
    told: list[bool] = []

    def on_change(state: DoorState) -> None:
        told.append(asyncio.get_running_loop() is loop)

    reed = Reed(22, on_change, factory=factory, settle_ms=0)
    await asyncio.to_thread(factory.pin(22).drive_low)
    await looked(told, 1)
    assert told == [True]
    reed.close()


async def test_reed_chatter_that_ends_where_it_began_tells_nothing(factory):
    told: list[DoorState] = []
    reed = Reed(22, told.append, factory=factory, settle_ms=0)
    pin = factory.pin(22)
    for _ in range(5):
        pin.drive_low()
        pin.drive_high()
    for _ in range(10):
        await asyncio.sleep(0)
    assert told == []
    reed.close()


async def test_reed_change_that_no_callback_told_is_found_by_reconcile(factory):
    told: list[DoorState] = []
    reed = Reed(22, told.append, factory=factory, settle_ms=0)
    pin = factory.pin(22)
    pin.edges = "none"
    pin.drive_low()
    await asyncio.sleep(0)
    assert told == []
    reed.reconcile()
    reed.reconcile()
    assert told == [DoorState.CLOSED]
    reed.close()


async def test_reed_closed_hears_nothing_more(factory):
    told: list[DoorState] = []
    reed = Reed(22, told.append, factory=factory, settle_ms=0)
    factory.pin(22).drive_low()
    reed.close()
    for _ in range(10):
        await asyncio.sleep(0)
    assert told == []
