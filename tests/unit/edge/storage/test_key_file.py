from __future__ import annotations

import datetime
import os
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from edge.errors import ConfigError, EdgeError, SecretMissing, StorageFailed
from edge.storage.key_file import KeyFile
from edge.wire.enrolment import DeviceKind, EnrolmentRequest
from edge.wire.errors import BadSignature, Malformed, NotValidNow
from edge.wire.keys import verify
from edge.wire.pickup_pin import derive_pin
from edge.wire.secrets import wrap_secret

DEVICE_ID = "locker-0001"
PICKUP_ID = "ab" * 16
PIN_KEY = bytes(range(1, 33))
KEY_FILES = ["log.key", "tls.key", "wrap.key"]


def deliver(keys: KeyFile, secret: bytes = PIN_KEY, name: str = "pin_key", version: int = 1) -> bytes:
    return wrap_secret(secret, public=keys.wrap_public, device_id=DEVICE_ID, name=name, version=version)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def keys(folder: Path) -> KeyFile:
    return KeyFile(folder, DEVICE_ID)


def test_open_first_time_makes_three_private_files(keys: KeyFile, folder: Path) -> None:
    assert sorted(entry.name for entry in folder.iterdir()) == KEY_FILES
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in KEY_FILES} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_open_with_a_lax_umask_still_makes_private_files(folder: Path) -> None:
    before = os.umask(0)
    try:
        KeyFile(folder, DEVICE_ID)
    finally:
        os.umask(before)
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in KEY_FILES} == {0o600}


def test_open_again_keeps_every_key(keys: KeyFile, folder: Path) -> None:
    bytes_before = [(folder / name).read_bytes() for name in KEY_FILES]
    again = KeyFile(folder, DEVICE_ID)
    assert (again.log_public, again.wrap_public) == (keys.log_public, keys.wrap_public)
    assert [(folder / name).read_bytes() for name in KEY_FILES] == bytes_before


def test_open_two_devices_share_no_key(tmp_path: Path) -> None:
    devices = [KeyFile(tmp_path / str(number), f"locker-{number:04d}") for number in range(10)]
    publics = {key for device in devices for key in (device.log_public, device.wrap_public)}
    assert len(publics) == 20


@pytest.mark.parametrize("name", KEY_FILES)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_open_file_open_to_others_is_refused_with_the_remedy(keys: KeyFile, folder: Path, name: str, mode: int) -> None:
    (folder / name).chmod(mode)
    with pytest.raises(ConfigError) as caught:
        KeyFile(folder, DEVICE_ID)
    assert caught.value.remedy == f"chmod 600 {folder / name}"


def test_open_folder_others_can_write_is_refused(keys: KeyFile, folder: Path) -> None:
    folder.chmod(0o770)
    with pytest.raises(ConfigError, match="write"):
        KeyFile(folder, DEVICE_ID)


@pytest.mark.parametrize("name", KEY_FILES)
@pytest.mark.parametrize(
    "damage", [b"", b"-----BEGIN PRIVATE KEY-----\n", b"\x00" * 300], ids=["empty", "cut", "zeros"]
)
def test_open_damaged_key_is_refused_and_left_alone(keys: KeyFile, folder: Path, name: str, damage: bytes) -> None:
    (folder / name).write_bytes(damage)
    with pytest.raises(ConfigError):
        KeyFile(folder, DEVICE_ID)
    assert (folder / name).read_bytes() == damage


def test_open_key_of_another_kind_is_refused(keys: KeyFile, folder: Path) -> None:
    (folder / "tls.key").write_bytes((folder / "log.key").read_bytes())
    with pytest.raises(ConfigError, match="wrong kind"):
        KeyFile(folder, DEVICE_ID)


def test_open_other_curve_is_refused(keys: KeyFile, folder: Path) -> None:
    other = ec.generate_private_key(ec.SECP384R1())
    (folder / "tls.key").write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(ConfigError, match="wrong kind"):
        KeyFile(folder, DEVICE_ID)


