from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.sync.verify import Expected, Incoming, Reason, ReceiptNote, Refused, verify_incoming
from edge.ports import Now
from edge.wire.checkpoint import Checkpoint, cosign, sign_checkpoint
from edge.wire.envelope import Kind, seal, wrap
from edge.wire.ids import origin_of
from edge.wire.keys import Ed25519Signer, Role, RoleKey, TrustBundle
from edge.wire.messages import Bundle, Command, Desired, Refusal, Rewind, Secret, Welcome
from tests.fleets import make_fleet

FLEET = make_fleet(2)
DEVICE, OTHER = FLEET.devices.values()
STREAM, T_MS = "a" * 32, 1_800_000_000_000
NONCE = b"n" * 16
NOW = Now(0, T_MS, "synced")
EXPECTED = Expected(FLEET.name, DEVICE.device_id, STREAM, DEVICE.log_public, FLEET.root.public, FLEET.bundle, NONCE)
MESSAGES: dict[Kind, tuple[object, Ed25519Signer, str]] = {
    Kind.WELCOME: (Welcome(DEVICE.device_id, NONCE, T_MS, STREAM, 3, 0, 0, b"", 1), FLEET.receipts, "down"),
    Kind.REWIND: (Rewind(DEVICE.device_id, STREAM, 3, T_MS), FLEET.receipts, "down"),
    Kind.REFUSAL: (Refusal(DEVICE.device_id, "fork", "x", "y", T_MS), FLEET.receipts, "down"),
    Kind.DESIRED: (Desired(DEVICE.device_id, 1, 1, b"{}"), FLEET.desired, "desired"),
    Kind.SECRET: (Secret(DEVICE.device_id, "pin", 1, b"w"), FLEET.desired, "down"),
    Kind.BUNDLE: (Bundle(replace(FLEET.bundle, version=2)), FLEET.root, "down"),
}


def command(**changes: object) -> Command:
    base = Command("c" * 32, DEVICE.device_id, NONCE, "unlock", {}, T_MS, T_MS + 30_000, "ops", "why")
    return replace(base, **changes)  # type: ignore[arg-type]


def check(
    payload: bytes, channel: str, *, retained: bool = False, expected: Expected = EXPECTED, now: Now = NOW
) -> Incoming | Refused:
    return verify_incoming(payload, channel, retained=retained, expected=expected, now=now)


def reason(result: Incoming | Refused) -> Reason:
    assert isinstance(result, Refused), result
    return result.reason


def receipt_note(
    size: int = 3, *, device=DEVICE, signer: Ed25519Signer = FLEET.receipts, stream: str = STREAM
) -> bytes:  # type: ignore[no-untyped-def]
    origin = origin_of(FLEET.name, device.device_id, stream)
    note = sign_checkpoint(Checkpoint(origin, size, b"r" * 32), FLEET.key_name(device.device_id), device.signer)
    return cosign(note, T_MS // 1000, FLEET.receipt_key_name, signer)


@pytest.mark.parametrize("kind", MESSAGES)
def test_verify_message_by_its_role_key_passes(kind: Kind) -> None:
    message, signer, channel = MESSAGES[kind]
    assert check(seal(kind, message.encode(), signer), channel) == message  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", MESSAGES)
@pytest.mark.parametrize("role", ["root", "receipts", "commands", "desired", "pickup", "releases"])
def test_verify_message_by_another_roles_key_is_refused(kind: Kind, role: str) -> None:
    message, signer, channel = MESSAGES[kind]
    wrong = getattr(FLEET, role)
    if wrong is not signer:
        assert isinstance(check(seal(kind, message.encode(), wrong), channel), Refused)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", [kind for kind in MESSAGES if kind is not Kind.BUNDLE])
def test_verify_message_for_another_device_is_foreign(kind: Kind) -> None:
    message, signer, channel = MESSAGES[kind]
    other = replace(message, device_id=OTHER.device_id)  # type: ignore[type-var]
    assert reason(check(seal(kind, other.encode(), signer), channel)) is Reason.FOREIGN  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changes", "retained", "channel", "at_ms", "wanted"),
    [
        pytest.param({}, True, "commands", T_MS, Reason.RETAINED, id="retained"),
        pytest.param({}, False, "down", T_MS, Reason.WRONG_CHANNEL, id="on another channel"),
        pytest.param({}, False, "desired", T_MS, Reason.WRONG_CHANNEL, id="among retained messages"),
        pytest.param({"nonce": b"o" * 16}, False, "commands", T_MS, Reason.WRONG_SESSION, id="of another session"),
        pytest.param({}, False, "commands", T_MS + 30_000, Reason.EXPIRED, id="at its expiry"),
        pytest.param({}, False, "commands", T_MS - 60_001, Reason.NOT_YET_VALID, id="from the future"),
        pytest.param({"device_id": OTHER.device_id}, False, "commands", T_MS, Reason.FOREIGN, id="for another device"),
    ],
)
def test_verify_authentic_command_not_to_be_run_is_refused_with_it(
    changes: dict[str, object], retained: bool, channel: str, at_ms: int, wanted: Reason
) -> None:
    order = command(**changes)
    payload = seal(Kind.COMMAND, order.encode(), FLEET.commands)
    result = check(payload, channel, retained=retained, now=Now(0, at_ms, "synced"))
    assert reason(result) is wanted
    assert isinstance(result, Refused) and result.command == order


def test_verify_command_without_a_session_is_refused() -> None:
    payload = seal(Kind.COMMAND, command(nonce=bytes(16)).encode(), FLEET.commands)
    assert reason(check(payload, "commands", expected=replace(EXPECTED, nonce=b""))) is Reason.WRONG_SESSION


