"""Principals, roles and permissions: the one table that says who may do what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """What a route demands. Every route names exactly one."""

    PUBLIC = "public"
    DEVICES_READ = "devices_read"
    DEVICES_WRITE = "devices_write"
    LOCKERS_READ = "lockers_read"
    LOCKERS_WRITE = "lockers_write"
    PARCELS_READ = "parcels_read"
    PARCELS_ANNOUNCE = "parcels_announce"
    PARCELS_WRITE = "parcels_write"
    PARCELS_ERASE = "parcels_erase"
    COMMANDS_READ = "commands_read"
    COMMANDS_SEND = "commands_send"
    ALARMS_READ = "alarms_read"
    NOTIFICATIONS_READ = "notifications_read"
    LEDGER_READ = "ledger_read"
    FEED_READ = "feed_read"
    TOKENS_WRITE = "tokens_write"
    METRICS_READ = "metrics_read"
    SESSION = "session"
    COURIER_WORK = "courier_work"
    MAINTAIN = "maintain"
    TASKS_READ = "tasks_read"
    TASKS_WORK = "tasks_work"
    PARCELS_RETURN = "parcels_return"
    PAYMENTS_WRITE = "payments_write"
    WEBHOOKS_WRITE = "webhooks_write"
    ROLLOUTS_WRITE = "rollouts_write"
    PICKUP_LINK = "pickup_link"
    PICKUP_OWN = "pickup_own"
    DROP_OFF_LINK = "drop_off_link"
    INGEST = "ingest"


class Role(StrEnum):
    """What a token or session stands for. `RECIPIENT`, `PROXY` and `SENDER` hold a link to one thing, `DEVICE` sends
    its own log."""

    OPERATOR = "operator"
    SUPPORT = "support"
    CARRIER = "carrier"
    COURIER = "courier"
    TECHNICIAN = "technician"
    MONITOR = "monitor"
    RECIPIENT = "recipient"
    PROXY = "proxy"
    SENDER = "sender"
    DEVICE = "device"


_READ = frozenset(
    {
        Permission.DEVICES_READ, Permission.LOCKERS_READ, Permission.PARCELS_READ, Permission.COMMANDS_READ,
        Permission.ALARMS_READ, Permission.NOTIFICATIONS_READ, Permission.LEDGER_READ, Permission.FEED_READ,
        Permission.SESSION, Permission.TASKS_READ,
    }
)  # fmt: skip
LINKS = frozenset({Permission.PICKUP_LINK, Permission.PICKUP_OWN, Permission.DROP_OFF_LINK})

GRANTS: Mapping[Role, frozenset[Permission]] = {
    Role.OPERATOR: frozenset(Permission) - LINKS - {Permission.INGEST},
    Role.SUPPORT: _READ | {
        Permission.COMMANDS_SEND, Permission.PARCELS_WRITE, Permission.TASKS_WORK, Permission.PAYMENTS_WRITE,
        Permission.PARCELS_RETURN,
    },
    Role.CARRIER: frozenset({
        Permission.PARCELS_ANNOUNCE, Permission.PARCELS_READ, Permission.PARCELS_RETURN, Permission.PAYMENTS_WRITE,
        Permission.SESSION,
    }),
    Role.COURIER: frozenset({Permission.COURIER_WORK, Permission.PARCELS_RETURN, Permission.SESSION}),
    Role.TECHNICIAN: frozenset({Permission.MAINTAIN, Permission.SESSION}),
    Role.MONITOR: frozenset({Permission.METRICS_READ, Permission.SESSION}),
    Role.RECIPIENT: frozenset({Permission.PICKUP_LINK, Permission.PICKUP_OWN}),
    Role.PROXY: frozenset({Permission.PICKUP_LINK}),
    Role.SENDER: frozenset({Permission.DROP_OFF_LINK}),
    Role.DEVICE: frozenset({Permission.INGEST}),
}  # fmt: skip
TOKEN_ROLES = (
    Role.OPERATOR, Role.SUPPORT, Role.CARRIER, Role.COURIER, Role.TECHNICIAN, Role.MONITOR, Role.DEVICE
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: `actor` goes into records, `tenant` limits every object, `subject` is the one object of a link."""

    role: Role
    tenant: str
    actor: str
    subject: str = ""
    by_cookie: bool = False

    def may(self, permission: Permission) -> bool:
        return permission is Permission.PUBLIC or permission in GRANTS[self.role]


NOBODY = Principal(Role.RECIPIENT, "", "anonymous")
