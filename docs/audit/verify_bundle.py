"""Verify an audit bundle with Python's standard library and OpenSSL: see docs/reference/audit-bundle.md."""

import argparse
import base64
import functools
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

SPKI = bytes.fromhex("302a300506032b6570032100")  # an Ed25519 SubjectPublicKeyInfo up to the key itself


class Bad(Exception):
    """The bundle does not hold, and why."""


def raw_key(pem):
    first, body, _ = pem.strip().splitlines()
    der = base64.b64decode(body, validate=True)
    if first != "-----BEGIN PUBLIC KEY-----" or der[:12] != SPKI or len(der) != 44:
        raise Bad("a key is not an Ed25519 public key in PEM")
    return der[12:]


def openssl_holds(pem, message, signature):
    with tempfile.TemporaryDirectory() as folder:
        for name, data in (("key", pem.encode()), ("message", message), ("signature", signature)):
            Path(folder, name).write_bytes(data)
        command = "openssl pkeyutl -verify -pubin -inkey key -rawin -in message -sigfile signature"
        return subprocess.run(command.split(), cwd=folder, capture_output=True).returncode == 0


def signed(lines, key, algorithm, text):
    """Whether the key has a line in the note and OpenSSL says that it holds (0x01: checkpoint, 0x04: receipt)."""
    key_hash = hashlib.sha256(key["name"].encode() + b"\n" + algorithm + raw_key(key["pem"])).digest()[:4]
    blob = next((blob[4:] for name, blob in lines if name == key["name"] and blob[:4] == key_hash), b"")
    if algorithm == b"\x04":
        text, blob = b"cosignature/v1\ntime %d\n" % int.from_bytes(blob[:8], "big") + text, blob[8:]
    return len(blob) == 64 and openssl_holds(key["pem"], text, blob)


def read_note(note, origin):
    text, _, signatures = note.partition("\n\n")
    head, size, root = text.split("\n")
    lines = [line.split(" ") for line in signatures.splitlines()]
    if head != origin or size != str(int(size)) or not all(len(x) == 3 and x[0] == "\u2014" for x in lines):
        raise Bad(f"a receipt is not a signed checkpoint of {origin}")
    decoded = [(name, base64.b64decode(blob, validate=True)) for _, name, blob in lines]
    return int(size), base64.b64decode(root, validate=True), decoded, (text + "\n").encode()


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def replay_roots(bundle):
    """Fold every event into the tree of RFC 6962; return the root by size, after each event."""
    source, _, stream = bundle["origin"].rpartition("/")
    size, peaks, roots = bundle["first"], [bytes.fromhex(peak) for peak in bundle["peaks"]], {}
    if len(peaks) != bin(size).count("1") or any(len(peak) != 32 for peak in peaks):
        raise Bad("the peaks do not fit the first event's number")
    for raw in (base64.b64decode(line, validate=True) for line in bundle["events"]):
        event = json.loads(raw)
        if (event["source"], event["stream"], event["seq"]) != (source, stream, size):
            raise Bad(f"event {size} is of another device, stream or place")
        leaf, bits, size = hashlib.sha256(b"\x00" + raw).digest(), size, size + 1
        while bits & 1:
            leaf, bits = node(peaks.pop(), leaf), bits >> 1
        peaks.append(leaf)
        roots[size] = functools.reduce(lambda right, left: node(left, right), reversed(peaks))
    return roots


def verify(bundle, earlier):
    roots, covered = replay_roots(bundle), bundle["first"]
    for size, root, lines, text in [read_note(note, bundle["origin"]) for note in bundle["receipts"]]:
        if roots.get(size) != root or size <= covered:
            raise Bad(f"the receipt over {size} events contradicts the events")
        if not signed(lines, bundle["device_key"], b"\x01", text):
            raise Bad(f"the receipt over {size} events is not signed by the device")
        if not any(signed(lines, key, b"\x04", text) for key in bundle["receipt_keys"]):
            raise Bad(f"the receipt over {size} events is not signed by the cloud")
        covered = size
    if not bundle["events"] or covered != bundle["first"] + len(bundle["events"]) or bundle["format"] != 1:
        raise Bad("events at the end are covered by no receipt, or not a bundle of format 1")
    heads = dict(read_note(note, bundle["origin"])[:2] for note in earlier["receipts"]) if earlier else {}
    if earlier and {roots.get(size, root) == root for size, root in heads.items() if size in roots} != {True}:
        raise Bad("the earlier bundle shows another history, or no common one")


def main():
    parser = argparse.ArgumentParser(description="Verify an audit bundle with OpenSSL.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--device-key", type=Path, help="PEM from the device's enrolment")
    parser.add_argument("--receipt-key", type=Path, action="append", help="PEM from the operator; may be repeated")
    parser.add_argument("--earlier", type=Path, help="a bundle kept from before: the histories must agree")
    asked = parser.parse_args()
    try:
        bundle = json.loads(asked.bundle.read_bytes())
        if asked.device_key:
            bundle["device_key"]["pem"] = asked.device_key.read_text()
        if asked.receipt_key:
            pinned = {"name": bundle["receipt_keys"][0]["name"]}
            bundle["receipt_keys"] = [{**pinned, "pem": path.read_text()} for path in asked.receipt_key]
        verify(bundle, json.loads(asked.earlier.read_bytes()) if asked.earlier else None)
    except (Bad, OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        print(f"BAD: {error}" if isinstance(error, Bad) else f"BAD: cannot be read: {error!r}", file=sys.stderr)
        return 1
    print(f"good: {len(bundle['events'])} events from {bundle['first']}, {len(bundle['receipts'])} receipts")
    if not (asked.device_key and asked.receipt_key):
        print("note: the bundle named its own keys; give --device-key and --receipt-key to trust nobody")
    return 0


if __name__ == "__main__":
    sys.exit(main())
