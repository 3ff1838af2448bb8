"""Runs plans on a rig, one after the other, and tells what came out. A plan that breaks does not end the run."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hil.errors import PlanUnknown, RigError
from hil.measurement import Outcome
from hil.plan import Plan, Recorder
from hil.protocols import Power
from hil.rig import Rig


@dataclass(frozen=True, slots=True)
class PlanResult:
    """What became of one plan; `error` says why it could not be carried through."""

    plan: Plan
    outcome: Outcome
    seconds: float
    record: Recorder
    error: str = ""


@dataclass(frozen=True, slots=True)
class RunResult:
    """A whole run. `unfit` lists the plans that this rig has not the resources for, each with what is missing."""

    rig: str
    backend: str
    results: tuple[PlanResult, ...]
    unfit: tuple[tuple[str, str], ...] = field(default=())

    @property
    def passed(self) -> bool:
        return bool(self.results) and all(result.outcome is Outcome.PASSED for result in self.results)


async def run_plans(
    rig: Rig, plans: Sequence[Plan], *, named: bool, cycles: int, tell: Callable[[PlanResult], None]
) -> RunResult:
    """Run every plan that fits.

    Raises:
        PlanUnknown: a plan that was asked for by name asks for what this rig does not have.
    """
    unfit: list[tuple[str, str]] = []
    results: list[PlanResult] = []
    for item in plans:
        missing = item.unfit_for(rig)
        if missing and named:
            remedy = "Run it on a rig that has it, or add it to the rig file."
            raise PlanUnknown(f"{item.name} needs {', '.join(missing)}", where=rig.name, remedy=remedy)
        if missing:
            unfit.append((item.name, ", ".join(missing)))
            continue
        results.append(await _run(rig, item, Recorder(cycles=cycles)))
        tell(results[-1])
    return RunResult(rig.name, rig.backend, tuple(results), tuple(unfit))


async def _run(rig: Rig, item: Plan, record: Recorder) -> PlanResult:
    began_s = time.monotonic()
    limit_s = item.timeout_s * (record.cycles if item.repeats else 1)
    error = ""
    try:
        async with asyncio.timeout(limit_s):
            await item.body(rig, record)
    except TimeoutError:
        error = f"not done after {limit_s:.0f} s\n{traceback.format_exc()}"
    except RigError as failed:
        error = f"{failed}\n{failed.remedy}"
    except Exception:  # noqa: BLE001  a plan is code under test too: whatever it raises is its result
        error = traceback.format_exc()
    finally:
        await _power_down(rig)
    outcome = Outcome.ERROR if error else record.outcome
    return PlanResult(item, outcome, time.monotonic() - began_s, record, error)


async def _power_down(rig: Rig) -> None:
    """Every plan begins with the power off, whatever the one before it left behind."""
    if not rig.lacks((Power,)):
        await rig.get(Power).cut()
