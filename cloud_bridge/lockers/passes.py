"""Passes: the service certifies the key of a courier's or technician's own phone for a route, half a day."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from cloud_bridge.access.model import Principal
from cloud_bridge.errors import InvalidData, NotFound
from cloud_bridge.lockers import store
from cloud_bridge.lockers.pickups import START_SLACK_MS
from cloud_bridge.ports import Random
from edge.wire.keys import Signer
from edge.wire.pickup_claims import Operation, locker_audience
from edge.wire.pickup_courier import CourierGrant, issue_grant

COURIER_LIFE_MS = 12 * 3600 * 1000
TECHNICIAN_LIFE_MS = 2 * 3600 * 1000
COURIER_OPERATIONS = (Operation.DEPOSIT, Operation.RETRIEVE)
TECHNICIAN_OPERATIONS = (Operation.MAINTAIN,)


@dataclass(frozen=True, slots=True)
class Passes:
    """`issuer` is the fleet's name; `signer` holds a key of the role `pickup`."""

    issuer: str
    signer: Signer
    random: Random

    def grant(
        self, conn: Connection, who: Principal, public: bytes, locker_ids: tuple[str, ...], now_ms: int,
        operations: tuple[Operation, ...] = COURIER_OPERATIONS, life_ms: int = COURIER_LIFE_MS,
    ) -> CourierGrant:  # fmt: skip
        """Certify a person's own key for a route of lockers.

        Raises:
            NotFound: a locker is none of this tenant's.
            InvalidData: no locker on the route.
        """
        if not locker_ids:
            raise InvalidData("no locker on the route", where="locker_ids", remedy="Name at least one.")
        for locker_id in locker_ids:
            locker = store.locker(conn, locker_id)
            if locker is None or locker.tenant != who.tenant:
                raise NotFound("no such locker", where=locker_id)
        return CourierGrant(
            issuer=self.issuer, subject=who.actor.replace("@", ".")[:64], courier_public=public,
            audiences=tuple(locker_audience(locker_id) for locker_id in locker_ids),
            operations=operations, not_before_ms=now_ms - START_SLACK_MS,
            expires_at_ms=now_ms + life_ms, jti=self.random.token(16).hex(),
        )  # fmt: skip

    def grant_text(self, grant: CourierGrant) -> str:
        return issue_grant(grant, self.signer)
