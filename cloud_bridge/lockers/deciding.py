"""Decisions with their reasons: asked, answered, kept for replay. Inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from sqlalchemy import Connection

from cloud_bridge.lockers import custody_store, decision_store, place_store, reservation_store, store, upkeep_store
from cloud_bridge.lockers.assignment import Assignment, Policy, assign
from cloud_bridge.lockers.custody import CompartmentFacts
from cloud_bridge.lockers.decision_store import Decision
from cloud_bridge.lockers.forecasting import LEAD_MS, classes_of, outlook_of, request_of, survivals_of
from cloud_bridge.lockers.locker_choice import NEAREST, Candidate, Choice, ChoicePolicy, suits
from cloud_bridge.lockers.model import CompartmentView, Wish
from cloud_bridge.lockers.opening_hours import is_open, open_minutes
from cloud_bridge.lockers.place_store import Need
from cloud_bridge.lockers.places import Place
from cloud_bridge.lockers.promise import Promise, PromisePolicy
from cloud_bridge.lockers.questions import (
    Answer,
    CompartmentQuestion,
    LockerQuestion,
    PromiseQuestion,
    Question,
    kind_of,
    pack,
)
from cloud_bridge.lockers.site_time import local, time_zone
from cloud_bridge.lockers.sphere import Point
from cloud_bridge.lockers.store import ParcelRow
from cloud_bridge.lockers.upkeep_store import Leaving
from cloud_bridge.ports import Random

MOST_LOOKED_AT = 40
MOST_OFFERED = 3
AMPLE = 2  # a locker that is less than half full needs no forecast
NOBODY = ""


class Deciding:
    """`policy` judges compartments, `choice` weighs lockers, `promises` bounds what is promised."""

    def __init__(
        self,
        random: Random,
        policy: Policy = Policy(),
        choice: ChoicePolicy = ChoicePolicy(),
        promises: PromisePolicy = PromisePolicy(),
    ) -> None:
        self._random = random
        self._policy = policy
        self._choice = choice
        self._promises = promises

    # --- compartments ----------------------------------------------------------------------------------------

    def views(self, conn: Connection, locker_id: str) -> list[CompartmentView]:
        """Every compartment as it stands now."""
        facts = custody_store.compartment_facts(conn, locker_id)
        active = reservation_store.active_reservations(conn, locker_id)
        reserved = {item.compartment_no: item.parcel_id for item in active}
        views = []
        for item in store.compartments_of(conn, locker_id):
            fact = facts.get(item.no, CompartmentFacts())
            held = fact.holds[0] if fact.holds else None
            views.append(CompartmentView(item, fact.enabled, fact.door, held, reserved.get(item.no)))
        return views

    def compartment(
        self, conn: Connection, tenant: str, parcel_id: str, locker_id: str, wish: Wish, now_ms: int,
        without: int | None = None,
    ) -> Assignment:  # fmt: skip
        """Choose a compartment; `without`: not this one."""
        views = tuple(view for view in self.views(conn, locker_id) if view.compartment.no != without)
        question = CompartmentQuestion(wish, self._policy, views)
        answer = question.answer()
        self._keep(conn, tenant, parcel_id, locker_id, question, answer, now_ms)
        return answer

    def has_room(self, conn: Connection, locker_id: str, wish: Wish) -> bool:
        """Whether a compartment serves now; nothing is decided by it."""
        return assign(self.views(conn, locker_id), wish, self._policy).compartment_no is not None

    def promise(self, conn: Connection, row: ParcelRow, locker_id: str, now_ms: int) -> Promise | None:
        """What the forecast says of a locker for a parcel that comes later.

        None: nothing to weigh, because there is room enough whatever happens, or no compartment is large enough.
        """
        classes = classes_of(self.views(conn, locker_id), row.wish, self._policy)
        request = request_of(row.wish, row.carrier, classes, now_ms)
        if request is None:
            return None
        outlook = outlook_of(conn, locker_id, classes, now_ms)
        if (len(outlook.held) + len(outlook.promised)) * AMPLE < sum(outlook.capacity):
            return None
        survivals = survivals_of(conn, row.tenant, request, outlook, now_ms)
        question = PromiseQuestion(request, self._promises, (outlook,), survivals)
        answer = question.answer()
        self._keep(conn, row.tenant, row.parcel_id, locker_id, question, answer, now_ms)
        return answer

    @staticmethod
    def drop_at_ms(now_ms: int) -> int:
        """When a parcel that is announced now is expected to come."""
        return now_ms + LEAD_MS

    # --- lockers ---------------------------------------------------------------------------------------------

    def locker(
        self, conn: Connection, tenant: str, parcel_id: str, centre: Point, wish: Wish, now_ms: int, radius_m: int
    ) -> tuple[str, Choice]:
        """Choose a locker around a point; the decision's id, and all that was weighed."""
        policy = replace(self._choice, radius_m=radius_m)
        around = self.candidates(conn, tenant, centre, wish, now_ms, radius_m)
        question = LockerQuestion(wish, policy, tuple(islice(around, MOST_LOOKED_AT)))
        answer = question.answer()
        return self._keep(conn, tenant, parcel_id, answer.locker_id or NOBODY, question, answer, now_ms), answer

    def nearby(self, conn: Connection, tenant: str, origin: str, wish: Wish, now_ms: int) -> tuple[str, ...]:
        """Other lockers that suit, the nearest first, within the policy's radius; none where no place is known."""
        place = place_store.place_of(conn, origin)
        if place is None:
            return ()
        policy = replace(NEAREST, radius_m=self._choice.radius_m)
        looked_at: list[Candidate] = []
        around = self.candidates(conn, tenant, place.point, wish, now_ms, policy.radius_m, serving=True)
        for item in islice((item for item in around if item.locker_id != origin), MOST_LOOKED_AT):
            looked_at.append(item)
            if sum(suits(each, policy) for each in looked_at) == MOST_OFFERED:
                break
        question = LockerQuestion(wish, policy, tuple(looked_at))
        answer = question.answer()
        self._keep(conn, tenant, NOBODY, origin, question, answer, now_ms)
        return tuple(item.locker_id for item in answer.ranked)

    def candidates(
        self, conn: Connection, tenant: str, centre: Point, wish: Wish, now_ms: int, radius_m: int,
        serving: bool = False,
    ) -> Iterator[Candidate]:  # fmt: skip
        """A tenant's lockers around a point as they matter to this wish, the nearest first.

        `serving`: without those that the database alone can tell have nothing free that serves.
        """
        need = self._need(wish) if serving else None
        for away_m, place in place_store.nearest_places(conn, tenant, centre, radius_m, need=need):
            yield self._candidate(conn, away_m, place, wish, now_ms)

    def _need(self, wish: Wish) -> Need:
        low_mm, high_mm = self._policy.accessible_sill_mm if wish.accessible else (0, 10**6)
        return Need(
            wish.size.volume_mm3, "chilled" in wish.features, "frozen" in wish.features, low_mm, high_mm
        )  # fmt: skip

    def _candidate(self, conn: Connection, away_m: float, place: Place, wish: Wish, now_ms: int) -> Candidate:
        views = self.views(conn, place.locker_id)
        site, upkeep = store.locker(conn, place.locker_id), upkeep_store.upkeep_of(conn, place.locker_id)
        zone = time_zone(site.time_zone if site is not None else "UTC")
        busy = sum(view.holds is not None or view.reserved_for is not None or not view.enabled for view in views)
        return Candidate(
            place.locker_id, round(away_m), is_open(place.hours, zone, now_ms),
            open_minutes(place.hours, local(now_ms, zone).date()),
            upkeep is not None and upkeep.leaving is not Leaving.IN_SERVICE, assign(views, wish, self._policy), busy,
            len(views),
        )  # fmt: skip

    def _keep(
        self, conn: Connection, tenant: str, parcel_id: str, locker_id: str, question: Question,
        answer: Answer, now_ms: int,
    ) -> str:  # fmt: skip
        decision_id = self._random.token(16).hex()
        kept = Decision(
            decision_id, tenant, kind_of(question), parcel_id, locker_id, now_ms, pack(question), pack(answer)
        )
        decision_store.insert_decision(conn, kept)
        return decision_id
