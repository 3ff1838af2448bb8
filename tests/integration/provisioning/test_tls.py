"""The issued certificates in real TLS handshakes, through memory instead of sockets."""

from __future__ import annotations

import shutil
import ssl
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edge.storage.key_file import KeyFile
from edge.wire.enrolment import DeviceKind
from provisioning.export import Receiver, files_for
from provisioning.fleet import Fleet, Outcome
from provisioning.founding import new_fleet
from provisioning.profiles import Kind
from provisioning.signing_request import Algorithm, new_key, request_for
from provisioning.storage import FleetFolder, write_file

FLEET = "tls.fleet"


class Installation:
    """A fleet of now with one broker and one device, each with the files it was given."""

    def __init__(self, folder: Path, now_ms: int, algorithm: Algorithm = Algorithm.P256) -> None:
        self.folder, self.now_ms = folder, now_ms
        place = FleetFolder(folder / "fleet")
        place.create(new_fleet(FLEET, now_ms)[1])
        self.fleet = Fleet(place)
        write_file(folder / "broker.key", new_key(algorithm), private=True)
        request = request_for("broker.1", (folder / "broker.key").read_bytes())
        issued = self.fleet.issue(request, "broker.1", Kind.BROKER, now_ms, hosts=["dns:localhost"])
        write_file(folder / "broker.pem", self.chain(issued))
        self.keys = KeyFile(folder / "keys", "locker-0001")
        enrolled = self.fleet.enrol(self.keys.enrolment_request(FLEET, DeviceKind.LOCKER), now_ms)
        self.keys.install_certificate(self.chain(enrolled))
        self.export()

    def chain(self, outcome: Outcome) -> bytes:
        self.fleet.folder.apply(outcome.writes)
        assert outcome.party is not None and outcome.party.newest is not None
        return outcome.party.newest.pem.encode()

    def export(self) -> None:
        for file in files_for(self.fleet, Receiver.BROKER, self.now_ms):
            write_file(self.folder / file.name, file.data)

    def broker(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        context.load_verify_locations(self.folder / "ca.pem")
        context.load_verify_locations(self.folder / "crl.pem")
        context.load_cert_chain(self.folder / "broker.pem", self.folder / "broker.key")
        return context

    def device(self, *, certificate: bool = True) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        if certificate:
            context.load_cert_chain(self.keys.certificate_path, self.keys.tls_key_path)
        return context


def handshake(server_context: ssl.SSLContext, client_context: ssl.SSLContext, host: str = "localhost") -> str:
    """Shake hands and say the client's CN as the server sees it."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(up, down, server_side=True)
    client = client_context.wrap_bio(down, up, server_hostname=host)
    done: set[ssl.SSLObject] = set()
    for _ in range(10):
        for side in (client, server):
            if side not in done:
                try:
                    side.do_handshake()
                    done.add(side)
                except ssl.SSLWantReadError:
                    continue
    assert done == {client, server}
    subject = dict(pair for part in server.getpeercert()["subject"] for pair in part)
    return subject["commonName"]


@pytest.fixture
def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.mark.parametrize("algorithm", Algorithm)
def test_handshake_device_and_broker_know_each_other(tmp_path: Path, now_ms: int, algorithm: Algorithm) -> None:
    installed = Installation(tmp_path, now_ms, algorithm)
    assert handshake(installed.broker(), installed.device()) == "locker-0001"


def test_handshake_without_a_certificate_is_refused(tmp_path: Path, now_ms: int) -> None:
    installed = Installation(tmp_path, now_ms)
    with pytest.raises(ssl.SSLError, match=r"(?i)peer did not return a certificate"):
        handshake(installed.broker(), installed.device(certificate=False))


def test_handshake_of_a_revoked_device_is_refused(tmp_path: Path, now_ms: int) -> None:
    installed = Installation(tmp_path, now_ms)
    installed.fleet.folder.apply(installed.fleet.revoke("locker-0001", "stolen", now_ms).writes)
    installed.export()
    with pytest.raises(ssl.SSLCertVerificationError, match="revoked"):
        handshake(installed.broker(), installed.device())


def test_handshake_with_a_broker_of_another_fleet_is_refused(tmp_path: Path, now_ms: int) -> None:
    mine, other = Installation(tmp_path / "a", now_ms), Installation(tmp_path / "b", now_ms)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(other.broker(), mine.device())
    shutil.copy(mine.folder / "ca.pem", other.folder / "ca.pem")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(mine.broker(), other.device())


def test_handshake_with_a_broker_under_another_name_is_refused(tmp_path: Path, now_ms: int) -> None:
    installed = Installation(tmp_path, now_ms)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"(?i)hostname"):
        handshake(installed.broker(), installed.device(), host="broker.example")


def test_handshake_with_an_expired_certificate_is_refused_until_it_is_renewed(tmp_path: Path, now_ms: int) -> None:
    day_ms = 86_400_000
    installed = Installation(tmp_path, now_ms - 100 * day_ms)
    request = request_for("broker.1", (tmp_path / "broker.key").read_bytes())
    fresh = installed.fleet.issue(request, "broker.1", Kind.BROKER, now_ms, hosts=["dns:localhost"])
    (tmp_path / "broker.pem").write_bytes(installed.chain(fresh))
    installed.export()
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        handshake(installed.broker(), installed.device())
    renewed = installed.fleet.enrol(installed.keys.enrolment_request(FLEET, DeviceKind.LOCKER), now_ms)
    installed.keys.install_certificate(installed.chain(renewed))
    assert handshake(installed.broker(), installed.device()) == "locker-0001"


def test_handshake_with_a_stolen_certificate_but_no_key_is_impossible(tmp_path: Path, now_ms: int) -> None:
    installed = Installation(tmp_path, now_ms)
    other = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "thief.key").write_bytes(other)
    with pytest.raises(ssl.SSLError):
        ssl.create_default_context().load_cert_chain(installed.keys.certificate_path, tmp_path / "thief.key")
