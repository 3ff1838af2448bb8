"""The enrolment request a device makes about itself, and when it must ask for its next certificate.

The request is JSON in the event profile. `proof` is the log key's signature over a context string and the request
without it: whoever enrols holds the log key, and TLS key, log key and wrap key belong together.

Over EST (RFC 7030) the request travels inside a second PKCS #10 request of the same TLS key and subject, as Base64 in
the attribute `unstructuredName` (RFC 2985 section 5.4.1).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from edge.wire.canonical import encode, parse
from edge.wire.errors import Malformed, TooLarge
from edge.wire.ids import check_device_id, check_fleet
from edge.wire.keys import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, Signer, verify
from edge.wire.secrets import WRAP_KEY_BYTES

MAX_REQUEST_BYTES = 8 * 1024
FORMAT = 1
REQUEST_ATTRIBUTE = "1.2.840.113549.1.9.2"
_CONTEXT = b"parcelworks/enrol/v1\x00"
_MEMBERS = {"csr", "device_id", "fleet", "format", "kind", "log_public", "proof", "wrap_public"}


class DeviceKind(StrEnum):
    """What may be enrolled with a log key of its own."""

    LOCKER = "locker"
    HANDHELD = "handheld"
    ROBOT_GATEWAY = "robot_gateway"


@dataclass(frozen=True, slots=True)
class EnrolmentRequest:
    """`csr` is a PKCS #10 request in PEM (RFC 2986); the public keys are raw, 32 bytes each."""

    fleet: str
    device_id: str
    kind: DeviceKind
    csr: str
    log_public: bytes
    wrap_public: bytes
    proof: bytes = b""

    def proved(self, log_key: Signer) -> Self:
        """The same request with its proof of possession.

        Raises:
            Malformed: `log_key` is not the key that the request names.
        """
        if log_key.public != self.log_public:
            raise Malformed("the request names another log key", where="enrolment.log_public")
        return type(self)(
            self.fleet,
            self.device_id,
            self.kind,
            self.csr,
            self.log_public,
            self.wrap_public,
            log_key.sign(self.signed_bytes()),
        )

    def signed_bytes(self) -> bytes:
        """What the proof covers."""
        return _CONTEXT + encode(self._members())

    def encode(self) -> bytes:
        return encode({**self._members(), "proof": self.proof.hex()})

    def check_proof(self) -> None:
        """Raises BadSignature when the log key did not sign exactly this request."""
        verify(self.log_public, self.proof, self.signed_bytes(), where="enrolment.proof")

    def _members(self) -> dict[str, Any]:
        return {
            "csr": self.csr,
            "device_id": self.device_id,
            "fleet": self.fleet,
            "format": FORMAT,
            "kind": self.kind.value,
            "log_public": self.log_public.hex(),
            "wrap_public": self.wrap_public.hex(),
        }

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a request and check its proof. One newline at the end is allowed, because files have it.

        Raises:
            TooLarge: more than 8 KiB.
            Malformed: not the profile, a member missing, unknown or of the wrong form.
            BadSignature: the proof does not hold.
        """
        if len(data) > MAX_REQUEST_BYTES:
            raise TooLarge(f"{len(data)} bytes, at most {MAX_REQUEST_BYTES}", where="enrolment")
        value = parse(data.removesuffix(b"\n"), where="enrolment")
        if set(value) != _MEMBERS:
            wrong = ", ".join(sorted(set(value) ^ _MEMBERS))
            raise Malformed(f"missing or unknown members: {wrong:.200}", where="enrolment")
        if type(value["format"]) is not int or value["format"] != FORMAT:
            raise Malformed("an unknown format", where="enrolment.format", remedy="Make the request anew.")
        request = cls(
            fleet=check_fleet(value["fleet"], where="enrolment.fleet"),
            device_id=check_device_id(value["device_id"], where="enrolment.device_id"),
            kind=_kind(value["kind"]),
            csr=_text(value["csr"]),
            log_public=_octets(value, "log_public", PUBLIC_KEY_BYTES),
            wrap_public=_octets(value, "wrap_public", WRAP_KEY_BYTES),
            proof=_octets(value, "proof", SIGNATURE_BYTES),
        )
        request.check_proof()
        return request


def renew_at_ms(not_before_ms: int, not_after_ms: int, jitter: float) -> int:
    """When to ask for the next certificate: at two thirds of its life, up to a tenth of the life earlier.

    The spread keeps a fleet that was enrolled in one morning from renewing in one morning.

    Args:
        jitter: in [0, 1), one draw per certificate.

    Raises:
        Malformed: an empty window, or a jitter outside [0, 1).
    """
    life_ms = not_after_ms - not_before_ms
    if life_ms <= 0:
        raise Malformed("the certificate's window is empty", where="certificate")
    if not 0 <= jitter < 1:
        raise Malformed(f"jitter {jitter!r:.40} is not in [0, 1)", where="renewal")
    return not_before_ms + life_ms * 2 // 3 - int(life_ms // 10 * jitter)


def renewal_jitter(certificate: bytes) -> float:
    """The draw of one certificate (DER), in [0, 1): the same every time it is asked, another for every certificate."""
    return int.from_bytes(hashlib.sha256(certificate).digest()[:4], "big") / 2**32


def _kind(value: Any) -> DeviceKind:
    try:
        return DeviceKind(value)
    except ValueError as error:
        allowed = ", ".join(DeviceKind)
        raise Malformed(f"unknown kind {value!r:.40}", where="enrolment.kind", remedy=f"Use {allowed}.") from error


def _text(value: Any) -> str:
    if type(value) is not str or not value.isascii():
        raise Malformed("not an ASCII text", where="enrolment.csr")
    return value


def _octets(value: dict[str, Any], name: str, size: int) -> bytes:
    text = value[name]
    if type(text) is not str or len(text) != 2 * size or not set(text) <= set("0123456789abcdef"):
        raise Malformed(f"not {2 * size} lower-case hex digits", where=f"enrolment.{name}")
    return bytes.fromhex(text)
