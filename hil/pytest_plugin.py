"""pytest plugin: a rig file given on the command line is a test file, and every plan is a test of it.

`pytest -p hil.pytest_plugin hil/rigs/uml.yaml --rig-cycles 100 -k zero_pulses`
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from hil.backends import open_rig
from hil.errors import RigError
from hil.measurement import Outcome
from hil.plan import Plan
from hil.plans import all_plans
from hil.rig import Rig
from hil.rig_file import Described, read_rig_file
from hil.runner import PlanResult, run_plans


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("rig").addoption("--rig-cycles", type=int, default=10, help="how often repeating plans repeat")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> RigModule | None:
    if file_path.suffix == ".yaml" and parent.session.isinitpath(file_path):
        return RigModule.from_parent(parent, path=file_path)
    return None


class RigModule(pytest.File):
    """One rig, opened for its first plan and closed after its last."""

    def collect(self) -> Iterator[PlanItem]:
        try:
            self._described: Described = read_rig_file(self.path)
        except RigError as error:
            raise self.CollectError(f"{error}\n{error.remedy}") from error
        for plan in all_plans():
            yield PlanItem.from_parent(self, name=plan.name, plan=plan)

    def setup(self) -> None:
        self._runner = asyncio.Runner()
        self._opened = AsyncExitStack()
        folder = Path(tempfile.mkdtemp(prefix="rig-"))
        self.rig: Rig = self._runner.run(self._opened.enter_async_context(open_rig(self._described, folder)))

    def teardown(self) -> None:
        self._runner.run(self._opened.aclose())
        self._runner.close()

    def run_plan(self, plan: Plan) -> PlanResult:
        cycles = self.config.getoption("--rig-cycles")
        run = self._runner.run(run_plans(self.rig, [plan], named=True, cycles=cycles, tell=lambda _: None))
        return run.results[0]


class PlanItem(pytest.Item):
    """A plan on a rig; its measurements are properties of the test."""

    def __init__(self, *, plan: Plan, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]
        self._plan = plan

    def runtest(self) -> None:
        module = self.parent
        assert isinstance(module, RigModule)
        missing = self._plan.unfit_for(module.rig)
        if missing:
            pytest.skip(f"this rig has no {', '.join(missing)}")
        result = module.run_plan(self._plan)
        for found in result.record.measurements:
            self.user_properties.append((found.name, f"{found.value} {found.unit}"))
        if result.outcome is not Outcome.PASSED:
            wrong = [str(found) for found in result.record.measurements if found.outcome is Outcome.FAILED]
            raise PlanNotPassed(result.error or "\n".join(wrong) or "measured nothing")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        if isinstance(excinfo.value, PlanNotPassed | RigError):
            return f"{self._plan.name}: {excinfo.value}\n{getattr(excinfo.value, 'remedy', '')}"
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"plan: {self._plan.name}"


class PlanNotPassed(Exception):
    """A figure was out of its limits, or the plan broke off."""
