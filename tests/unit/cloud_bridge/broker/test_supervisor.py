from __future__ import annotations

import pytest

from cloud_bridge.broker.supervisor import backoff_s, next_failures


def test_broker_that_ran_steadily_and_died_is_started_again_at_once() -> None:
    assert backoff_s(next_failures(5, ran_s=3600.0)) == backoff_s(1) == 0.5


@pytest.mark.parametrize(("failures", "pause_s"), [(1, 0.5), (2, 1.0), (6, 30.0), (50, 30.0)])
def test_broker_that_keeps_dying_is_given_more_time_each_time(failures: int, pause_s: float) -> None:
    assert next_failures(failures - 1, ran_s=0.1) == failures
    assert backoff_s(failures) == pause_s
