"""The plans, in the order in which they are worth running."""

from __future__ import annotations

from collections.abc import Sequence

from hil.errors import PlanUnknown
from hil.plan import Plan, registered
from hil.plans import card, hardware, identity, pins, power_cuts  # noqa: F401  importing a module registers its plans


def all_plans() -> tuple[Plan, ...]:
    return registered()


def find_plans(names: Sequence[str]) -> tuple[Plan, ...]:
    """The plans of these names, all when none are named. Raises PlanUnknown."""
    known = {item.name: item for item in registered()}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise PlanUnknown(f"no plan {unknown[0]!r}", remedy=f"One of: {', '.join(known)}")
    return tuple(known[name] for name in names) if names else tuple(known.values())
