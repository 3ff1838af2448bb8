"""Makes tasks and claims of what happened, and closes them: work for people, kept apart from custody."""

from __future__ import annotations

from sqlalchemy import Connection

from cloud_bridge.errors import Conflict, NotFound
from cloud_bridge.lockers import claim_store, reservation_store, task_store
from cloud_bridge.lockers.claims import Claim, ClaimKind, ClaimState
from cloud_bridge.lockers.tasks import Task, TaskKind, TaskState
from cloud_bridge.lockers.telling import Telling
from cloud_bridge.ports import Random


class Duties:
    """Every method runs inside the caller's transaction."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._telling = Telling(random)

    def add(
        self, conn: Connection, tenant: str, kind: TaskKind, locker_id: str, subject: str, reason: str, now_ms: int,
        compartment_no: int | None = None,
    ) -> bool:  # fmt: skip
        """Whether it is a new task; an open one about the same takes the reason up."""
        item = Task(
            self._random.token(16).hex(), tenant, kind, locker_id, compartment_no, subject, (reason,), TaskState.OPEN,
            now_ms,
        )  # fmt: skip
        return task_store.put_task(conn, item)

    def close(
        self, conn: Connection, locker_id: str, kind: TaskKind, subject: str, outcome: str, now_ms: int
    ) -> bool:  # fmt: skip
        """What happened has done it: whether there was such a task."""
        return task_store.finish_about(conn, locker_id, kind, subject, outcome, now_ms)

    def dispute(
        self, conn: Connection, tenant: str, kind: ClaimKind, locker_id: str, parcel_id: str, pickup_id: str,
        now_ms: int, *, compartment_no: int | None, source: str, event_id: str = "",
    ) -> Claim:  # fmt: skip
        """Somebody says a parcel was not there or not whole: a claim, a task to settle it, and both sides are told."""
        made = claim_store.put_claim(conn, Claim(
            self._random.token(16).hex(), tenant, kind, locker_id, compartment_no, parcel_id, pickup_id, source,
            event_id, ClaimState.OPEN, now_ms,
        ))  # fmt: skip
        self.add(conn, tenant, TaskKind.DISPUTE, locker_id, made.claim_id, kind.value, now_ms, compartment_no)
        plans = reservation_store.reservations_of_pickup(conn, pickup_id) if pickup_id else []
        about = next((plan for plan, _ in plans if plan.parcel_id == parcel_id), None)
        if about is not None:
            self._telling.tell(conn, "disputed", about, f"disputed/{made.claim_id}", now_ms)
        return made

    def task(self, conn: Connection, tenant: str, task_id: str, kinds: tuple[TaskKind, ...] = ()) -> Task:
        """Raises NotFound: none of this tenant's, or of no kind that the caller does."""
        found = task_store.task(conn, tenant, task_id)
        if found is None or (kinds and found.kind not in kinds):
            raise NotFound("no such task", where=task_id, remedy="List the tasks.")
        return found

    def claim_task(self, conn: Connection, task: Task, actor: str, now_ms: int) -> Task:
        """Raises Conflict: somebody has it, or it is done. To claim one's own again changes nothing."""
        mine = task.state is TaskState.CLAIMED and task.claimed_by == actor
        if not mine and not task_store.claim(conn, task.task_id, actor, now_ms):
            raise Conflict("the task is taken or done", where=task.task_id, remedy="Choose another.")
        return self.task(conn, task.tenant, task.task_id)

    def finish_task(self, conn: Connection, task: Task, actor: str, outcome: str, now_ms: int) -> Task:
        """Raises Conflict: done before, or somebody else has it."""
        theirs = task.state is TaskState.CLAIMED and task.claimed_by != actor
        if theirs or not task_store.finish(conn, task.task_id, actor, outcome, now_ms):
            raise Conflict("the task is somebody else's, or done", where=task.task_id, remedy="Choose another.")
        return self.task(conn, task.tenant, task.task_id)

    def resolve(
        self, conn: Connection, tenant: str, claim_id: str, state: ClaimState, actor: str, words: str, now_ms: int
    ) -> Claim:
        """Decide a claim; its task is done with it.

        Raises:
            NotFound: none of this tenant's.
            Conflict: decided before.
        """
        found = claim_store.claim(conn, tenant, claim_id)
        if found is None:
            raise NotFound("no such claim", where=claim_id, remedy="See GET /v1/claims.")
        if not claim_store.resolve(conn, claim_id, state, actor, words, now_ms):
            raise Conflict(f"the claim was {found.state.value} before", where=claim_id)
        task_store.finish_about(conn, found.locker_id, TaskKind.DISPUTE, claim_id, state.value, now_ms)
        return claim_store.claim(conn, tenant, claim_id) or found
