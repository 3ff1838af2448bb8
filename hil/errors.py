"""Errors of rigs and the demo.

RigError
├── ProcessFailed     a deployable or a guest did not start, ended, or did not answer in time
├── StepFailed        a step of the story did not end as it must
├── ManifestMissing   no parcels to play with
├── RigFileInvalid    a rig file that does not say what it must
├── PlanUnknown       a plan that does not exist, or that this rig cannot run
├── ToolMissing       a program, package or right of the machine that the rig needs
└── BuildFailed       a part of a rig could not be built
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


class RigFileInvalid(RigError):
    code = "rig_file_invalid"


class PlanUnknown(RigError):
    code = "plan_unknown"


class ToolMissing(RigError):
    code = "tool_missing"


class BuildFailed(RigError):
    code = "build_failed"
