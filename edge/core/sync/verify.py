"""Are these bytes from the cloud, for this device, in this session? Gives the message or a typed refusal, never raises.

A role key counts while the later of the device's time and the message's own time lies in its window: device time is
never ahead of true time by more than drift, and may be far behind after a long outage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from edge.ports import Now
from edge.wire.checkpoint import MAX_NOTE_BYTES, device_note, verify_checkpoint, verify_receipt
from edge.wire.envelope import Envelope, Kind, open_envelope
from edge.wire.errors import BadSignature, Malformed, TooLarge, UnknownKey, WireError, WrongOrigin
from edge.wire.ids import origin_of, source_of
from edge.wire.keys import Role, TrustBundle
from edge.wire.messages import Bundle, Command, Desired, Refusal, Rewind, Secret, Welcome

MAX_SKEW_MS = 60_000
_DOWN = frozenset({"down"})
_STATE = frozenset({"down", "desired"})
_RULES: dict[Kind, tuple[Role, frozenset[str]]] = {
    Kind.WELCOME: (Role.RECEIPTS, _DOWN),
    Kind.RECEIPT: (Role.RECEIPTS, _DOWN),
    Kind.REWIND: (Role.RECEIPTS, _DOWN),
    Kind.REFUSAL: (Role.RECEIPTS, _DOWN),
    Kind.COMMAND: (Role.COMMANDS, frozenset({"commands"})),
    Kind.DESIRED: (Role.DESIRED, _STATE),
    Kind.SECRET: (Role.DESIRED, _STATE),
    Kind.BUNDLE: (Role.ROOT, _STATE),
}


class Reason(StrEnum):
    """Why a message was refused; `command_refused` events carry it."""

    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    FOREIGN = "foreign"
    RETAINED = "retained"
    WRONG_CHANNEL = "wrong_channel"
    WRONG_SESSION = "wrong_session"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    STALE = "stale"  # the trust bundle that is already held, or an older one


@dataclass(frozen=True, slots=True)
class ReceiptNote:
    """A verified receipt: the cloud holds the first `size` events of this device's stream since `at_s`."""

    note: bytes
    size: int
    at_s: int


Incoming = Welcome | Rewind | Refusal | Command | Desired | Secret | Bundle | ReceiptNote


@dataclass(frozen=True, slots=True)
class Refused:
    """`command` is set only when the bytes are an authentic command: that is worth an event."""

    reason: Reason
    detail: str
    kind: Kind | None = None
    command: Command | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """What incoming bytes are held against. `sent`: own checkpoints that need no second look at their signature."""

    fleet: str
    device_id: str
    stream: str
    log_public: bytes
    root_public: bytes
    trust: TrustBundle
    nonce: bytes = b""
    sent: tuple[bytes, ...] = ()


def verify_incoming(
    payload: bytes, channel: str, *, retained: bool, expected: Expected, now: Now
) -> Incoming | Refused:
    """Open, authenticate and judge one message of the topic's last level `channel`."""
    kind: Kind | None = None
    try:
        envelope = open_envelope(payload)
        kind = envelope.kind
        message = _authentic(envelope, expected, now)
    except UnknownKey as error:
        return Refused(Reason.UNKNOWN_KEY, str(error), kind)
    except BadSignature as error:
        return Refused(Reason.BAD_SIGNATURE, str(error), kind)
    except WrongOrigin as error:
        return Refused(Reason.FOREIGN, str(error), kind)
    except WireError as error:
        return Refused(Reason.MALFORMED, str(error), kind)
    refused = _judge(message, kind, channel, retained=retained, expected=expected, now=now)
    if refused is None:
        return message
    command = message if isinstance(message, Command) else None
    return Refused(refused, f"{kind.value} on {channel}", kind, command)


def _authentic(envelope: Envelope, expected: Expected, now: Now) -> Incoming:
    if envelope.kind not in _RULES:
        raise Malformed("not a message to a device", where=envelope.kind)
    if envelope.kind is Kind.RECEIPT:
        return _receipt(envelope.body, expected, now)
    if envelope.kind is Kind.BUNDLE:
        envelope.verify(expected.root_public)
        return Bundle.parse(envelope.body)
    role, _ = _RULES[envelope.kind]
    key = expected.trust.key(role, envelope.key_id, None)
    envelope.verify(key.public)
    message = _PARSERS[envelope.kind](envelope.body)
    if not key.valid_at(max(now.at_ms, _stated_at_ms(message))):
        raise UnknownKey(f"the {role.value} key is outside its time window", where=envelope.kind)
    return message


_PARSERS: dict[Kind, Callable[[bytes], Incoming]] = {
    Kind.WELCOME: Welcome.parse,
    Kind.REWIND: Rewind.parse,
    Kind.REFUSAL: Refusal.parse,
    Kind.COMMAND: Command.parse,
    Kind.DESIRED: Desired.parse,
    Kind.SECRET: Secret.parse,
}


def _stated_at_ms(message: Incoming) -> int:
    if isinstance(message, Welcome | Rewind | Refusal):
        return message.at_ms
    return message.issued_at_ms if isinstance(message, Command) else 0


def _receipt(note: bytes, expected: Expected, now: Now) -> ReceiptNote:
    """Both signatures: this device's own below, the cloud's above it."""
    if len(note) > MAX_NOTE_BYTES:
        raise TooLarge("a receipt over 2,048 bytes", where="receipt")
    name = f"{expected.fleet}/receipts"
    origin = origin_of(expected.fleet, expected.device_id, expected.stream)
    failure: WireError = UnknownKey("no receipts key", where="receipt")
    for key in expected.trust.keys(Role.RECEIPTS):
        try:
            receipt = verify_receipt(note, name=name, public=key.public)
        except BadSignature as error:
            failure = error
            continue
        if receipt.checkpoint.origin != origin:
            raise WrongOrigin("a receipt of another log", where="receipt")
        if not key.valid_at(max(now.at_ms, receipt.at_s * 1000)):
            raise UnknownKey("the receipts key is outside its time window", where="receipt")
        own = device_note(note)
        if own not in expected.sent:
            source = source_of(expected.fleet, expected.device_id)
            verify_checkpoint(own, origin=origin, name=source, public=expected.log_public)
        return ReceiptNote(note, receipt.checkpoint.size, receipt.at_s)
    raise failure


def _judge(
    message: Incoming, kind: Kind, channel: str, *, retained: bool, expected: Expected, now: Now
) -> Reason | None:
    if isinstance(message, Bundle):
        if message.bundle.fleet != expected.fleet:
            return Reason.FOREIGN
        return None if message.bundle.version > expected.trust.version else Reason.STALE
    if not isinstance(message, ReceiptNote) and message.device_id != expected.device_id:
        return Reason.FOREIGN
    if channel not in _RULES[kind][1]:
        return Reason.WRONG_CHANNEL
    if retained and channel != "desired":
        return Reason.RETAINED
    if isinstance(message, Command):
        return _judge_command(message, expected, now)
    return None


def _judge_command(command: Command, expected: Expected, now: Now) -> Reason | None:
    if not expected.nonce or command.nonce != expected.nonce:
        return Reason.WRONG_SESSION
    if now.at_ms >= command.expires_at_ms:
        return Reason.EXPIRED
    if command.issued_at_ms > now.at_ms + MAX_SKEW_MS:
        return Reason.NOT_YET_VALID
    return None
