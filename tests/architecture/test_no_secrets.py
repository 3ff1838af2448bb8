"""No credential is committed: no private key, no raw seed, no key file."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ROOT = Path(__file__).resolve().parent.parent.parent
PRIVATE_PEM = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----\s*[A-Za-z0-9+/=]{40}")
SEED_LITERAL = re.compile(
    rb"(?i)\b[a-z_]*(?:seed|private|secret|password|token|pin_key)[a-z_]*\s*[:=]+\s*[^\s\"']{0,24}[\"'][0-9a-f]{64}[\"']"
)
KEY_FILE = re.compile(r".*\.(?:key|p12|pfx|jks)\Z|(?:.*/)?(?:id_(?:rsa|ecdsa|ed25519)|\.env|secret\.[^/]*\.[0-9]+)\Z")
PUBLIC_VECTORS = ("tests/unit/", "tests/vectors/")  # RFC and published test keys are written out there


def findings(name: str, data: bytes) -> list[str]:
    """What looks like a credential in one file."""
    found = []
    if KEY_FILE.match(name):
        found.append("a key file")
    if PRIVATE_PEM.search(data):
        found.append("a private key in PEM")
    if len(data) == 32 and not data.isascii():
        found.append("a raw 32-byte key")
    if not name.startswith(PUBLIC_VECTORS) and SEED_LITERAL.search(data):
        found.append("a 32-byte secret in hex")
    return found


def committed_files() -> list[str]:
    """What git tracks or would add; in an unpacked source archive, everything."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True
    )
    if listed.returncode == 0:
        return [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]
    return [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]


def test_repository_holds_no_credential() -> None:
    names = committed_files()
    assert "pyproject.toml" in names
    found = {name: what for name in names if (what := findings(name, (ROOT / name).read_bytes()))}
    assert found == {}


def seed() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes_raw()


def pem() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("docs/setup.md", b"text\n" + pem() + b"text"),
        ("edge/device.bin", b"\xff" + seed()[1:]),
        ("deploy/root.key", b"anything"),
        ("edge/secret.pin_key.1", b"anything"),
        ("edge/config.py", b'ROOT_SEED = "' + seed().hex().encode() + b'"'),
        ("hil/demo/world.py", b'private=bytes.fromhex("' + seed().hex().encode() + b'")'),
        ("demo.toml", b'pin_key: "' + seed().hex().encode() + b'"'),
    ],
    ids=["pem", "binary-key", "key-file", "secret-file", "seed-constant", "seed-call", "seed-in-toml"],
)
def test_scan_finds_a_planted_credential(name: str, data: bytes) -> None:
    assert findings(name, data)