def test_open_symbolic_link_is_refused(keys: KeyFile, folder: Path, tmp_path: Path) -> None:
    (folder / "log.key").rename(tmp_path / "elsewhere")
    (folder / "log.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="symbolic link"):
        KeyFile(folder, DEVICE_ID)


def test_open_pipe_is_refused_without_waiting(keys: KeyFile, folder: Path) -> None:
    (folder / "log.key").unlink()
    os.mkfifo(folder / "log.key", 0o600)
    with pytest.raises(ConfigError, match="plain file"):
        KeyFile(folder, DEVICE_ID)


def test_open_where_a_file_stands_raises_storage_failed(folder: Path) -> None:
    folder.write_bytes(b"")
    with pytest.raises(StorageFailed):
        KeyFile(folder, DEVICE_ID)


def test_sign_verifies_under_the_log_public_key(keys: KeyFile) -> None:
    verify(keys.log_public, keys.sign(b"facts"), b"facts", where="test")


def test_pin_without_a_key_raises_secret_missing(keys: KeyFile) -> None:
    with pytest.raises(SecretMissing):
        keys.pin(PICKUP_ID, 0, 0)


def test_unwrap_pin_key_survives_a_restart(keys: KeyFile, folder: Path) -> None:
    keys.unwrap("pin_key", 1, deliver(keys))
    expected = derive_pin(PIN_KEY, PICKUP_ID, 2, 3)
    assert keys.pin(PICKUP_ID, 2, 3) == expected
    assert KeyFile(folder, DEVICE_ID).pin(PICKUP_ID, 2, 3) == expected
    assert stat.S_IMODE((folder / "secret.pin_key.1").stat().st_mode) == 0o600


def test_unwrap_same_version_again_changes_nothing(keys: KeyFile, folder: Path) -> None:
    keys.unwrap("pin_key", 1, deliver(keys))
    keys.unwrap("pin_key", 1, deliver(keys))
    assert (folder / "secret.pin_key.1").read_bytes() == PIN_KEY


def test_unwrap_same_version_with_other_bytes_is_refused(keys: KeyFile) -> None:
    keys.unwrap("pin_key", 1, deliver(keys))
    with pytest.raises(Malformed):
        keys.unwrap("pin_key", 1, deliver(keys, secret=bytes(32)))
    assert keys.pin(PICKUP_ID, 0, 0) == derive_pin(PIN_KEY, PICKUP_ID, 0, 0)


def test_unwrap_newer_version_replaces_the_older(keys: KeyFile, folder: Path) -> None:
    keys.unwrap("pin_key", 9, deliver(keys, version=9))
    keys.unwrap("pin_key", 10, deliver(keys, secret=b"\x07" * 32, version=10))
    assert keys.pin(PICKUP_ID, 0, 0) == derive_pin(b"\x07" * 32, PICKUP_ID, 0, 0)
    assert [entry.name for entry in folder.iterdir() if "secret" in entry.name] == ["secret.pin_key.10"]


def test_unwrap_older_version_is_refused(keys: KeyFile) -> None:
    keys.unwrap("pin_key", 2, deliver(keys, version=2))
    with pytest.raises(NotValidNow):
        keys.unwrap("pin_key", 1, deliver(keys, version=1))


def test_open_after_a_crash_between_write_and_removal_takes_the_newest(keys: KeyFile, folder: Path) -> None:
    keys.unwrap("pin_key", 9, deliver(keys, version=9))
    old = (folder / "secret.pin_key.9").read_bytes()
    keys.unwrap("pin_key", 10, deliver(keys, secret=b"\x07" * 32, version=10))
    (folder / "secret.pin_key.9").write_bytes(old)
    (folder / "secret.pin_key.9").chmod(0o600)
    assert KeyFile(folder, DEVICE_ID).pin(PICKUP_ID, 0, 0) == derive_pin(b"\x07" * 32, PICKUP_ID, 0, 0)


def test_unwrap_for_another_device_is_refused_and_stores_nothing(keys: KeyFile, folder: Path) -> None:
    foreign = wrap_secret(PIN_KEY, public=keys.wrap_public, device_id="locker-0002", name="pin_key", version=1)
    with pytest.raises(BadSignature):
        keys.unwrap("pin_key", 1, foreign)
    assert sorted(entry.name for entry in folder.iterdir()) == KEY_FILES


@pytest.mark.parametrize("size", [31, 33])
def test_unwrap_pin_key_of_wrong_size_is_refused(keys: KeyFile, size: int) -> None:
    with pytest.raises(Malformed):
        keys.unwrap("pin_key", 1, deliver(keys, secret=bytes(size)))


def test_open_damaged_pin_key_is_refused(keys: KeyFile, folder: Path) -> None:
    keys.unwrap("pin_key", 1, deliver(keys))
    (folder / "secret.pin_key.1").write_bytes(b"short")
    with pytest.raises(ConfigError, match="damaged"):
        KeyFile(folder, DEVICE_ID)


def test_text_of_the_object_and_its_errors_hold_no_secret(keys: KeyFile, folder: Path) -> None:
    keys.unwrap("pin_key", 1, deliver(keys))
    pem = load_pem_private_key((folder / "log.key").read_bytes(), password=None)
    assert isinstance(pem, Ed25519PrivateKey)
    texts = [repr(keys), str(keys)]
    with pytest.raises(Malformed) as caught:
        keys.unwrap("pin_key", 1, deliver(keys, secret=b"\x5a" * 32))
    texts += [str(caught.value), repr(caught.value), caught.value.remedy]
    for secret in (PIN_KEY, b"\x5a" * 32, pem.private_bytes_raw()):
        assert not any(secret.hex() in text or repr(secret) in text for text in texts)


def test_certificate_request_is_accepted_by_openssl(keys: KeyFile, tmp_path: Path) -> None:
    (tmp_path / "csr.pem").write_bytes(keys.certificate_request(DEVICE_ID))
    judged = subprocess.run(
        ["openssl", "req", "-in", tmp_path / "csr.pem", "-verify", "-noout", "-subject"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "verify OK" in judged.stderr + judged.stdout
    assert f"CN = {DEVICE_ID}" in judged.stdout


def test_enrolment_request_names_the_keys_and_is_proved(keys: KeyFile) -> None:
    request = EnrolmentRequest.parse(keys.enrolment_request("test.fleet", DeviceKind.LOCKER))
    assert (request.device_id, request.kind) == (DEVICE_ID, DeviceKind.LOCKER)
    assert (request.log_public, request.wrap_public) == (keys.log_public, keys.wrap_public)


def test_enrolment_request_for_an_impossible_fleet_is_refused(keys: KeyFile) -> None:
    with pytest.raises(Malformed):
        keys.enrolment_request("Not A Fleet", DeviceKind.LOCKER)


def self_signed(keys: KeyFile, folder: Path, device_id: str) -> bytes:
    key = load_pem_private_key((folder / "tls.key").read_bytes(), password=None)
    request = x509.load_pem_x509_csr(keys.certificate_request(device_id))
    builder = x509.CertificateBuilder(request.subject, request.subject, request.public_key(), 7)
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = builder.not_valid_before(start).not_valid_after(start + datetime.timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_install_certificate_of_its_own_is_stored(keys: KeyFile, folder: Path) -> None:
    pem = self_signed(keys, folder, DEVICE_ID)
    keys.install_certificate(pem)
    keys.install_certificate(pem)
    assert keys.certificate_path.read_bytes() == pem


def test_install_certificate_of_another_key_or_id_is_refused(keys: KeyFile, folder: Path, tmp_path: Path) -> None:
    other = KeyFile(tmp_path / "other", DEVICE_ID)
    for pem in (self_signed(other, tmp_path / "other", DEVICE_ID), self_signed(keys, folder, "locker-0002"), b"junk"):
        with pytest.raises(EdgeError):
            keys.install_certificate(pem)
    assert not keys.certificate_path.exists()
