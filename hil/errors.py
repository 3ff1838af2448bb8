"""Errors of rigs and the demo.

RigError
├── ProcessFailed    a deployable did not start or ended
├── StepFailed       a step of the story did not end as it must
└── ManifestMissing  no parcels to play with
"""

from __future__ import annotations

from typing import ClassVar, Literal


class RigError(Exception):
    """What is wrong, where, and what to do about it."""

    code: ClassVar[str] = "rig"
    retry: ClassVar[Literal["never", "after_s", "after_reset"]] = "never"

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(f"{where}: {what}" if where else what)


class ProcessFailed(RigError):
    code = "process_failed"
    retry = "after_reset"


class StepFailed(RigError):
    code = "step_failed"


class ManifestMissing(RigError):
    code = "manifest_missing"
