"""A P-256 key that never leaves its token (PKCS #11): a TPM, a smart card, an HSM, or SoftHSM2 in tests.

The key is named by an RFC 7512 address, `pkcs11:token=fleet;object=issuing?module-path=/usr/lib/…/libsofthsm2.so`.
The PIN comes from a systemd credential `pkcs11-pin`, or from the file that `pin-source` names; never from the address.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

from provisioning.errors import NotFound, Refused, StorageFailed
from provisioning.storage import read_credential, read_file

SCHEME = "pkcs11:"
PIN_CREDENTIAL = "pkcs11-pin"
_COORDINATE_BYTES = 32
_EXAMPLE = "Write pkcs11:token=NAME;object=NAME?module-path=FILE&pin-source=FILE."


@dataclass(frozen=True, slots=True)
class TokenAddress:
    """Which key of which token, and the library that speaks to it."""

    token: str
    label: str
    module: Path
    pin_source: Path | None

    @classmethod
    def parse(cls, text: str) -> TokenAddress:
        """
        Raises:
            Refused: no address of that form, or one with a PIN in it.
        """
        text = text.strip()
        path, _, query = text.removeprefix(SCHEME).partition("?")
        named = dict(part.partition("=")[::2] for part in path.split(";"))
        options = dict(parse_qsl(query))
        known = set(named) == {"token", "object"} and set(options) <= {"module-path", "pin-source"}
        if not text.startswith(SCHEME) or not known or "module-path" not in options or not text.isprintable():
            raise Refused("not the address of a key", where="pkcs11", remedy=_EXAMPLE)
        source = options.get("pin-source")
        pin = None if source is None else Path(source.removeprefix("file:"))
        return cls(unquote(named["token"]), unquote(named["object"]), Path(options["module-path"]), pin)

    def pin(self) -> str:
        """
        Raises:
            NotFound: nobody brought one. Unsafe: its file is open to others.
        """
        data = read_credential(PIN_CREDENTIAL)
        if data is None and self.pin_source is not None:
            data = read_file(self.pin_source, private=True)
        if data is None:
            remedy = f"Give the credential {PIN_CREDENTIAL}, or pin-source=FILE."
            raise NotFound("no PIN", where="pkcs11", remedy=remedy)
        return data.decode("utf-8", "replace").strip()


class TokenKey(ec.EllipticCurvePrivateKey):
    """Signs with ECDSA over P-256 inside the token; everything that would need the private key itself is refused."""

    def __init__(self, private: Any, public: ec.EllipticCurvePublicKey) -> None:
        self._private = private
        self._public = public

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public.curve

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public

    def sign(self, data: bytes, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """ECDSA as X.509 writes it (RFC 3279 section 2.2.3); the token gives the two numbers side by side."""
        from pkcs11 import Mechanism

        if not isinstance(signature_algorithm, ec.ECDSA) or not isinstance(
            signature_algorithm.algorithm, hashes.SHA256
        ):
            raise UnsupportedAlgorithm("this key signs with ECDSA and SHA-256 only")
        digest = hashes.Hash(hashes.SHA256())
        digest.update(bytes(data))
        raw = bytes(self._private.sign(digest.finalize(), mechanism=Mechanism.ECDSA))
        r, s = (int.from_bytes(half, "big") for half in (raw[:_COORDINATE_BYTES], raw[_COORDINATE_BYTES:]))
        return encode_dss_signature(r, s)

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> bytes:
        raise UnsupportedAlgorithm("this key only signs")

    def private_numbers(self) -> ec.EllipticCurvePrivateNumbers:
        raise UnsupportedAlgorithm("this key does not leave its token")

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> bytes:
        raise UnsupportedAlgorithm("this key does not leave its token")

    def __copy__(self) -> TokenKey:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> TokenKey:
        return self


def open_key(address: TokenAddress) -> TokenKey:
    """The key of that address; its session stays open for the life of this process.

    Raises:
        NotFound: no library, token, PIN or key.
        StorageFailed: the token refuses.
    """
    session = _session(address, write=False)
    import pkcs11
    from pkcs11.util.ec import encode_ec_public_key

    try:
        private = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=address.label)
        public = session.get_key(object_class=pkcs11.ObjectClass.PUBLIC_KEY, label=address.label)
        found = load_der_public_key(encode_ec_public_key(public))
    except pkcs11.PKCS11Error as error:
        remedy = "Make one: pw-provision init --issuing-key, or check token and object."
        raise NotFound(f"no such key: {type(error).__name__}", where=address.label, remedy=remedy) from error
    if not isinstance(found, ec.EllipticCurvePublicKey) or not isinstance(found.curve, ec.SECP256R1):
        raise Refused("not a P-256 key", where=address.label, remedy="Make another one in the token.")
    return TokenKey(private, found)


def make_key(address: TokenAddress) -> TokenKey:
    """A new P-256 key pair inside the token; one of that name that is there is taken as it is.

    Raises:
        NotFound, StorageFailed: see `open_key`.
    """
    import pkcs11
    from pkcs11.util.ec import encode_named_curve_parameters

    try:
        return open_key(address)
    except NotFound as error:
        if "no such key" not in error.what:
            raise
    session = _session(address, write=True)
    try:
        curve = session.create_domain_parameters(
            pkcs11.KeyType.EC, {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}, local=True
        )
        curve.generate_keypair(store=True, label=address.label, private_template={pkcs11.Attribute.EXTRACTABLE: False})
    except pkcs11.PKCS11Error as error:
        raise _refusal(error, address) from error
    finally:
        session.close()
    return open_key(address)


def _session(address: TokenAddress, *, write: bool) -> Any:
    try:
        import pkcs11
    except ImportError as error:
        remedy = "Install the extra: pip install parcelworks[hsm]."
        raise NotFound("python-pkcs11 is not installed", where="pkcs11", remedy=remedy) from error
    pin = address.pin()
    try:
        library = pkcs11.lib(str(address.module))
        return library.get_token(token_label=address.token).open(user_pin=pin, rw=write)
    except pkcs11.UserAlreadyLoggedIn:
        return library.get_token(token_label=address.token).open(rw=write)
    except pkcs11.NoSuchToken as error:
        raise NotFound("no such token", where=address.token, remedy="Initialise it, or check its label.") from error
    except (pkcs11.PKCS11Error, RuntimeError) as error:
        raise _refusal(error, address) from error


def _refusal(error: Exception, address: TokenAddress) -> StorageFailed:
    remedy = "Check the library's path, the token and its PIN; a wrong PIN too often locks the token."
    return StorageFailed(
        f"the token refuses: {type(error).__name__} {error}".strip(), where=address.token, remedy=remedy
    )
