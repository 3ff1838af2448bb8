"""A plan: a named procedure with what it needs of a rig, and the recorder that it writes its findings to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from hil.measurement import Measurement, Outcome
from hil.rig import Rig
from hil.trace import Edge, draw


@dataclass(slots=True)
class Recorder:
    """The findings of one run of one plan. `cycles` is how often a repeating plan repeats."""

    cycles: int = 10
    measurements: list[Measurement] = field(default_factory=list)
    pictures: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def measure(
        self, name: str, value: int, unit: str, *, low: int | None = None, high: int | None = None
    ) -> Measurement:
        """Record a figure; a figure out of its limits fails the plan, which goes on to find out more."""
        found = Measurement(name, value, unit, low, high)
        self.measurements.append(found)
        return found

    def require(self, name: str, holds: bool) -> None:
        """Record a condition as a measurement: 1 if it holds."""
        self.measure(name, int(holds), "bool", low=1)

    def picture(self, title: str, edges: Sequence[Edge], names: dict[int, str]) -> None:
        self.pictures.append((title, draw(edges, names, title)))

    def note(self, text: str) -> None:
        self.notes.append(text)

    @property
    def outcome(self) -> Outcome:
        """A plan that measured nothing has proved nothing."""
        passed = bool(self.measurements) and all(item.outcome is Outcome.PASSED for item in self.measurements)
        return Outcome.PASSED if passed else Outcome.FAILED


Body = Callable[[Rig, Recorder], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Plan:
    """`timeout_s` bounds one run, or one cycle of a plan that repeats."""

    name: str
    summary: str
    needs: tuple[type, ...]
    body: Body
    timeout_s: float = 300
    repeats: bool = False
    only_bench: bool = False

    def unfit_for(self, rig: Rig) -> tuple[str, ...]:
        """What it needs and this rig has not."""
        return rig.lacks(self.needs) or (("bench",) if self.only_bench and rig.backend != "bench" else ())


_PLANS: dict[str, Plan] = {}


def plan(
    *needs: type, summary: str, timeout_s: float = 300, repeats: bool = False, only_bench: bool = False
) -> Callable[[Body], Body]:
    """Register a procedure under its function's name."""

    def register(body: Body) -> Body:
        name = str(body.__name__)  # type: ignore[attr-defined]
        _PLANS[name] = Plan(name, summary, needs, body, timeout_s, repeats, only_bench)
        return body

    return register


def registered() -> tuple[Plan, ...]:
    """Every plan whose module was imported, in the order of their writing; `hil.plans` imports all of them."""
    return tuple(_PLANS.values())
