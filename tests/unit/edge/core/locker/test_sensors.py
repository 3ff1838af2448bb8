from __future__ import annotations

from edge.core.locker.desired import Zone
from edge.core.locker.model import SensorRead
from edge.ports import SensorKind
from tests.machine.playbook import Playbook
from tests.machine.visitors import (
    book,
    delivered,
)

ZONE = Zone("cold", (1, 2), 2_000, 8_000, 600)


def cold(play: Playbook | None = None) -> Playbook:
    play = play or delivered(book())
    return play.reserve(zones={"cold": ZONE}).forget()


def reads(
    play: Playbook, value: int | None, kind: SensorKind = SensorKind.TEMPERATURE, subject: str = "cold"
) -> Playbook:
    return play.when(SensorRead(kind, subject, value))


def test_mains_lost_and_back_is_on_record_with_the_battery() -> None:
    play = reads(book(), 80, SensorKind.BATTERY, "ups")
    reads(reads(play, 1, SensorKind.MAINS, "ups"), 0, SensorKind.MAINS, "ups")
    assert play.data("power_changed") == {"source": "battery", "battery_percent": 80}
    assert "mains_lost/" in play.state.durable.alarms
    reads(reads(play, 15, SensorKind.BATTERY, "ups"), None, SensorKind.MAINS, "ups")
    assert "battery_low/" in play.state.durable.alarms
    reads(reads(play, 1, SensorKind.MAINS, "ups"), 30, SensorKind.BATTERY, "ups")
    assert play.state.durable.alarms == frozenset() and play.types().count("power_changed") == 2


def test_opened_enclosure_is_alarmed_until_it_is_shut() -> None:
    play = reads(book(), 1, SensorKind.TAMPER, "lid")
    assert "enclosure_tampered/lid" in play.state.durable.alarms
    assert reads(play, 0, SensorKind.TAMPER, "lid").state.durable.alarms == frozenset()
