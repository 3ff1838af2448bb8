"""What becomes of a batch. Pure: bytes and stored facts in, one decision out.

A checkpoint is the device's own signed word on its whole history. Three things are told apart:
- bytes that nobody signed (wrong signature, or a root they do not lead to) prove nothing: dropped;
- two signed checkpoints that cannot both be true of one history: a contradiction, the only thing that quarantines;
- a signed checkpoint ahead of the cursor whose bytes do not lead to it may be either: tampering on the way, or a
  fork before the cursor. It counts as a mismatch; after some, the next welcome asks for the stream from its base,
  and then each signed checkpoint at or below the cursor settles the question by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.wire.checkpoint import Checkpoint, verify_checkpoint
from edge.wire.errors import WireError
from edge.wire.ids import origin_of, source_of
from edge.wire.merkle import Frontier, leaf_hash
from edge.wire.messages import Batch

MISMATCHES_BEFORE_RESEND = 2


@dataclass(frozen=True, slots=True)
class Sender:
    """Who a message claims to be from, as the registry knows it."""

    fleet: str
    device_id: str
    log_public: bytes


@dataclass(frozen=True, slots=True)
class Overlap:
    """What is stored from a batch's `first` on: the frontier there, and the bytes up to the cursor or batch end."""

    frontier: Frontier
    raws: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Accept:
    """Append the events from index `skip` on; the stream then stands at `frontier`."""

    checkpoint: Checkpoint
    frontier: Frontier
    skip: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """Everything is stored already, byte for byte: answer with the current receipt."""

    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class RewindTo:
    """Events are missing before this batch: ask for them."""

    cursor: int


@dataclass(frozen=True, slots=True)
class Drop:
    """Nothing is proved by these bytes. `code` is counted; `mismatch`: the checkpoint itself is the device's."""

    code: str
    detail: str
    mismatch: bool = False


@dataclass(frozen=True, slots=True)
class Contradiction:
    """The device has signed two histories. `kind`: fork or rollback."""

    kind: str
    detail: str


Decision = Accept | Repeat | RewindTo | Drop | Contradiction


def check_batch(batch: Batch, sender: Sender, client_id: str) -> Checkpoint | Drop:
    """The checks that need nothing stored: signature, then origin = topic = client, then the range it covers."""
    origin = origin_of(sender.fleet, sender.device_id, batch.stream)
    name = source_of(sender.fleet, sender.device_id)
    if batch.device_id != sender.device_id or client_id != sender.device_id:
        return Drop("foreign", f"{batch.device_id} sent by {client_id}")
    try:
        checkpoint = verify_checkpoint(batch.checkpoint, origin=origin, name=name, public=sender.log_public)
    except WireError as error:
        return Drop(error.code, str(error))
    if checkpoint.size != batch.first + len(batch.events):
        return Drop("range", f"the checkpoint covers {checkpoint.size}, the batch ends elsewhere")
    return checkpoint


def decide_batch(batch: Batch, checkpoint: Checkpoint, stored: Frontier, overlap: Overlap | None) -> Decision:
    """Judge an authentic checkpoint's range against the stored frontier.

    Args:
        checkpoint: what `check_batch` returned.
        overlap: needed when the range begins before the cursor; None there means that it reaches into a gap.
    """
    cursor = stored.size
    if batch.first > cursor:
        return RewindTo(cursor)
    if batch.first < cursor and overlap is None:
        return Drop("before_base", f"events from {batch.first} on are not held here")
    if checkpoint.size <= cursor:
        assert overlap is not None
        return _decide_stored(batch, checkpoint, overlap)
    skip = cursor - batch.first
    frontier = stored.append(map(leaf_hash, batch.events[skip:]))
    if frontier.root() == checkpoint.root:
        return Accept(checkpoint, frontier, skip)
    if overlap is not None and _signed_otherwise(batch, checkpoint, overlap):
        return Contradiction("fork", f"other events from {batch.first} on than those stored")
    return Drop("root", f"the bytes do not lead to the root at {checkpoint.size}", mismatch=True)


def _decide_stored(batch: Batch, checkpoint: Checkpoint, overlap: Overlap) -> Decision:
    """All of it lies below the cursor: the root at that size is known, and so is every byte."""
    if overlap.frontier.append(map(leaf_hash, overlap.raws)).root() != checkpoint.root:
        return Contradiction("fork", f"another signed root at size {checkpoint.size}")
    if overlap.raws != batch.events:
        return Drop("tampered", "other bytes than those the checkpoint stands for")
    return Repeat(checkpoint)


def _signed_otherwise(batch: Batch, checkpoint: Checkpoint, overlap: Overlap) -> bool:
    """Whether the whole range, from the shared history before it, leads to the signed root with other bytes."""
    if tuple(batch.events[: len(overlap.raws)]) == overlap.raws:
        return False
    return overlap.frontier.append(map(leaf_hash, batch.events)).root() == checkpoint.root


def root_within(start: Frontier, events: Sequence[bytes], size: int) -> bytes | None:
    """The root at `size` when it lies inside `events` appended to `start`; proves an adopted gap."""
    if not start.size < size <= start.size + len(events):
        return None
    return start.append(map(leaf_hash, events[: size - start.size])).root()
