"""Errors of provisioning, each with the exit code of its command.

ProvisioningError      1
├── StorageFailed      1  the fleet folder cannot be read or written
├── Unsafe             1  a private file is open to other users
├── ToolMissing        1  a program, package or right of the machine that building needs
├── BuildFailed        1  a step of building an image ended with an error
├── Usage              2  options that do not go together
├── NotFound           3  no such fleet, device or key
├── Conflict           4  it contradicts what is recorded
├── Unauthenticated    4  nobody is shown to ask: no claim, a wrong secret, a certificate that is not in use
├── Denied             4  a claim, an approval or a certificate does not allow it
└── Refused            5  the request is malformed or outside the policy
"""

from __future__ import annotations

from typing import ClassVar, Literal

Retry = Literal["never", "after_s", "after_reset"]


class ProvisioningError(Exception):
    """What is wrong, where, and what to do about it."""

    code: ClassVar[str] = "provisioning"
    retry: ClassVar[Retry] = "never"
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(f"{where}: {what}" if where else what)


class StorageFailed(ProvisioningError):
    code = "storage_failed"
    retry = "after_reset"


class Unsafe(ProvisioningError):
    code = "unsafe"


class Usage(ProvisioningError):
    code = "usage"
    exit_code = 2


class NotFound(ProvisioningError):
    code = "not_found"
    exit_code = 3


class Conflict(ProvisioningError):
    code = "conflict"
    exit_code = 4


class Unauthenticated(ProvisioningError):
    code = "unauthenticated"
    exit_code = 4


class Denied(ProvisioningError):
    code = "denied"
    exit_code = 4


class Refused(ProvisioningError):
    code = "refused"
    exit_code = 5


class ToolMissing(ProvisioningError):
    code = "tool_missing"


class BuildFailed(ProvisioningError):
    code = "build_failed"
    retry = "after_reset"
