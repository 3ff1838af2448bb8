"""Errors of the device side.

EdgeError
├── StorageFull      no space: nothing was written, doors stay closed
├── StorageFailed    the event log cannot be written at all
├── LinkDown         no connection to the broker or a server
├── LineLost         a serial port vanished
├── CoilBusy         a coil or its bus would have to rest for too long: nothing was sent
├── SecretMissing    a secret has not reached this device yet
├── ParcelsInside    doors would be opened behind which parcels lie
├── EnrolmentRefused the fleet does not certify this device: claim used up, not approved, other keys
├── ReleaseRefused   a release must not be installed: `reason` says which rule it broke
├── SlotFailed       a slot cannot be written, read back or switched: the running one stays
└── ConfigError      the configuration is wrong: key, value and remedy named
"""

from __future__ import annotations

from typing import ClassVar, Literal

Retry = Literal["never", "after_s", "after_reset"]


class EdgeError(Exception):
    """What is wrong, where, and what to do about it."""

    code: ClassVar[str] = "edge"
    retry: ClassVar[Retry] = "never"

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(f"{where}: {what}" if where else what)


class StorageFull(EdgeError):
    code = "storage_full"
    retry = "after_s"


class StorageFailed(EdgeError):
    code = "storage_failed"
    retry = "after_reset"


class LinkDown(EdgeError):
    code = "link_down"
    retry = "after_s"


class LineLost(EdgeError):
    code = "line_lost"
    retry = "after_s"


class CoilBusy(EdgeError):
    code = "coil_busy"
    retry = "after_s"


class SecretMissing(EdgeError):
    code = "secret_missing"
    retry = "after_s"


class ConfigError(EdgeError):
    code = "config"


class ParcelsInside(EdgeError):
    code = "parcels_inside"
    retry = "after_reset"


class EnrolmentRefused(EdgeError):
    code = "enrolment_refused"


class ReleaseRefused(EdgeError):
    """`reason`: expired, rollback, unsigned, altered, malformed, not_released, wrong_target, lower_version or
    min_version."""

    code = "release_refused"

    def __init__(self, reason: str, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what, where=where, remedy=remedy or "Publish the repository again, or release anew.")
        self.reason = reason


class SlotFailed(EdgeError):
    code = "slot_failed"
    retry = "after_reset"