def test_verify_command_a_millisecond_before_its_expiry_passes() -> None:
    payload = seal(Kind.COMMAND, command().encode(), FLEET.commands)
    assert check(payload, "commands", now=Now(0, T_MS + 29_999, "synced")) == command()


def test_verify_forged_command_carries_no_command() -> None:
    result = check(seal(Kind.COMMAND, command().encode(), Ed25519Signer(b"\x05" * 32)), "commands")
    assert reason(result) is Reason.UNKNOWN_KEY
    assert isinstance(result, Refused) and result.command is None


def test_verify_receipt_of_this_log_passes() -> None:
    note = receipt_note()
    assert check(wrap(Kind.RECEIPT, note), "down") == ReceiptNote(note, 3, T_MS // 1000)


@pytest.mark.parametrize(
    ("note", "wanted"),
    [
        pytest.param(receipt_note(device=OTHER), Reason.FOREIGN, id="another device's"),
        pytest.param(receipt_note(stream="b" * 32), Reason.FOREIGN, id="another stream's"),
        pytest.param(receipt_note(signer=FLEET.commands), Reason.BAD_SIGNATURE, id="another role's"),
        pytest.param(receipt_note().replace(b"\n3\n", b"\n4\n"), Reason.BAD_SIGNATURE, id="another size"),
        pytest.param(b"x" * 3000, Reason.MALFORMED, id="too large"),
    ],
)
def test_verify_receipt_that_is_not_ours_is_refused(note: bytes, wanted: Reason) -> None:
    assert reason(check(wrap(Kind.RECEIPT, note), "down")) is wanted


def test_verify_receipt_over_a_checkpoint_this_device_never_signed_is_refused() -> None:
    origin = origin_of(FLEET.name, DEVICE.device_id, STREAM)
    forged = sign_checkpoint(Checkpoint(origin, 3, b"r" * 32), FLEET.key_name(DEVICE.device_id), OTHER.signer)
    note = cosign(forged, T_MS // 1000, FLEET.receipt_key_name, FLEET.receipts)
    assert reason(check(wrap(Kind.RECEIPT, note), "down")) is Reason.BAD_SIGNATURE


def bundle_with(start_ms: int, end_ms: int) -> Expected:
    keys = {role: (RoleKey(keys[0].public, start_ms, end_ms),) for role, keys in FLEET.bundle.roles.items()}
    return replace(EXPECTED, trust=TrustBundle(FLEET.name, 1, 0, keys))


@pytest.mark.parametrize("kind", [Kind.WELCOME, Kind.REWIND, Kind.REFUSAL, Kind.DESIRED, Kind.SECRET])
def test_verify_key_past_its_window_is_refused(kind: Kind) -> None:
    message, signer, channel = MESSAGES[kind]
    payload = seal(kind, message.encode(), signer)  # type: ignore[attr-defined]
    assert reason(check(payload, channel, expected=bundle_with(0, T_MS))) is Reason.UNKNOWN_KEY


def test_verify_receipts_key_past_its_window_is_refused() -> None:
    payload = wrap(Kind.RECEIPT, receipt_note())
    assert reason(check(payload, "down", expected=bundle_with(0, T_MS))) is Reason.UNKNOWN_KEY


def test_verify_welcome_after_long_sleep_counts_by_its_own_time() -> None:
    message, signer, channel = MESSAGES[Kind.WELCOME]
    stale = Now(0, T_MS - 400 * 86_400_000, "floor")
    payload = seal(Kind.WELCOME, message.encode(), signer)  # type: ignore[attr-defined]
    assert check(payload, channel, expected=bundle_with(T_MS - 1000, T_MS + 1000), now=stale) == message


@pytest.mark.parametrize("version", [0, 1])
def test_verify_bundle_that_is_not_newer_is_stale(version: int) -> None:
    bundle = Bundle(replace(FLEET.bundle, version=version))
    assert reason(check(seal(Kind.BUNDLE, bundle.encode(), FLEET.root), "down")) is Reason.STALE


def test_verify_bundle_of_another_fleet_is_foreign() -> None:
    bundle = Bundle(replace(FLEET.bundle, fleet="other.fleet", version=9))
    assert reason(check(seal(Kind.BUNDLE, bundle.encode(), FLEET.root), "down")) is Reason.FOREIGN


@pytest.mark.parametrize("kind", [Kind.HELLO, Kind.HINT])
def test_verify_device_message_sent_back_is_refused(kind: Kind) -> None:
    assert reason(check(seal(kind, b"\xa0", DEVICE.signer), "down")) is Reason.MALFORMED


def test_verify_every_role_but_pickup_and_releases_speaks_to_devices() -> None:
    signers = {signer.public for _, signer, _ in MESSAGES.values()} | {FLEET.commands.public}
    silent = {role for role, keys in FLEET.bundle.roles.items() if keys[0].public not in signers}
    assert silent == {Role.PICKUP, Role.RELEASES}


@given(st.binary(max_size=300), st.sampled_from(["down", "commands", "desired", "up", ""]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_verify_any_bytes_end_as_a_refusal(payload: bytes, channel: str, retained: bool) -> None:
    assert isinstance(check(payload, channel, retained=retained), Refused)


@given(st.sampled_from(sorted(MESSAGES)), st.data())
@settings(max_examples=100, deadline=None)
def test_verify_one_flipped_bit_ends_as_a_refusal(kind: Kind, data: st.DataObject) -> None:
    message, signer, channel = MESSAGES[kind]
    payload = bytearray(seal(kind, message.encode(), signer))  # type: ignore[attr-defined]
    payload[data.draw(st.integers(0, len(payload) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert isinstance(check(bytes(payload), channel), Refused)
