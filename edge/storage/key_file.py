"""The device's own secrets in a folder of files that only its user may read. Implements `edge.ports.KeyStore`.

`log.key`, `tls.key`, `wrap.key` are PKCS #8 PEM, made on first use and never overwritten: losing one means to enrol
again, so a damaged file is an error and never a reason to make a new one. `secret.<name>.<version>` holds what the
cloud wrapped to this device. The TLS key's path goes to the MQTT client; nothing else leaves this module.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from edge.errors import ConfigError, SecretMissing
from edge.storage.private_folder import PrivateFolder
from edge.wire.enrolment import REQUEST_ATTRIBUTE, DeviceKind, EnrolmentRequest
from edge.wire.errors import Malformed, NotValidNow
from edge.wire.ids import check_device_id, check_fleet
from edge.wire.keys import Ed25519Signer
from edge.wire.pickup_pin import derive_pin
from edge.wire.secrets import PIN_KEY, PIN_KEY_BYTES, unwrap_secret

_SECRET_FILE = re.compile(r"secret\.([a-z][a-z0-9_]{0,63})\.([0-9]{1,16})\Z")
_ENROL_AGAIN = "Restore the file from where it came, or empty the folder and enrol the device again."
PrivateKey = ec.EllipticCurvePrivateKey | Ed25519PrivateKey | X25519PrivateKey


class KeyFile:
    """Opens the folder, making what is missing; holds the keys in memory from then on."""

    def __init__(self, folder: Path, device_id: str) -> None:
        """
        Raises:
            ConfigError: a file is damaged, of the wrong kind, or open to other users.
            StorageFailed, StorageFull: the folder cannot be read or written.
        """
        self._device_id = check_device_id(device_id)
        self._folder = PrivateFolder(folder)
        log = self._key("log.key", Ed25519PrivateKey)
        assert isinstance(log, Ed25519PrivateKey)
        self._log = Ed25519Signer(log.private_bytes_raw())
        self._wrap = self._key("wrap.key", X25519PrivateKey)
        self._tls = self._key("tls.key", ec.EllipticCurvePrivateKey)
        self._secrets = {name: self._load_secret(name) for name in self._held_secrets()}

    def __repr__(self) -> str:
        return f"KeyFile({str(self._folder.path)!r}, {self._device_id!r})"

    @property
    def log_public(self) -> bytes:
        """Raw Ed25519 public key, 32 bytes."""
        return self._log.public

    @property
    def public(self) -> bytes:
        """The log key's public half: makes this object a `edge.wire.keys.Signer`."""
        return self.log_public

    @property
    def wrap_public(self) -> bytes:
        """Raw X25519 public key, 32 bytes."""
        return self._wrap.public_key().public_bytes_raw()

    @property
    def tls_key_path(self) -> Path:
        return self._folder.path / "tls.key"

    @property
    def certificate_path(self) -> Path:
        """The device certificate with its issuer, once `install_certificate` has stored it."""
        return self._folder.path / "tls.pem"

    def sign(self, message: bytes) -> bytes:
        return self._log.sign(message)

    def pin(self, pickup_id: str, generation: int, counter: int) -> str:
        _, key = self._secrets.get(PIN_KEY, (0, b""))
        if not key:
            raise SecretMissing("no PIN key has reached this device", where=PIN_KEY, remedy="Collect by QR until then.")
        return derive_pin(key, pickup_id, generation, counter)

    def unwrap(self, name: str, version: int, wrapped: bytes) -> None:
        """Take a wrapped secret and keep it durably; the same one again changes nothing.

        Raises:
            BadSignature, Malformed, TooLarge: it does not open as this device's secret of that name and version.
            NotValidNow: a newer version is held.
        """
        secret = unwrap_secret(
            wrapped, private=self._wrap.private_bytes_raw(), device_id=self._device_id, name=name, version=version
        )
        if name == PIN_KEY and len(secret) != PIN_KEY_BYTES:
            raise Malformed(f"a PIN key has {PIN_KEY_BYTES} bytes", where=f"secret {name}")
        held_version, held = self._secrets.get(name, (-1, b""))
        if version < held_version:
            raise NotValidNow(f"version {version} is older than the held {held_version}", where=f"secret {name}")
        if version == held_version:
            if secret != held:
                raise Malformed(f"version {version} is held with other bytes", where=f"secret {name}")
            return
        self._folder.create(f"secret.{name}.{version}", secret)
        self._secrets[name] = (version, secret)
        if held:
            self._folder.remove(f"secret.{name}.{held_version}")

    def certificate_request(self, device_id: str) -> bytes:
        """A PKCS #10 request in PEM for CN = `device_id`, signed by the TLS key."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, check_device_id(device_id))])
        request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(self._tls, hashes.SHA256())
        return request.public_bytes(Encoding.PEM)

    def enrolment_request(self, fleet: str, kind: DeviceKind) -> bytes:
        """The file to hand to the fleet's authority (edge.wire.enrolment)."""
        csr = self.certificate_request(self._device_id).decode()
        request = EnrolmentRequest(check_fleet(fleet), self._device_id, kind, csr, self.log_public, self.wrap_public)
        return request.proved(self).encode()

    def est_request(self, fleet: str, kind: DeviceKind) -> bytes:
        """The enrolment request as EST carries it, PKCS #10 in DER (edge.wire.enrolment)."""
        inner = base64.b64encode(self.enrolment_request(fleet, kind))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self._device_id)])
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
        builder = builder.add_attribute(x509.ObjectIdentifier(REQUEST_ATTRIBUTE), inner)
        return builder.sign(self._tls, hashes.SHA256()).public_bytes(Encoding.DER)

    def certificate(self) -> x509.Certificate | None:
        """The certificate in use; None before enrolment.

        Raises:
            ConfigError: the file is damaged.
        """
        pem = self._folder.read("tls.pem")
        if pem is None:
            return None
        try:
            return x509.load_pem_x509_certificate(pem)
        except ValueError as error:
            raise ConfigError("not a certificate in PEM", where="tls.pem", remedy=_ENROL_AGAIN) from error

    def install_certificate(self, pem: bytes) -> None:
        """Store the issued chain, leaf first, for the MQTT client.

        Raises:
            ConfigError: it is not for this device's TLS key and id.
        """
        try:
            leaf = x509.load_pem_x509_certificates(pem)[0]
        except ValueError as error:
            raise ConfigError(f"not a PEM certificate: {error}"[:200], where="certificate") from error
        names = [attribute.value for attribute in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        if names != [self._device_id] or _spki(leaf.public_key()) != _spki(self._tls.public_key()):
            raise ConfigError(
                f"issued for another key or another id ({names})",
                where="certificate",
                remedy=f"Install the certificate that was issued for {self._device_id}'s newest request.",
            )
        self._folder.replace("tls.pem", pem)

    def _key(self, name: str, kind: type) -> PrivateKey:
        pem = self._folder.read(name)
        if pem is None:
            self._folder.create(name, _pem(_generate(kind)))
            pem = self._folder.read(name) or b""
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ConfigError("not a private key in PEM", where=name, remedy=_ENROL_AGAIN) from error
        if not isinstance(key, kind) or (isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name != "secp256r1"):
            raise ConfigError(f"a key of the wrong kind ({type(key).__name__})", where=name, remedy=_ENROL_AGAIN)
        return key

    def _held_secrets(self) -> set[str]:
        return {match[1] for match in map(_SECRET_FILE.match, self._folder.names()) if match}

    def _load_secret(self, name: str) -> tuple[int, bytes]:
        """The newest version; an older one still there was left by a crash between writing and removing."""
        files = filter(None, map(_SECRET_FILE.match, self._folder.names()))
        versions = [int(match[2]) for match in files if match[1] == name]
        newest = max(versions)
        secret = self._folder.read(f"secret.{name}.{newest}") or b""
        if not secret or (name == PIN_KEY and len(secret) != PIN_KEY_BYTES):
            where = f"secret.{name}.{newest}"
            raise ConfigError("a damaged secret", where=where, remedy="Remove the file; the cloud sends it again.")
        return newest, secret


def _generate(kind: type) -> PrivateKey:
    return ec.generate_private_key(ec.SECP256R1()) if kind is ec.EllipticCurvePrivateKey else kind.generate()


def _pem(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _spki(public: object) -> bytes:
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
