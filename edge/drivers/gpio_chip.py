"""The pin factory for a real board: gpiozero over lgpio, its chip found by label, claiming outputs with their level.

gpiozero's lgpio pin claims an output before it sets its level, and lgpio claims low: an output that acts on a low
level would act for a moment at every start. Here claim and level are one system call.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gpiozero.pins import Factory

from edge.errors import ConfigError

HEADER_LABELS = ("pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835")
# A board that is no Raspberry Pi has no revision of its own; with a Pi 4's, gpiozero takes BCM numbers as they are.
_PLAIN_REVISION = 0xC03111


def open_chip(label: str | None = None) -> Factory:
    """The factory for the GPIO chip of that label; None means the header's of a Raspberry Pi.

    Chips are never chosen by number: it depends on the order in which drivers came up.

    Raises:
        ImportError: lgpio is not installed; it comes with the `edge` extra on the boards that have pins.
        ConfigError: no chip has the label, or this user may not open it.
    """
    # lgpio exists only where there are pins, so it is looked for only when a chip is opened.
    import lgpio
    from gpiozero.exc import PinUnknownPi
    from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin

    class FirstLevelPin(LGPIOPin):  # type: ignore[misc]
        def output_with_state(self, state: bool) -> None:
            if self._callback is not None:
                self._callback.cancel()
                self._callback = None
            lgpio.gpio_claim_output(self.factory._handle, self._number, int(bool(state)))

    class AnyBoardFactory(LGPIOFactory):  # type: ignore[misc]
        def _get_revision(self) -> int:
            try:
                return int(super()._get_revision())
            except PinUnknownPi:
                return _PLAIN_REVISION

    number = find_chip((label,) if label else HEADER_LABELS, Path("/dev"), lambda chip: _label_of(lgpio, chip))
    factory = AnyBoardFactory(chip=number)
    factory.pin_class = FirstLevelPin
    return factory


def find_chip(labels: tuple[str, ...], devices: Path, label_of: Callable[[int], str | None]) -> int:
    """The number of the first chip with one of these labels; those named first win.

    Raises:
        ConfigError: none has; the labels that there are, are named.
    """
    numbers = sorted(int(path.name.removeprefix("gpiochip")) for path in devices.glob("gpiochip[0-9]*"))
    found = {label_of(number): number for number in reversed(numbers)}
    for label in labels:
        if label in found:
            return found[label]
    have = ", ".join(sorted(name for name in found if name)) or "none that this user may open"
    raise ConfigError(f"no GPIO chip {' or '.join(labels)}", where="gpio", remedy=f"Chips here: {have}.")


def _label_of(lgpio: Any, number: int) -> str | None:
    """A chip's label; None for one that this user may not open."""
    try:
        handle = lgpio.gpiochip_open(number)
    except lgpio.error:
        return None
    try:
        return str(lgpio.gpio_get_chip_info(handle)[3])
    finally:
        lgpio.gpiochip_close(handle)
