"""What the cabinet's own sensors say: temperatures, mains, battery, enclosure. None of them gates a door."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edge.core.locker import zones
from edge.core.locker.fold import alarm_key
from edge.core.locker.model import SensorRead, Signal
from edge.core.locker.state import Turn
from edge.ports import SensorKind

BATTERY_LOW_PERCENT, BATTERY_WELL_PERCENT = 20, 30


def sensor_read(turn: Turn, event: SensorRead) -> None:
    """A new reading of one sensor. A lost sensor other than a thermometer leaves what it said last."""
    _KINDS[event.kind](turn, event)


def _temperature(turn: Turn, event: SensorRead) -> None:
    zones.temperature_read(turn, event.subject, event.value)


def _mains(turn: Turn, event: SensorRead) -> None:
    lost = alarm_key("mains_lost", None) in turn.state.durable.alarms
    if event.value is None or lost == (event.value == 0):
        return
    source = "battery" if event.value == 0 else "mains"
    turn.record("power_changed", source=source, battery_percent=turn.state.battery_percent)
    if event.value == 0:
        turn.alarm("mains_lost")
    else:
        turn.clear_alarm("mains_lost")


def _battery(turn: Turn, event: SensorRead) -> None:
    if event.value is None:
        return
    turn.set(battery_percent=max(0, event.value))
    if event.value < BATTERY_LOW_PERCENT:
        turn.alarm("battery_low", detail=f"{event.value} %")
    elif event.value >= BATTERY_WELL_PERCENT:
        turn.clear_alarm("battery_low")


def _tamper(turn: Turn, event: SensorRead) -> None:
    if event.value == 1:
        turn.alarm("enclosure_tampered", event.subject)
        turn.emit(Signal("attention"))
    elif event.value == 0:
        turn.clear_alarm("enclosure_tampered", event.subject)


_KINDS: Mapping[SensorKind, Callable[[Turn, SensorRead], None]] = {
    SensorKind.TEMPERATURE: _temperature,
    SensorKind.AMBIENT: _temperature,
    SensorKind.MAINS: _mains,
    SensorKind.BATTERY: _battery,
    SensorKind.TAMPER: _tamper,
}
