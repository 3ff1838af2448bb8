"""A short chaos run over the hardened broker; `make chaos` is the long one over all three."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.chaos.faults import REQUIRED, Fault, missing
from tests.chaos.rig import ChaosRig, Terms
from tests.chaos.verdict import judge

FAULTS = {Fault.RESET: 4, Fault.BRIDGE: 1, Fault.BROKER: 1, Fault.DEVICE: 1}
TERMS = Terms("hardened", 3000, 2, 50, 6.0, 100.0, 1, FAULTS, FAULTS)


@pytest.mark.slow
async def test_chaos_over_hardened_broker_stores_each_event_once_and_the_judge_sees_a_spoilt_ledger(
    tmp_path: Path,
) -> None:
    rig = ChaosRig(TERMS, tmp_path, lambda text: None)
    summary = await rig.run()

    assert summary["passed"], summary
    assert (summary["events"], summary["lost"], summary["duplicates"]) == (3000, 0, 0)

    for spoil, word in _SPOILS:
        with closing(rig.cloud.write()) as ledger:
            ledger.execute(spoil)
            found = judge(rig.plans, rig.fleet, ledger)
            assert any(word in problem for problem in found.problems), (spoil, found)
            ledger.rollback()


_NEWEST = "(SELECT max(position) FROM events)"
_SPOILS = (
    (f"DELETE FROM events WHERE position = {_NEWEST}", "not 0, 1, 2"),
    (f"UPDATE events SET seq = seq + 1 WHERE position = {_NEWEST}", "not 0, 1, 2"),
    (f"UPDATE events SET raw = CAST('[]' AS BLOB) WHERE position = {_NEWEST}", "bytes"),
    ("UPDATE devices SET state = 'quarantined' WHERE device_id = 'locker-0001'", "quarantined"),
)


@pytest.mark.parametrize("fault", list(Fault))
def test_too_few_faults_are_told(fault: Fault) -> None:
    done = Counter(REQUIRED)
    assert missing(done, REQUIRED) == []
    done[fault] -= 1
    assert missing(done, REQUIRED) == [f"{REQUIRED[fault] - 1} of {REQUIRED[fault]} {fault.value}s"]
