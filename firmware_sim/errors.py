"""Errors of the simulators.

SimError
├── ConfigInvalid    the locker file is wrong: key and remedy named
├── RequestInvalid   a control line that is no known request
├── UnknownTarget    no such port, module or channel
└── NotPossible      a hand cannot do that now: the door is locked, closed, or already so
"""

from __future__ import annotations

from typing import ClassVar, Literal

Retry = Literal["never", "after_s", "after_reset"]


class SimError(Exception):
    """What is wrong, where, and what to do about it."""

    code: ClassVar[str] = "sim"
    retry: ClassVar[Retry] = "never"

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(f"{where}: {what}" if where else what)


class ConfigInvalid(SimError):
    code = "config_invalid"


class RequestInvalid(SimError):
    code = "request_invalid"


class UnknownTarget(SimError):
    code = "unknown_target"


class NotPossible(SimError):
    code = "not_possible"
    retry = "after_s"


class ControlFailed(SimError):
    """The simulator refused a client's request; `refused_code` is the refusing error's code."""

    code = "control_failed"

    def __init__(self, error: dict[str, str]) -> None:
        super().__init__(error["what"], where=error["where"], remedy=error["remedy"])
        self.refused_code = error["code"]
