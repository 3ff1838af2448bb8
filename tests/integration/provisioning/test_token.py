"""The issuing key inside a token, spoken to over PKCS #11: SoftHSM2, with openssl as the judge of what it signed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner

from provisioning import generations, revocation_lists
from provisioning.__main__ import app
from provisioning.errors import NotFound, Refused, StorageFailed, Unsafe
from provisioning.export import Receiver, files_for
from provisioning.fleet import Fleet
from provisioning.storage import FleetFolder
from provisioning.token import TokenAddress, make_key, open_key
from tests.unit.provisioning.devices import device

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "648219"


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with an initialised token and its PIN; the library reads its configuration once a process."""
    tool = shutil.which("softhsm2-util")
    if tool is None or not MODULE.exists():
        pytest.fail("SoftHSM2 is missing. Remedy: apt-get install softhsm2")
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    (folder / "pin").touch(mode=0o600)
    (folder / "pin").write_text(PIN)
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    words = [tool, "--init-token", "--free", "--label", "fleet", "--so-pin", "9911", "--pin", PIN]
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    yield folder
    del os.environ["SOFTHSM2_CONF"]


def address(token: Path, name: str = "issuing", *, label: str = "fleet", pin: str = "pin") -> str:
    return f"pkcs11:token={label};object={name}?module-path={MODULE}&pin-source={token / pin}"


def test_fleet_whose_issuing_key_is_in_a_token_enrols_revokes_and_rotates(token: Path, tmp_path: Path) -> None:
    folder = tmp_path / "fleet"
    words = ["init", "--fleet", "token.fleet", "--issuing-key", address(token), "--dir", str(folder)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert (folder / "ca/issuing.key").read_text() == address(token) + "\n"
    fleet = Fleet(FleetFolder(folder))
    now_ms = fleet.file.created_at_ms
    who = device()
    fleet.folder.apply(fleet.enrol(who.request("token.fleet"), now_ms).writes)
    for file in files_for(fleet, Receiver.BROKER, now_ms):
        (tmp_path / file.name).write_bytes(file.data)
    (tmp_path / "leaf.pem").write_text(fleet.party("locker-0001").newest.pem)
    assert openssl(tmp_path, "verify", "-CAfile", "ca.pem", "leaf.pem") == 0
    assert openssl(tmp_path, "crl", "-in", "crl.pem", "-CAfile", "ca.pem", "-noout") == 0
    fleet.folder.apply(fleet.revoke("locker-0001", "stolen", now_ms).writes)
    (tmp_path / "crl.pem").write_bytes(revocation_lists.pem(fleet.folder, now_ms))
    assert openssl(tmp_path, "verify", "-crl_check", "-CAfile", "ca.pem", "-CRLfile", "crl.pem", "leaf.pem") != 0

    fleet.folder.apply(fleet.rotate_authority(200, now_ms, address(token, "issuing-2")).writes)
    after = Fleet(fleet.folder)
    assert after.authority.number == 2
    issued = after.enrol(device(2).request("token.fleet"), now_ms).party
    assert issued is not None and issued.newest is not None and issued.newest.authority == 2
    held = b"".join(path.read_bytes() for path in (folder / "ca").rglob("*") if path.is_file())
    assert b"PRIVATE" not in held and PIN.encode() not in held
    assert generations.load(fleet.folder, 1).key.public_key() != after.authority.key.public_key()


def openssl(folder: Path, *words: str) -> int:
    return subprocess.run(["openssl", *words], cwd=folder, capture_output=True, timeout=60).returncode


def test_key_does_not_leave_its_token_and_is_the_same_the_next_time(token: Path) -> None:
    key = make_key(TokenAddress.parse(address(token, "again")))
    with pytest.raises(UnsupportedAlgorithm, match="does not leave"):
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(UnsupportedAlgorithm, match="does not leave"):
        key.private_numbers()
    assert make_key(TokenAddress.parse(address(token, "again"))).public_key() == key.public_key()
    assert open_key(TokenAddress.parse(address(token, "again"))).public_key() == key.public_key()


def test_pin_comes_as_a_credential_of_the_service(token: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pkcs11-pin").write_text(PIN + "\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    bare = address(token, "by-credential").partition("&")[0]
    assert TokenAddress.parse(bare).pin() == PIN
    assert make_key(TokenAddress.parse(bare)).key_size == 256


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (lambda token: address(token, "absent"), NotFound),
        (lambda token: address(token, label="nowhere"), NotFound),
        (lambda token: address(token, pin="no-such-file"), NotFound),
        (lambda token: address(token).partition("&")[0], NotFound),
        (lambda token: address(token).replace(str(MODULE), "/nonexistent.so"), StorageFailed),
        (lambda token: "pkcs11:token=fleet", Refused),
        (lambda token: address(token).replace("pin-source", "pin-value"), Refused),
        (lambda token: "file:/etc/passwd", Refused),
    ],
    ids=["key", "token", "pin-file", "no-pin", "library", "no-object", "pin-in-address", "scheme"],
)
def test_token_that_cannot_be_used_is_told_with_a_remedy(token: Path, text, kind: type) -> None:
    with pytest.raises(kind) as caught:
        open_key(TokenAddress.parse(text(token)))
    assert caught.value.remedy and PIN not in str(caught.value)


def test_pin_file_open_to_others_is_refused(token: Path) -> None:
    (token / "open").write_text(PIN)
    (token / "open").chmod(0o644)
    with pytest.raises(Unsafe):
        TokenAddress.parse(address(token, pin="open")).pin()
