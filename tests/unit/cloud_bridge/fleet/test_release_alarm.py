"""A release that fell back is somebody's work until one of that kind was kept."""

from __future__ import annotations

from cloud_bridge.fleet.alarm_rules import ALARM_TYPES, AlarmChange, alarm_changes

TOLD = {"kind": "image", "version": "1.2.0", "attempt": 0}


def test_release_that_fell_back_raises_an_alarm_that_the_next_one_kept_clears() -> None:
    (raised,) = alarm_changes("release_fell_back", {**TOLD, "reason": "unhealthy:agent_up"}, late=False)
    assert (raised.raised, raised.alarm, raised.subject) == (True, "release_fell_back", "image")
    assert raised.detail == "1.2.0 unhealthy:agent_up"
    assert alarm_changes("release_committed", TOLD, late=False) == (AlarmChange(False, "release_fell_back", "image"),)
    assert {"release_fell_back", "release_committed"} <= ALARM_TYPES
