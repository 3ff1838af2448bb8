"""A rig ready for plans: its drivers by protocol, opened and closed together."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from hil.errors import PlanUnknown
from hil.protocols import CAPABILITIES

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rig:
    """What a plan gets. `folder` is the run's own; `names` of pins are for pictures."""

    name: str
    backend: str
    folder: Path
    drivers: tuple[object, ...]
    names: dict[int, str] = field(default_factory=dict)

    def get(self, protocol: type[T]) -> T:
        """The driver for a protocol.

        Raises:
            PlanUnknown: this rig has none; the plan must name it among its needs.
        """
        for driver in self.drivers:
            if isinstance(driver, protocol):
                return driver
        raise PlanUnknown(f"has no {protocol.__name__}", where=self.name, remedy="Name it in the plan's needs.")

    def lacks(self, needs: tuple[type, ...]) -> tuple[str, ...]:
        """The names of capabilities that this rig does not have."""
        names = {protocol: name for name, protocol in CAPABILITIES.items()}
        return tuple(names[need] for need in needs if not any(isinstance(driver, need) for driver in self.drivers))
