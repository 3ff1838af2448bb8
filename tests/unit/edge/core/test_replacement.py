"""`replace` of the machines' values against the standard library's."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.locker.state import LockerState
from edge.core.replacement import replace
from edge.core.sync.model import SyncState

NAMES = [field.name for field in dataclasses.fields(LockerState)]


@settings(max_examples=25)
@given(st.dictionaries(st.sampled_from(NAMES), st.integers() | st.text()))
def test_replace_makes_what_the_standard_librarys_does_and_leaves_the_old_value(changes) -> None:
    value = LockerState("locker-0001", "ab" * 16)
    before = dataclasses.astuple(value)
    assert replace(value, **changes) == dataclasses.replace(value, **changes)
    assert dataclasses.astuple(value) == before


def test_replaced_value_is_as_frozen_as_any() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        replace(SyncState(), attempts=1).attempts = 2  # type: ignore[misc]


@dataclasses.dataclass
class WithDict:
    a: int = 0


@dataclasses.dataclass(slots=True)
class Checked:
    a: int = 0

    def __post_init__(self) -> None:
        self.a += 1


@pytest.mark.parametrize("value", [SyncState(), WithDict(), Checked()], ids=["no-such-field", "no-slots", "post-init"])
def test_replace_of_what_it_cannot_do_is_refused(value) -> None:
    with pytest.raises(TypeError):
        replace(value, **({"b": 1} if isinstance(value, SyncState) else {"a": 1}))
