"""The load both ingest benchmarks share: signed batches of many devices, and the rows they end as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cloud_bridge.ledger.appending import EventRow
from edge.wire.checkpoint import Checkpoint, sign_checkpoint
from edge.wire.envelope import Kind, wrap
from edge.wire.event import EventDraft, LogIdentity, encode_event
from edge.wire.ids import origin_of, source_of
from edge.wire.merkle import Frontier, leaf_hash
from edge.wire.messages import Batch
from tests.cloud_world import NOW_MS
from tests.fleets import Fleet, make_fleet

BATCH_EVENTS = 175  # 63 KB: the limit of 64 KiB is reached before 500 events of this size
KINDS = ("visit_started", "unlock_authorised", "unlock_finished", "door_opened", "door_closed", "parcel_deposited",
         "visit_ended")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Load:
    """`batches`: (device_id, envelope); `rows`: the same events as ledger rows, batch by batch."""

    fleet: Fleet
    batches: list[tuple[str, bytes]]
    rows: list[list[EventRow]]

    @property
    def events(self) -> int:
        return sum(map(len, self.rows))


def make_load(devices: int, batches_each: int, seed: int = 0) -> Load:
    """Ordinary deposits, round robin over the devices, each batch ending at a commit with its signed checkpoint."""
    fleet = make_fleet(devices, seed)
    per_device = {device_id: _device_batches(fleet, device_id, batches_each) for device_id in fleet.devices}
    batches: list[tuple[str, bytes]] = []
    rows: list[list[EventRow]] = []
    for number in range(batches_each):
        for stream_no, device_id in enumerate(per_device, 1):
            envelope, drafts = per_device[device_id][number]
            batches.append((device_id, envelope))
            first = sum(map(len, rows)) + 1
            rows.append([_row(first + i, stream_no, seq, draft, raw) for i, (seq, draft, raw) in enumerate(drafts)])
    return Load(fleet, batches, rows)


def _device_batches(
    fleet: Fleet, device_id: str, count: int
) -> list[tuple[bytes, list[tuple[int, EventDraft, bytes]]]]:
    device, stream, frontier, made = fleet.devices[device_id], "ab" * 16, Frontier(), []
    identity = LogIdentity(fleet.name, device_id, stream, 1)
    for _ in range(count):
        first = frontier.size
        drafts = [(first + i, _draft(device_id, first + i)) for i in range(BATCH_EVENTS)]
        items = [(seq, draft, encode_event(draft, identity, seq)) for seq, draft in drafts]
        frontier = frontier.append(leaf_hash(raw) for _, _, raw in items)
        head = Checkpoint(origin_of(fleet.name, device_id, stream), frontier.size, frontier.root())
        note = sign_checkpoint(head, source_of(fleet.name, device_id), device.signer)
        body = Batch(device_id, stream, first, note, tuple(raw for _, _, raw in items)).encode()
        made.append((wrap(Kind.BATCH, body), items))
    return made


def _draft(device_id: str, seq: int) -> EventDraft:
    visit, kind = seq // len(KINDS), KINDS[seq % len(KINDS)]
    visit_id, compartment = f"{visit:032x}", visit % 24 + 1
    parcel = f"{device_id[-4:]}-{visit:010d}".upper()
    data: dict[str, Any] = {
        "visit_started": {"visit_id": visit_id, "kind": "courier", "actor": "courier:1234", "jti": visit_id},
        "unlock_authorised": {"authority_id": f"{seq:032x}", "compartment_no": compartment, "visit_id": visit_id,
                              "cause": "deposit", "try_no": 1, "parcel_id": parcel},
        "unlock_finished": {"authority_id": f"{seq - 1:032x}", "compartment_no": compartment, "pulse": "acked",
                            "outcome": "opened"},
        "door_opened": {"compartment_no": compartment, "authority_id": f"{seq - 2:032x}"},
        "door_closed": {"compartment_no": compartment},
        "parcel_deposited": {"parcel_id": parcel, "compartment_no": compartment, "visit_id": visit_id,
                             "reservation_id": visit_id, "pin_generation": 1, "pin_counter": 0},
        "visit_ended": {"visit_id": visit_id, "reason": "finished"},
    }[kind]  # fmt: skip
    return EventDraft(kind, data, NOW_MS - 60_000 + seq)


def _row(position: int, stream_no: int, seq: int, draft: EventDraft, raw: bytes) -> EventRow:
    data = draft.data
    return (position, stream_no, seq, draft.type, draft.at_ms, NOW_MS, False, data.get("parcel_id"),
            data.get("compartment_no"), raw)  # fmt: skip
