from __future__ import annotations

from dataclasses import replace

import pytest

from edge.core.locker.model import (
    Pressed,
    Scanned,
    Started,
    TimerFired,
)
from edge.core.locker.steps import Step
from tests.machine.visitors import book, courier_code, deposit, pickup_code, scan


@pytest.mark.parametrize("text", ["PW001", "PW1:Pgarbage", "PW1:Agarbage", "\x10config", "x" * 2000, ""])
def test_scan_without_a_valid_credential_opens_nothing(text: str) -> None:
    play = scan(book(), text)
    assert play.pulses() == []
    assert play.state.session.step in (Step.REFUSED, Step.IDLE)


def test_new_log_opens_nothing_for_the_public_before_the_cloud_has_restored_it() -> None:
    play = book()
    play.state = replace(play.state, durable=replace(play.state.durable, restored=False))
    play.when(Started("test", "boot"))
    scan(play, courier_code(1))
    scan(play, pickup_code(2, 31))
    assert play.pulses() == [] and play.state.session.step is Step.CLOSED


def test_scan_that_waited_behind_a_slow_disk_opens_nothing_for_the_next_person() -> None:
    play = deposit(scan(book(), courier_code(1)))
    play.when(Pressed("done", play.fresh()), TimerFired("session")).forget()
    asked_mono_ms = play.now.mono_ms
    play.wait(15_001).when(Scanned(pickup_code(2, 31), play.fresh(), asked_mono_ms))
    assert play.events == [] and play.pulses() == []
