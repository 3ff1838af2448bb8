"""The pin factory for a real board: gpiozero over lgpio, claiming every output with its first level.

gpiozero's lgpio pin claims an output before it sets its level, and lgpio claims low: an output that acts on a low
level would act for a moment at every start. Here claim and level are one system call.
"""

from __future__ import annotations

from gpiozero.pins import Factory


def open_chip(number: int | None = None) -> Factory:
    """The factory for a GPIO chip; None lets gpiozero find the header's chip.

    Raises:
        ImportError: lgpio is not installed; it comes with the `edge` extra on the boards that have pins.
    """
    # lgpio exists only where there are pins, so it is looked for only when a chip is opened.
    import lgpio
    from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin

    class FirstLevelPin(LGPIOPin):  # type: ignore[misc]
        def output_with_state(self, state: bool) -> None:
            if self._callback is not None:
                self._callback.cancel()
                self._callback = None
            lgpio.gpio_claim_output(self.factory._handle, self._number, int(bool(state)))

    factory = LGPIOFactory(chip=number)
    factory.pin_class = FirstLevelPin
    return factory
