"""Many cards become devices: every key is another one, and no secret is anywhere but where it belongs."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from edge.storage.key_file import KeyFile
from edge.wire.enrolment import DeviceKind
from provisioning.est.service import EnrolmentService
from provisioning.export import Receiver, files_for
from provisioning.storage import FleetFolder
from tests.integration.provisioning.est_world import FLEET, EstWorld

_TOKEN = re.compile(rb"[A-Za-z0-9+/]{40,}|[0-9a-f]{64}")
_WINDOW_BYTES = 32


class Secrets:
    """Every private value, in the forms in which it could leak: raw, hex, Base64, the lines of its PEM."""

    def __init__(self) -> None:
        self.texts: set[bytes] = set()
        self.raw: set[bytes] = set()

    def add_raw(self, value: bytes) -> None:
        self.raw.add(value)
        self.texts |= {value.hex().encode(), base64.b64encode(value).rstrip(b"=")}

    def add_pem(self, pem: bytes) -> None:
        key = load_pem_private_key(pem, None)
        whole = base64.b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
        self.texts |= {whole.rstrip(b"="), *(line for line in pem.splitlines() if len(line) >= 40 and b"-" not in line)}
        if hasattr(key, "private_bytes_raw"):
            self.add_raw(key.private_bytes_raw())
        else:
            self.add_raw(key.private_numbers().private_value.to_bytes(32, "big"))

    def found_in(self, data: bytes) -> bool:
        if self.texts & set(_TOKEN.findall(data)) or any(token.rstrip(b"=") in self.texts for token in data.split()):
            return True
        windows = range(len(data) - _WINDOW_BYTES + 1) if not data.isascii() else ()
        return any(data[at : at + _WINDOW_BYTES] in self.raw for at in windows)


class Provisioned:
    """So many devices, enrolled with one claim, and all that was written on the way."""

    def __init__(self, folder: Path, count: int) -> None:
        self.world = EstWorld(folder)
        self.secrets = Secrets()
        self.publics: list[str] = []
        self.world.url = "https://est.example/.well-known/est"
        card = self.world.card(count=count, any_serial=True)
        claim = json.loads((card / "claim.json").read_text())
        self.secrets.add_raw(bytes.fromhex(claim["secret"]))
        service = EnrolmentService(FleetFolder(self.world.place.path), lambda: self.world.now_ms)
        for number in range(count):
            place = folder / "devices" / f"{number:04d}"
            keys = KeyFile(place, f"locker-1000{number:04d}")
            body = base64.b64encode(keys.est_request(FLEET, DeviceKind.LOCKER))
            service.by_claim(claim["claim_id"], claim["secret"], body)
            for name in ("log.key", "tls.key", "wrap.key"):
                self.secrets.add_pem((place / name).read_bytes())
        for party in self.world.fleet.parties():
            if party.log_public:
                self.publics += [party.log_public, party.wrap_public, party.newest.tls_key]

    def artefacts(self) -> Iterator[tuple[str, bytes]]:
        """What leaves the fleet's folder or is shown, and the records in it that are no key."""
        fleet, now_ms = self.world.fleet, self.world.now_ms
        for receiver in Receiver:
            for file in files_for(fleet, receiver, now_ms):
                if not file.private:
                    yield f"{receiver}/{file.name}", file.data
        for path in self.world.place.path.rglob("*"):
            if path.is_file() and path.suffix != ".key":
                yield str(path), path.read_bytes()
        for command in (("list",), ("claims", "list"), ("approvals", "list"), ("bundle",)):
            yield " ".join(command), json.dumps(self.world.cli(*command)).encode()


@pytest.mark.parametrize("count", [12, pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_devices_share_no_key_and_no_secret_leaves_its_place(tmp_path: Path, count: int) -> None:
    made = Provisioned(tmp_path, count)
    assert len(made.publics) == len(set(made.publics)) == 3 * count
    assert len(made.secrets.raw) == 3 * count + 1
    assert len(made.world.claims()) == 1 and made.world.fleet.party("locker-10000000").state == "active"
    leaks = [name for name, data in made.artefacts() if made.secrets.found_in(data)]
    assert leaks == []
    for name in ("log.key", "tls.key", "wrap.key"):
        planted = (tmp_path / "devices/0000" / name).read_bytes()
        assert made.secrets.found_in(b"notes\n" + planted)
        lines = [line for line in planted.splitlines() if b"-" not in line]
        assert made.secrets.found_in(b'{"key": "' + b"".join(lines) + b'"}')
    raw = sorted(made.secrets.raw)[0]
    assert made.secrets.found_in(b"\xff" + raw + b"\xff") and made.secrets.found_in(raw.hex().encode())
