"""Reed contacts, lamps and buzzers on the computer's own pins, through gpiozero.

gpiozero calls back on its own thread and a filter may swallow the last change, so a callback only says "look": the
level is read on the event loop after it has settled, and `reconcile` may be called at any time to look again.
Outputs are claimed with their inactive level and are inactive before they are given back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gpiozero import DigitalInputDevice, OutputDevice
from gpiozero.pins import Factory

from edge.ports import DoorState


class Reed:
    """A door contact.

    Args:
        pin: BCM number or any name the factory knows.
        closed_high: whether a closed door reads high. With the contact to ground and `pull="up"` it reads low.
        pull: "up", "down", or None where the board has its own resistor.
        on_change: called on the event loop with the settled state whenever it differs from the last one told.
        settle_ms: how long the level must have been left alone before it is read.
    """

    def __init__(
        self,
        pin: int | str,
        on_change: Callable[[DoorState], None],
        *,
        factory: Factory,
        closed_high: bool = False,
        pull: str | None = "up",
        settle_ms: int = 30,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_change = on_change
        self._settle_s = settle_ms / 1000
        self._timer: asyncio.TimerHandle | None = None
        self._restless_since_s: float | None = None
        pull_up = None if pull is None else pull == "up"
        active = None if pull is not None else closed_high
        self._device = DigitalInputDevice(pin, pull_up=pull_up, active_state=active, pin_factory=factory)
        # With a pull, gpiozero counts the level against the pull as active.
        active_high = closed_high if pull is None else not pull_up
        self._closed_when_active = active_high == closed_high
        self._told = self.state()
        self._device.when_activated = self._wake
        self._device.when_deactivated = self._wake

    def state(self) -> DoorState:
        """The level at this moment."""
        active = bool(self._device.value)
        return DoorState.CLOSED if active == self._closed_when_active else DoorState.OPEN

    def reconcile(self) -> None:
        """Look at the level now, and tell if it is not what was told last."""
        self._restless_since_s = None
        state = self.state()
        if state is not self._told:
            self._told = state
            self._on_change(state)

    def reconcile_settled(self) -> None:
        """If the level is not what was told last and nobody said so (a lost edge), look again once it has settled."""
        if self._restless_since_s is None and self.state() is not self._told:
            self._look_later()

    @property
    def restless_ms(self) -> int:
        """For how long the level has not settled; a contact that chatters for ever says nothing."""
        return 0 if self._restless_since_s is None else int((self._loop.time() - self._restless_since_s) * 1000)

    def close(self) -> None:
        self._device.when_activated = None
        self._device.when_deactivated = None
        if self._timer is not None:
            self._timer.cancel()
        self._device.close()

    def _wake(self) -> None:
        # On gpiozero's thread: nothing but the hop.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._look_later)

    def _look_later(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._restless_since_s is None:
            self._restless_since_s = self._loop.time()
        if not self._device.closed:
            self._timer = self._loop.call_later(self._settle_s, self.reconcile)


class OutputPin:
    """A lamp, buzzer or anything else that is either active or not; inactive at birth and at the end.

    Args:
        active_high: False for outputs that act on a low level.
    """

    def __init__(self, pin: int | str, *, factory: Factory, active_high: bool = True) -> None:
        self._device = OutputDevice(pin, active_high=active_high, initial_value=False, pin_factory=factory)

    @property
    def active(self) -> bool:
        return bool(self._device.value)

    def set(self, active: bool) -> None:
        self._device.value = active

    async def pulse(self, duration_ms: int) -> None:
        """Active for that time, and inactive afterwards whatever happens meanwhile."""
        self.set(True)
        try:
            await asyncio.sleep(duration_ms / 1000)
        finally:
            self.set(False)

    def close(self) -> None:
        if not self._device.closed:
            self._device.off()
            self._device.close()
