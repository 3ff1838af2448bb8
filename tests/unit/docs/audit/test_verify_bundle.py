"""The auditor's script as a process of its own, with the real OpenSSL, on good and on tampered bundles."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloud_bridge.ledger.bundle import BundleParts, encode_bundle
from edge.wire.checkpoint import Checkpoint, cosign, sign_checkpoint
from edge.wire.event import EventDraft, LogIdentity, encode_event
from edge.wire.ids import origin_of
from edge.wire.keys import Ed25519Signer
from edge.wire.merkle import Frontier, leaf_hash
from tests.fleets import make_fleet
from tests.public_vectors import ROOT

SCRIPT = ROOT / "docs" / "audit" / "verify_bundle.py"
FLEET = make_fleet(1)
DEVICE = FLEET.only_device
STREAM = "0123456789abcdef" * 2
Tamper = Callable[[dict[str, Any]], None]


def events_of(count: int, *, cause: str = "pin") -> list[bytes]:
    identity = LogIdentity(FLEET.name, DEVICE.device_id, STREAM, 1)
    return [encode_event(EventDraft("door_closed", {"compartment_no": 1, "cause": cause}, seq * 1000), identity, seq)
            for seq in range(count)]  # fmt: skip


def receipt_over(
    events: list[bytes], *, device: Ed25519Signer = DEVICE.signer, cloud: Ed25519Signer | None = None
) -> bytes:
    frontier = Frontier().append(map(leaf_hash, events))
    head = Checkpoint(origin_of(FLEET.name, DEVICE.device_id, STREAM), frontier.size, frontier.root())
    note = sign_checkpoint(head, FLEET.key_name(DEVICE.device_id), device)
    return cosign(note, 1_795_593_600, FLEET.receipt_key_name, cloud or FLEET.receipts)


def make_bundle(
    count: int = 11, first: int = 0, sizes: tuple[int, ...] = (4, 7, 11), *, cause: str = "pin"
) -> dict[str, Any]:
    events = events_of(count, cause=cause)
    parts = BundleParts(
        FLEET.name, DEVICE.device_id, STREAM, DEVICE.log_public, FLEET.receipt_key_name, [FLEET.receipts.public],
        Frontier().append(map(leaf_hash, events[:first])), events[first:],
        [receipt_over(events[:size]) for size in sizes if size > first], [],
    )  # fmt: skip
    return dict(json.loads(encode_bundle(parts)))


def judge(folder: Path, bundle: Any, *options: str) -> tuple[int, str]:
    path = folder / "bundle.json"
    path.write_text(bundle if isinstance(bundle, str) else json.dumps(bundle))
    done = subprocess.run([sys.executable, "-I", str(SCRIPT), str(path), *options], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def pem_file(folder: Path, pem: str, name: str) -> str:
    (folder / name).write_text(pem)
    return str(folder / name)


@pytest.mark.parametrize("first", [0, 1, 4, 5, 6])
def test_verify_bundle_of_an_honest_log_is_good(tmp_path: Path, first: int) -> None:
    bundle = make_bundle(first=first)
    device = pem_file(tmp_path, bundle["device_key"]["pem"], "device.pem")
    cloud = pem_file(tmp_path, bundle["receipt_keys"][0]["pem"], "cloud.pem")
    status, said = judge(tmp_path, bundle, "--device-key", device, "--receipt-key", cloud)
    assert (status, said.strip()) == (0, f"good: {11 - first} events from {first}, {len(bundle['receipts'])} receipts")


def test_verify_bundle_without_keys_of_ones_own_says_so(tmp_path: Path) -> None:
    status, said = judge(tmp_path, make_bundle())
    assert status == 0
    assert "named its own keys" in said


def replace_event(bundle: dict[str, Any]) -> None:
    raw = base64.b64decode(bundle["events"][5]).replace(b'"compartment_no":1', b'"compartment_no":2')
    bundle["events"][5] = base64.b64encode(raw).decode()


def swap_signature(bundle: dict[str, Any]) -> None:
    first, second = bundle["receipts"][0].splitlines(), bundle["receipts"][1].splitlines()
    bundle["receipts"][1] = "\n".join([*second[:4], first[4], second[5]]) + "\n"


def later_time(bundle: dict[str, Any]) -> None:
    *lines, last = bundle["receipts"][-1].splitlines()
    dash, name, blob = last.split(" ")
    octets = bytearray(base64.b64decode(blob))
    octets[11] ^= 1
    bundle["receipts"][-1] = "\n".join([*lines, f"{dash} {name} {base64.b64encode(octets).decode()}"]) + "\n"


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        pytest.param(replace_event, "contradicts the events", id="event-changed"),
        pytest.param(lambda b: b["events"].pop(5), "another device, stream or place", id="event-dropped"),
        pytest.param(lambda b: b["events"].reverse(), "another device, stream or place", id="events-reversed"),
        pytest.param(lambda b: b["events"].pop(), "contradicts the events", id="last-event-dropped"),
        pytest.param(lambda b: b["receipts"].pop(), "covered by no receipt", id="last-receipt-dropped"),
        pytest.param(lambda b: b["receipts"].reverse(), "contradicts the events", id="receipts-reversed"),
        pytest.param(lambda b: b["receipts"].clear(), "covered by no receipt", id="no-receipts"),
        pytest.param(lambda b: b.update(first=1), "peaks do not fit", id="first-moved"),
        pytest.param(lambda b: b.update(origin=b["origin"][:-1] + "0"), "another device", id="origin-changed"),
        pytest.param(lambda b: b.update(format=2), "format 1", id="format-2"),
        pytest.param(swap_signature, "not signed by the device", id="device-line-of-another-receipt"),
        pytest.param(later_time, "not signed by the cloud", id="receipt-time-changed"),
        pytest.param(lambda b: b.update(receipt_keys=[b["device_key"]]), "not signed by the cloud", id="cloud-key"),
        pytest.param(lambda b: b.update(device_key=b["receipt_keys"][0]), "not signed by the device", id="device-key"),
        pytest.param(lambda b: b["receipts"].__setitem__(0, "nonsense"), "cannot be read", id="receipt-nonsense"),
        pytest.param(lambda b: b.pop("events"), "cannot be read", id="no-events"),
    ],
)
def test_verify_bundle_that_was_tampered_with_is_bad(tmp_path: Path, tamper: Tamper, reason: str) -> None:
    bundle = make_bundle()
    tamper(bundle)
    status, said = judge(tmp_path, bundle)
    assert status == 1
    assert reason in said


def test_verify_bundle_with_peaks_changed_is_bad(tmp_path: Path) -> None:
    bundle = make_bundle(first=6)
    bundle["peaks"][0] = "00" * 32
    assert judge(tmp_path, bundle)[0] == 1


def test_verify_bundle_forged_with_keys_of_its_own_is_bad_for_who_brings_the_true_ones(tmp_path: Path) -> None:
    forger = Ed25519Signer(bytes(32))
    events, honest = events_of(4), make_bundle()
    parts = BundleParts(
        FLEET.name, DEVICE.device_id, STREAM, forger.public, FLEET.receipt_key_name, [forger.public], Frontier(),
        events, [receipt_over(events, device=forger, cloud=forger)], [],
    )  # fmt: skip
    forged = encode_bundle(parts).decode()
    assert judge(tmp_path, forged)[0] == 0
    device = pem_file(tmp_path, honest["device_key"]["pem"], "device.pem")
    cloud = pem_file(tmp_path, honest["receipt_keys"][0]["pem"], "cloud.pem")
    assert judge(tmp_path, forged, "--device-key", device)[0] == 1
    assert judge(tmp_path, forged, "--receipt-key", cloud)[0] == 1


def test_verify_bundle_against_an_earlier_one_finds_a_rewritten_past(tmp_path: Path) -> None:
    earlier = pem_file(tmp_path, json.dumps(make_bundle(7, sizes=(4, 7))), "earlier.json")
    assert judge(tmp_path, make_bundle(), "--earlier", earlier)[0] == 0
    status, said = judge(tmp_path, make_bundle(cause="qr"), "--earlier", earlier)
    assert (status, "another history" in said) == (1, True)
    assert judge(tmp_path, make_bundle(first=7), "--earlier", earlier)[0] == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "[" * 100_000, "\x00"])
def test_verify_bundle_of_no_bundle_is_bad_and_never_a_traceback(tmp_path: Path, text: str) -> None:
    status, said = judge(tmp_path, text)
    assert status == 1
    assert said.startswith("BAD:")
    assert "Traceback" not in said


def test_verify_bundle_is_short_enough_to_be_read() -> None:
    assert len(SCRIPT.read_text().splitlines()) < 120
