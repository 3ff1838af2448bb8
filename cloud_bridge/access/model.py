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
    PICKUP_LINK = "pickup_link"
    INGEST = "ingest"


class Role(StrEnum):
    """What a token or session stands for. `RECIPIENT` holds the link to one pickup, `DEVICE` sends its own log."""

    OPERATOR = "operator"
    SUPPORT = "support"
    CARRIER = "carrier"
    COURIER = "courier"
    MONITOR = "monitor"
    RECIPIENT = "recipient"
    DEVICE = "device"


_READ = frozenset(
    {
        Permission.DEVICES_READ, Permission.LOCKERS_READ, Permission.PARCELS_READ, Permission.COMMANDS_READ,
        Permission.ALARMS_READ, Permission.NOTIFICATIONS_READ, Permission.LEDGER_READ, Permission.FEED_READ,
        Permission.SESSION,
    }
)  # fmt: skip

GRANTS: Mapping[Role, frozenset[Permission]] = {
    Role.OPERATOR: frozenset(Permission) - {Permission.PICKUP_LINK, Permission.INGEST},
    Role.SUPPORT: _READ | {Permission.COMMANDS_SEND, Permission.PARCELS_WRITE},
    Role.CARRIER: frozenset({Permission.PARCELS_ANNOUNCE, Permission.PARCELS_READ, Permission.SESSION}),
    Role.COURIER: frozenset({Permission.COURIER_WORK, Permission.SESSION}),
    Role.MONITOR: frozenset({Permission.METRICS_READ, Permission.SESSION}),
    Role.RECIPIENT: frozenset({Permission.PICKUP_LINK}),
    Role.DEVICE: frozenset({Permission.INGEST}),
}
TOKEN_ROLES = (Role.OPERATOR, Role.SUPPORT, Role.CARRIER, Role.COURIER, Role.MONITOR, Role.DEVICE)


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
