"""`edge.ports.Lights` on the computer's own pins: one lamp a door, all dark at birth and at the end."""

from __future__ import annotations

from collections.abc import Mapping

from edge.drivers.gpio_pins import OutputPin


class PinLamps:
    """A lamp at each door that has one; the others stay as they are."""

    def __init__(self, lamps: Mapping[int, OutputPin]) -> None:
        self._lamps = lamps

    def show(self, compartment_no: int | None) -> None:
        """Light the lamp of that compartment's door and no other; None, or a door without a lamp, puts all out."""
        for number, lamp in self._lamps.items():
            if lamp.active != (number == compartment_no):
                lamp.set(number == compartment_no)

    def close(self) -> None:
        for lamp in self._lamps.values():
            lamp.close()
