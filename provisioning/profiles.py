"""PURE. The policy of the fleet's authority: which certificate each kind of party may have."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.wire.ids import check_device_id
from provisioning.errors import Refused

MAX_REQUEST_BYTES = 8 * 1024
MAX_HOSTS = 16
_ASK_AGAIN = "Make the request again on the device, or with pw-provision request."
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z")
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_SERVER_ID = re.compile(r"(?:bridge|broker|est)\.[a-z0-9-]{1,33}\Z")
_SERIAL = re.compile(r"[0-9a-z]{4,24}\Z")
PublicKey = EllipticCurvePublicKey | Ed25519PublicKey


class Kind(StrEnum):
    """Parties with a certificate. The first three also have a log key and stand in the registry."""

    LOCKER = "locker"
    HANDHELD = "handheld"
    ROBOT_GATEWAY = "robot_gateway"
    BRIDGE = "bridge"
    BROKER = "broker"
    EST = "est"


@dataclass(frozen=True, slots=True)
class Profile:
    """`id_prefix`: a server's id begins with it. A device id has no '.', so no device can be named into its rights."""

    kind: Kind
    usages: tuple[x509.ObjectIdentifier, ...]
    default_life_days: int
    max_life_days: int
    id_prefix: str
    has_hosts: bool
    has_log_key: bool


def _device(kind: Kind) -> Profile:
    return Profile(kind, (ExtendedKeyUsageOID.CLIENT_AUTH,), 90, 180, "", has_hosts=False, has_log_key=True)


PROFILES: Mapping[Kind, Profile] = {
    Kind.LOCKER: _device(Kind.LOCKER),
    Kind.HANDHELD: _device(Kind.HANDHELD),
    Kind.ROBOT_GATEWAY: _device(Kind.ROBOT_GATEWAY),
    Kind.BRIDGE: Profile(
        Kind.BRIDGE, (ExtendedKeyUsageOID.CLIENT_AUTH,), 90, 180, "bridge.", has_hosts=False, has_log_key=False
    ),
    Kind.BROKER: Profile(
        Kind.BROKER, (ExtendedKeyUsageOID.SERVER_AUTH,), 90, 398, "broker.", has_hosts=True, has_log_key=False
    ),
    Kind.EST: Profile(Kind.EST, (ExtendedKeyUsageOID.SERVER_AUTH,), 90, 398, "est.", has_hosts=True, has_log_key=False),
}


def check_party_id(party_id: str, profile: Profile) -> str:
    """Return `party_id` when a party of that kind may be called so.

    Raises:
        Malformed: not a device id at all.
        Refused: not a server's id of that kind.
    """
    if not profile.id_prefix:
        return check_device_id(party_id)
    if not _SERVER_ID.match(party_id) or not party_id.startswith(profile.id_prefix):
        raise Refused(
            f"not the id of a {profile.kind}: {party_id!r:.60}",
            where="id",
            remedy=f"Use {profile.id_prefix} and 1 to 33 of a-z, 0-9 and '-'.",
        )
    return party_id


def check_any_id(party_id: str) -> str:
    """Return `party_id` when it is the id of a device or server of any kind."""
    return party_id if _SERVER_ID.match(party_id) else check_device_id(party_id)


def device_id_of(kind: Kind, serial: str) -> str:
    """The id of the device with that board serial number: `locker-10000000abcd1234`.

    Raises:
        Refused: no serial number, or the kind is none of a device.
    """
    if not PROFILES[kind].has_log_key:
        raise Refused(f"a {kind} has no serial number", where="kind", remedy="Name a kind of device.")
    folded = serial.strip().lower()
    if not _SERIAL.match(folded):
        raise Refused(f"not a serial number: {serial!r:.60}", where="serial", remedy="Write 4 to 24 of 0-9 and a-z.")
    return check_device_id(f"{kind.value.replace('_', '-')}-{folded}")


def check_life_days(life_days: int | None, profile: Profile) -> int:
    """The certificate's life: the profile's default, or what is asked for within its limit."""
    if life_days is None:
        return profile.default_life_days
    if not 1 <= life_days <= profile.max_life_days:
        limit = f"1 to {profile.max_life_days}"
        raise Refused(f"{life_days} days; a {profile.kind} may have {limit}", where="life", remedy=f"Ask for {limit}.")
    return life_days


def check_hosts(hosts: Sequence[str], profile: Profile) -> tuple[x509.GeneralName, ...]:
    """The names under which a server is reached, `dns:<name>` or `ip:<address>`, as subject alternative names."""
    if not profile.has_hosts:
        if hosts:
            raise Refused(f"a {profile.kind} has no host names", where="hosts", remedy="Leave out --host.")
        return ()
    if not 1 <= len(hosts) <= MAX_HOSTS:
        raise Refused(
            f"a {profile.kind} needs 1 to {MAX_HOSTS} host names", where="hosts", remedy="Name them: --host dns:NAME."
        )
    return tuple(map(_general_name, hosts))


def check_signing_request(data: bytes, party_id: str) -> x509.CertificateSigningRequest:
    """Parse a PKCS #10 request (RFC 2986, PEM): signed by its own P-256 or Ed25519 key, subject exactly CN.

    Raises:
        Refused: anything else, requested extensions included: the policy alone decides what a certificate says.
    """
    if len(data) > MAX_REQUEST_BYTES:
        raise Refused(f"{len(data)} bytes, at most {MAX_REQUEST_BYTES}", where="signing request", remedy=_ASK_AGAIN)
    try:
        request = x509.load_pem_x509_csr(data)
        names = [(attribute.oid, attribute.value) for attribute in request.subject]
        digest = request.signature_hash_algorithm
        signed = request.is_signature_valid
        extensions = len(request.extensions)
        key_of(request.public_key())
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        what = f"not a usable PKCS #10 request: {error}".split(". See", 1)[0][:200]
        raise Refused(what, where="signing request", remedy=_ASK_AGAIN) from error
    if not signed or (digest is not None and not isinstance(digest, _HASHES)):
        raise Refused("it is not signed by its own key with SHA-2", where="signing request", remedy=_ASK_AGAIN)
    if names != [(NameOID.COMMON_NAME, party_id)]:
        raise Refused(
            f"its subject is {request.subject.rfc4514_string()!r:.100}, not CN={party_id}",
            where="signing request",
            remedy="Make the request for exactly this id.",
        )
    if extensions:
        raise Refused("it asks for extensions", where="signing request", remedy="Make it without; see --host.")
    return request


def key_of(public: object) -> PublicKey:
    """Return `public` when it is a P-256 or Ed25519 key."""
    if isinstance(public, Ed25519PublicKey):
        return public
    if isinstance(public, EllipticCurvePublicKey) and isinstance(public.curve, SECP256R1):
        return public
    name = type(public).__name__.removesuffix("PublicKey")
    raise Refused(f"a key of kind {name}", where="signing request", remedy="Use P-256 or Ed25519.")


def _general_name(text: str) -> x509.GeneralName:
    form, _, value = text.partition(":")
    if form == "dns" and len(value) <= 253 and _HOST.match(value):
        return x509.DNSName(value)
    if form == "ip":
        try:
            return x509.IPAddress(ipaddress.ip_address(value))
        except ValueError as error:
            raise Refused(f"not an address: {value!r:.60}", where="hosts", remedy="Write ip:ADDRESS.") from error
    raise Refused(f"not a host: {text!r:.80}", where="hosts", remedy="Write dns:NAME or ip:ADDRESS.")
