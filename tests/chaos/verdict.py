"""What the ledger holds against what the devices' logs hold and what their appends returned."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from edge.storage.event_store import EventStore
from edge.storage.opening import Owner, Start, open_event_log
from tests.chaos.device_process import LIMITS, DevicePlan, FleetKeys
from tests.fleets import Fleet
from tests.log_world import CountedRandom

_ROWS = """SELECT seq, raw FROM events JOIN streams USING (stream_no)
           WHERE device_id = ? AND stream = ? ORDER BY position"""


@dataclass(slots=True)
class Journal:
    """What a device process wrote down: the marks of returned appends by seq, its link's alarms."""

    marks: dict[int, int] = field(default_factory=dict)
    streams: set[str] = field(default_factory=set)
    alarms: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Verdict:
    """`problems` empty: nothing was lost, doubled or altered."""

    events: int = 0
    returned: int = 0
    lost: int = 0
    duplicates: int = 0
    problems: list[str] = field(default_factory=list)


def read_journal(plan: DevicePlan) -> Journal:
    """Read it; the last line may be torn, it was not finished before the kill."""
    journal = Journal()
    for line in plan.journal.read_bytes().splitlines() if plan.journal.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if "appended" in row:
            journal.streams.add(row["stream"])
            first = row["appended"] - len(row["marks"])
            journal.marks |= dict(enumerate(row["marks"], first))
        elif row["link"].startswith("alarm"):
            journal.alarms.append(row["link"])
    return journal


def newest_receipt(plan: DevicePlan) -> int:
    """The size of the newest receipt that the device has stored: the last whole line of its file."""
    try:
        with plan.receipts.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 64))
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return 0
    return int(lines[-2]) if len(lines) > 1 else 0


def stored_sizes(ledger: sqlite3.Connection) -> dict[str, int]:
    """How many events of each device are durable in the ledger."""
    query = "SELECT device_id, count(*) FROM events JOIN streams USING (stream_no) GROUP BY device_id"
    return dict(ledger.execute(query).fetchall())


def receipts_beyond_ledger(plans: Iterable[DevicePlan], ledger: sqlite3.Connection) -> list[str]:
    """Devices that hold a receipt for more than is durable. The receipts are read first: the ledger only grows."""
    receipted = {plan.device_id: newest_receipt(plan) for plan in plans}
    stored = stored_sizes(ledger)
    return [
        f"{device_id} holds a receipt for {size} events, {stored.get(device_id, 0)} are durable"
        for device_id, size in receipted.items()
        if size > stored.get(device_id, 0)
    ]


def judge(plans: Sequence[DevicePlan], fleet: Fleet, ledger: sqlite3.Connection) -> Verdict:
    """After all processes ended: compare every device's log, event by event, with the ledger."""
    verdict = Verdict()
    for plan in plans:
        _judge_device(plan, fleet, ledger, verdict)
    (total,) = ledger.execute("SELECT count(*) FROM events").fetchone()
    if total != verdict.events:
        verdict.problems.append(f"{total} events in the ledger, {verdict.events} belong to the devices' streams")
    for table in ("quarantined_events", "projection_faults", "gaps"):
        (count,) = ledger.execute(f"SELECT count(*) FROM {table}").fetchone()
        if count:
            verdict.problems.append(f"{count} rows in {table}")
    states = ledger.execute("SELECT device_id, state FROM devices WHERE state != 'active'").fetchall()
    verdict.problems += [f"{device_id} is {state}" for device_id, state in states]
    return verdict


def _judge_device(plan: DevicePlan, fleet: Fleet, ledger: sqlite3.Connection, verdict: Verdict) -> None:
    name, journal = plan.device_id, read_journal(plan)
    stream, own, receipted = _own_events(plan, fleet)
    rows = ledger.execute(_ROWS, (name, stream)).fetchall()
    seqs, raws = [row[0] for row in rows], [bytes(row[1]) for row in rows]
    problems = verdict.problems
    verdict.events += len(rows)
    verdict.returned += len(journal.marks)
    verdict.duplicates += len(seqs) - len(set(seqs))
    verdict.lost += plan.events - len(set(seqs))
    if seqs != list(range(plan.events)):
        problems.append(f"{name}: {len(seqs)} events of {plan.events}, not 0, 1, 2 …")
    if raws != own:
        problems.append(f"{name}: the ledger's bytes are not the log's ({len(own)} events there)")
    if receipted > len(rows):
        problems.append(f"{name}: a receipt for {receipted} events, {len(rows)} are in the ledger")
    if journal.streams - {stream}:
        problems.append(f"{name}: its log was begun anew")
    wrong = [seq for seq, mark in journal.marks.items() if seq >= len(raws) or _mark(raws[seq]) != mark]
    if wrong:
        verdict.lost += len(wrong)
        problems.append(
            f"{name}: {len(wrong)} returned events are not in the ledger as they were, first seq {wrong[0]}"
        )
    problems += [f"{name}: {text}" for text in journal.alarms if text.endswith("True")]


def _mark(raw: bytes) -> int | None:
    """What the device wrote into this event; None when it holds nothing of the kind."""
    try:
        mark = json.loads(raw)["data"]["mark"]
    except (ValueError, LookupError, TypeError):
        return None
    return int(mark)


def _own_events(plan: DevicePlan, fleet: Fleet) -> tuple[str, list[bytes], int]:
    owner = Owner(fleet.name, plan.device_id, FleetKeys(fleet.devices[plan.device_id]))
    opened = open_event_log(plan.log, owner, Start(CountedRandom(), 0), lambda store: store, LIMITS)
    store: EventStore = opened.log
    events = store.read_tail(0)
    store.close()
    return opened.head.stream, events, opened.head.receipted_size
