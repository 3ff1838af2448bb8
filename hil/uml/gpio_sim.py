"""`hil.protocols.Pins` of a guest: the kernel's gpio-sim, driven and read through its own files."""

from __future__ import annotations

from collections.abc import Sequence

from hil.errors import ProcessFailed
from hil.gpio_trace import Chip, find_chip, read_trace
from hil.protocols import Shell
from hil.trace import Edge

_SIM = "/sys/devices/platform/gpio-sim.0"


class GpioSimPins:
    """Pins of the chip with a label."""

    def __init__(self, shell: Shell, label: str) -> None:
        self._shell = shell
        self._label = label

    async def chip(self) -> Chip:
        """
        Raises:
            ProcessFailed: the device has no such chip.
        """
        listing = (await self._shell.run("cat /sys/kernel/debug/gpio")).text
        chip = find_chip(listing, self._label)
        if chip is None:
            raise ProcessFailed(f"no GPIO chip {self._label!r}", where="device", remedy=f"It has: {listing[:400]}")
        return chip

    async def drive(self, line: int, *, high: bool) -> None:
        pull = "pull-up" if high else "pull-down"
        await self._checked(f"echo {pull} > {_SIM}/gpiochip{(await self.chip()).number}/sim_gpio{line}/pull")

    async def level(self, line: int) -> bool:
        return (await self._checked(f"cat {_SIM}/gpiochip*/sim_gpio{line}/value")).strip() == "1"

    async def edges(self) -> Sequence[Edge]:
        return read_trace(await self._checked("cat /sys/kernel/tracing/trace"), await self.chip())

    async def _checked(self, command: str) -> str:
        answer = await self._shell.run(command)
        if answer.code:
            raise ProcessFailed(f"ended with {answer.code}", where=command[:60], remedy=answer.text[-400:])
        return answer.text
