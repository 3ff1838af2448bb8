"""Which compartment for a parcel: the smallest free one that fits and serves; each refusal gives its reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import permutations

from cloud_bridge.lockers.model import TEMPERATURES, Compartment, CompartmentView, Size, Wish


@dataclass(frozen=True, slots=True)
class Policy:
    """House rules. Reach limits as in ISO 21542 (400 to 1,100 mm); heavy parcels are not lifted high."""

    clearance_mm: int = 5
    accessible_sill_mm: tuple[int, int] = (400, 1100)
    heavy_from_g: int = 10_000
    heavy_max_sill_mm: int = 1000


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a compartment was not taken. `reason` is stable for programs, `detail` for people."""

    compartment_no: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """The choice, or None, with every refusal; compartments that would have served but are larger are `passed_over`."""

    compartment_no: int | None
    rejected: tuple[Rejection, ...]
    passed_over: tuple[int, ...] = ()


def assign(views: Iterable[CompartmentView], wish: Wish, policy: Policy = Policy()) -> Assignment:
    """Choose a compartment.

    Among those that serve: the smallest volume, then the fewest features that the parcel does not need, then the
    number on the door; so the answer does not depend on the order of `views`.
    """
    serving: list[Compartment] = []
    rejected: list[Rejection] = []
    for view in sorted(views, key=lambda view: view.compartment.no):
        refusal = _refusal(view, wish, policy)
        if refusal is None:
            serving.append(view.compartment)
        else:
            rejected.append(Rejection(view.compartment.no, *refusal))
    serving.sort(key=lambda item: (item.size.volume_mm3, len(item.features - wish.features), item.no))
    if not serving:
        return Assignment(None, tuple(rejected))
    return Assignment(serving[0].no, tuple(rejected), tuple(item.no for item in serving[1:]))


def meets(item: Compartment, wish: Wish, policy: Policy) -> bool:
    """Whether a compartment offers what is needed beside its size: temperature, features, reach."""
    return _need_refusal(item, wish, policy) is None


def fits(parcel: Size, space: Size, *, upright: bool, clearance_mm: int) -> bool:
    """Whether the parcel goes in along the axes in any allowed rotation, with `clearance_mm` to spare on each edge."""
    room = tuple(edge - clearance_mm for edge in (space.width_mm, space.height_mm, space.depth_mm))
    return any(
        all(edge <= limit for edge, limit in zip(turned, room, strict=True)) for turned in _rotations(parcel, upright)
    )


def _rotations(parcel: Size, upright: bool) -> Iterable[tuple[int, int, int]]:
    width, height, depth = parcel.width_mm, parcel.height_mm, parcel.depth_mm
    if upright:
        return ((width, height, depth), (depth, height, width))
    return permutations((width, height, depth), 3)


def _refusal(view: CompartmentView, wish: Wish, policy: Policy) -> tuple[str, str] | None:
    return _state_refusal(view) or _need_refusal(view.compartment, wish, policy) or _size_refusal(view, wish, policy)


def _state_refusal(view: CompartmentView) -> tuple[str, str] | None:
    if not view.enabled:
        return "out_of_service", "it is out of service"
    if view.holds is not None:
        return "occupied", f"it holds parcel {view.holds}"
    if view.reserved_for is not None:
        return "reserved", f"it is reserved for parcel {view.reserved_for}"
    if view.door == "open":
        return "door_open", "its door stands open"
    return None


def _need_refusal(item: Compartment, wish: Wish, policy: Policy) -> tuple[str, str] | None:
    wanted, offered = wish.features & TEMPERATURES, item.features & TEMPERATURES
    if wanted != offered:
        return "temperature", f"it is {_named(offered)}, the parcel needs {_named(wanted)}"
    missing = wish.features - item.features
    if missing:
        return "features", f"it lacks {', '.join(sorted(missing))}"
    low, high = policy.accessible_sill_mm
    if wish.accessible and not low <= item.sill_mm <= high:
        return "reach", f"its sill is at {item.sill_mm} mm, the recipient reaches {low} to {high} mm"
    if wish.weight_g >= policy.heavy_from_g and item.sill_mm > policy.heavy_max_sill_mm:
        return "too_high_to_lift", f"{wish.weight_g} g are not lifted over {policy.heavy_max_sill_mm} mm"
    return None


def _size_refusal(view: CompartmentView, wish: Wish, policy: Policy) -> tuple[str, str] | None:
    space = view.compartment.size
    if fits(wish.size, space, upright=wish.upright, clearance_mm=policy.clearance_mm):
        return None
    return "too_small", f"{_edges(wish.size)} mm do not fit in {_edges(space)} mm"


def _named(temperatures: frozenset[str]) -> str:
    return "/".join(sorted(temperatures)) or "ambient"


def _edges(size: Size) -> str:
    return f"{size.width_mm}×{size.height_mm}×{size.depth_mm}"
