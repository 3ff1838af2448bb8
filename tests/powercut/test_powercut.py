"""A short run of the harness; `python -m tests.powercut` is the long one."""

from __future__ import annotations

import random

from tests.powercut.__main__ import cut, summarise
from tests.powercut.disk import Disk


def test_twenty_cuts_full_lose_nothing_and_normal_loses() -> None:
    full, control = cut(20, 7, unsafe=False), cut(40, 7, unsafe=True)
    assert (full.cuts, full.lost, full.duplicated, full.corrupt, full.wrong) == (20, 0, 0, 0, [])
    assert full.acknowledged > 100
    assert full.checkpoints > 10
    assert control.lost > 0
    assert summarise(full, control, 0)["passed"] is True


def test_summary_control_without_losses_proves_nothing() -> None:
    full = cut(2, 3, unsafe=False)
    assert summarise(full, full, 0)["passed"] is False


def test_disk_synced_bytes_survive_and_unsynced_may_not() -> None:
    outcomes = set()
    for seed in range(40):
        disk = Disk(100)
        file = disk.open("a", create=True)
        file.write(b"synced", 0)
        disk.sync(file)
        file.write(b"later!", 6)
        outcomes.add(bytes(disk.after_cut(random.Random(seed), 1).files["a"].content))
    assert all(content.startswith(b"synced") for content in outcomes)
    assert {b"synced", b"syncedlater!"} <= outcomes


def test_disk_same_seed_cuts_the_same() -> None:
    first, second = cut(5, 11, unsafe=True), cut(5, 11, unsafe=True)
    assert first == second
