"""Temperatures: a zone outside its limits for longer than its goods bear blocks its compartments."""

from __future__ import annotations

from edge.core.locker.desired import Zone
from edge.core.locker.fold import alarm_key
from edge.core.locker.model import StartTimer, StopTimer
from edge.core.locker.state import Turn, ZoneWatch
from edge.core.replacement import replace

SAMPLE_EVERY_MS = 900_000
LOST = "temperature_sensor_lost"


def temperature_read(turn: Turn, name: str, temperature_mc: int | None) -> None:
    """A reading, or none: what nobody measures is unverified and blocks nothing by itself."""
    if temperature_mc is None:
        turn.alarm(LOST, name)
        turn.emit(StopTimer(f"zone:{name}"))
        return
    turn.clear_alarm(LOST, name)
    watch = replace(turn.state.zones.get(name, ZoneWatch()), temperature_mc=temperature_mc)
    if watch.sampled_mono_ms is None or turn.now.mono_ms - watch.sampled_mono_ms >= SAMPLE_EVERY_MS:
        turn.record("temperature_sampled", zone=name, temperature_mc=temperature_mc)
        watch = replace(watch, sampled_mono_ms=turn.now.mono_ms)
    _keep(turn, name, watch)
    _judge(turn, name)


def judge_all(turn: Turn) -> None:
    """New limits: every zone is looked at again."""
    for name in turn.state.zones:
        _judge(turn, name)


def timed_out(turn: Turn, name: str) -> None:
    """The zone has been outside for as long as it may, if it still is."""
    _judge(turn, name)


def _judge(turn: Turn, name: str) -> None:
    zone, watch = turn.state.desired.zones.get(name), turn.state.zones.get(name)
    if zone is None or watch is None or watch.temperature_mc is None or _lost(turn, name):
        return
    if zone.low_mc <= watch.temperature_mc <= zone.high_mc:
        _inside(turn, zone, watch)
    else:
        _outside(turn, zone, watch, watch.temperature_mc)


def _inside(turn: Turn, zone: Zone, watch: ZoneWatch) -> None:
    if watch.outside_since_mono_ms is not None:
        _keep(turn, zone.zone, replace(watch, outside_since_mono_ms=None))
        turn.emit(StopTimer(f"zone:{zone.zone}"))
    if not _standing(turn, zone.zone):
        return
    turn.record("temperature_recovered", zone=zone.zone, temperature_mc=watch.temperature_mc)
    for no in zone.compartments:
        slot = turn.state.durable.slot(no)
        if slot.disabled == "temperature" and not slot.held and no not in turn.state.durable.custody:
            turn.record("compartment_enabled", compartment_no=no)


def _outside(turn: Turn, zone: Zone, watch: ZoneWatch, temperature_mc: int) -> None:
    """Counted from the first reading outside; a sensor that was lost meanwhile proves nothing better."""
    since_ms = turn.now.mono_ms if watch.outside_since_mono_ms is None else watch.outside_since_mono_ms
    _keep(turn, zone.zone, replace(watch, outside_since_mono_ms=since_ms))
    if _standing(turn, zone.zone):
        return
    lasted_ms = turn.now.mono_ms - since_ms
    if lasted_ms < zone.max_s * 1000:
        turn.emit(StartTimer(f"zone:{zone.zone}", zone.max_s * 1000 - lasted_ms))
        return
    turn.record(
        "temperature_excursion",
        zone=zone.zone,
        temperature_mc=temperature_mc,
        limit_mc=zone.low_mc if temperature_mc < zone.low_mc else zone.high_mc,
        lasted_s=lasted_ms // 1000,
    )
    for no in zone.compartments:
        if turn.state.compartment(no) is not None and turn.state.durable.slot(no).disabled is None:
            turn.record("compartment_disabled", compartment_no=no, reason="temperature")


def _keep(turn: Turn, name: str, watch: ZoneWatch) -> None:
    turn.set(zones={**turn.state.zones, name: watch})


def _lost(turn: Turn, name: str) -> bool:
    return alarm_key(LOST, name) in turn.state.durable.alarms


def _standing(turn: Turn, name: str) -> bool:
    return alarm_key("temperature_excursion", name) in turn.state.durable.alarms
