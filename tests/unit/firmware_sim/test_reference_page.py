"""Everything that a control client may say stands in the reference page."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

import firmware_sim.errors as errors
from firmware_sim import control_requests
from firmware_sim.doors import FactKind
from firmware_sim.faults import FaultName

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "simulator.md"
OPS = [op for model in get_args(control_requests.Request) for op in get_args(model.model_fields["op"].annotation)]
CODES = [kind.code for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.SimError)]


@pytest.mark.parametrize("word", [*OPS, *FaultName, *FactKind, *(code for code in CODES if code != "sim")])
def test_reference_page_names(word):
    assert f"`{word}`" in PAGE.read_text(encoding="utf-8")
