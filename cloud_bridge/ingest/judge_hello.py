"""What a device's signed hello says about its log. Pure.

Only a hello with the nonce of the newest welcome is judged, once, against the head as it stood when that welcome was
made: events that overtook the hello on the way are no contradiction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloud_bridge.ingest.decide import Contradiction, Sender
from edge.wire.checkpoint import Checkpoint, device_note, verify_checkpoint, verify_receipt
from edge.wire.errors import WireError
from edge.wire.ids import origin_of, source_of
from edge.wire.merkle import EMPTY_ROOT, Frontier
from edge.wire.messages import Hello


@dataclass(frozen=True, slots=True)
class Known:
    """The stream as stored: its cursor and root when the welcome was made, and its cursor now."""

    welcome_cursor: int
    welcome_root: bytes
    cursor: int


@dataclass(frozen=True, slots=True)
class GoOn:
    """Nothing speaks against this log. `lost`: the cloud's own receipt shows that it has lost events since."""

    head: Checkpoint
    lost: bool


@dataclass(frozen=True, slots=True)
class Adopt:
    """Go on from `base`: the device proved with the cloud's receipt that the cloud once had everything below."""

    head: Checkpoint
    base: Frontier
    receipt: Checkpoint


@dataclass(frozen=True, slots=True)
class Unproved:
    """The device holds nothing between the cursor and its base, and no receipt explains why."""

    head: Checkpoint
    base_size: int


@dataclass(frozen=True, slots=True)
class Ignore:
    """An authentic envelope whose content is no valid statement."""

    code: str
    detail: str


Judgement = GoOn | Adopt | Unproved | Ignore | Contradiction


def head_of(hello: Hello, sender: Sender) -> Checkpoint:
    """The device's verified head; an empty log has no checkpoint and the empty root.

    Raises:
        WireError: the checkpoint is not this device's, or not of the stream the hello names.
    """
    origin = origin_of(sender.fleet, sender.device_id, hello.stream)
    if not hello.checkpoint:
        return Checkpoint(origin, 0, EMPTY_ROOT)
    name = source_of(sender.fleet, sender.device_id)
    return verify_checkpoint(hello.checkpoint, origin=origin, name=name, public=sender.log_public)


def judge_hello(
    hello: Hello, sender: Sender, known: Known, receipt_name: str, receipt_keys: Sequence[bytes]
) -> Judgement:
    """Compare what the device states with what is stored."""
    try:
        head = head_of(hello, sender)
    except WireError as error:
        return Ignore(error.code, str(error))
    base = Frontier.from_bytes(hello.base_size, hello.base_peaks)
    if base.size > head.size or (base.size == head.size and base.root() != head.root):
        return Ignore("base", f"a base of {base.size} does not fit a head of {head.size}")
    if head.size < known.welcome_cursor:
        return Contradiction("rollback", f"the head went back to {head.size}; {known.welcome_cursor} are stored")
    if head.size == known.welcome_cursor and head.root != known.welcome_root:
        return Contradiction("fork", f"another signed root at size {head.size}")
    receipt = _own_receipt(hello, sender, receipt_name, receipt_keys)
    if base.size <= known.cursor:
        return GoOn(head, lost=receipt is not None and receipt.size > known.cursor)
    if receipt is None or not base.size <= receipt.size <= head.size:
        return Unproved(head, base.size)
    if receipt.size == base.size and receipt.root != base.root():
        return Ignore("base", "the base is not what the receipt stands for")
    return Adopt(head, base, receipt)


def _own_receipt(hello: Hello, sender: Sender, name: str, keys: Sequence[bytes]) -> Checkpoint | None:
    """The checkpoint of the receipt in the hello when both signatures on it hold: the device's and the cloud's own."""
    if not hello.receipt:
        return None
    origin = origin_of(sender.fleet, sender.device_id, hello.stream)
    device_name = source_of(sender.fleet, sender.device_id)
    try:
        verify_checkpoint(device_note(hello.receipt), origin=origin, name=device_name, public=sender.log_public)
    except WireError:
        return None
    for key in keys:
        try:
            return verify_receipt(hello.receipt, name=name, public=key).checkpoint
        except WireError:
            continue
    return None
