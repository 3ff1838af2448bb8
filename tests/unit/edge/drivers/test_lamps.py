"""One lamp at a time, dark at birth and at the end."""

from __future__ import annotations

from gpiozero.pins.mock import MockFactory

from edge.drivers.gpio_pins import OutputPin
from edge.drivers.lamps import PinLamps


def test_lamps_light_one_door_and_no_other():
    factory = MockFactory()
    pins = {number: factory.pin(number + 10) for number in (1, 2)}
    lamps = PinLamps({number: OutputPin(number + 10, factory=factory) for number in pins})
    seen = []
    for number in (None, 1, 2, 2, 7, 1):
        lamps.show(number)
        seen.append([bool(pin.state) for pin in pins.values()])
    assert seen == [[False, False], [True, False], [False, True], [False, True], [False, False], [True, False]]
    lamps.close()
    assert [bool(pin.states[-1].state) for pin in pins.values()] == [False, False]
