"""Errors of the service side.

CloudError
├── InvalidData        a value that entered is outside its grammar            (HTTP 400)
├── NotAuthenticated   no or a wrong credential                               (HTTP 401)
├── NotAllowed         known, but not theirs                                  (HTTP 403)
├── NotFound           no such thing, or not theirs to know                   (HTTP 404)
├── Conflict           contradicts what is stored                             (HTTP 409)
│   └── HeadMoved      another worker wrote this device's head meanwhile
├── NotPossibleNow     the device is offline, quarantined or retired          (HTTP 409)
├── Overloaded         shed before anything was promised                      (HTTP 503)
├── StoreFailed        the database refused or vanished                       (HTTP 503)
├── BrokerOpen         the broker lets anonymous clients in: going live is refused
├── LinkDown           no connection to the broker
└── ConfigError        the configuration is wrong: key, value and remedy named
"""

from __future__ import annotations

from typing import ClassVar, Literal

Retry = Literal["never", "after_s", "after_reset"]


class CloudError(Exception):
    """What is wrong, where, and what to do about it."""

    code: ClassVar[str] = "cloud"
    retry: ClassVar[Retry] = "never"
    status: ClassVar[int] = 500

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(f"{where}: {what}" if where else what)


class InvalidData(CloudError):
    code = "invalid_data"
    status = 400


class NotAuthenticated(CloudError):
    code = "not_authenticated"
    status = 401


class NotAllowed(CloudError):
    code = "not_allowed"
    status = 403


class NotFound(CloudError):
    code = "not_found"
    status = 404


class Conflict(CloudError):
    code = "conflict"
    status = 409


class HeadMoved(Conflict):
    code = "head_moved"
    retry = "after_s"


class NotPossibleNow(CloudError):
    code = "not_possible_now"
    retry = "after_s"
    status = 409


class Overloaded(CloudError):
    code = "overloaded"
    retry = "after_s"
    status = 503


class StoreFailed(CloudError):
    code = "store_failed"
    retry = "after_s"
    status = 503


class BrokerOpen(CloudError):
    code = "broker_open"
    retry = "after_reset"


class LinkDown(CloudError):
    code = "link_down"
    retry = "after_s"


class ConfigError(CloudError):
    code = "config"
