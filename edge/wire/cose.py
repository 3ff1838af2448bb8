"""COSE_Sign1 with EdDSA (RFC 9052 section 4.2), the one COSE structure that credentials need.

Always tagged (18); the protected header is `{1: -8, 4: key id}`, the unprotected one empty. The context string goes
in as external data (section 4.3): it costs no byte in the code and keeps one kind of credential from passing as
another.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.wire import cbor
from edge.wire.errors import BadSignature, Malformed
from edge.wire.keys import KEY_ID_BYTES, SIGNATURE_BYTES, Signer, key_id, verify

TAG = b"\xd2"
_ALG, _EDDSA, _KID = 1, -8, 4


@dataclass(frozen=True, slots=True)
class Sign1:
    """A parsed COSE_Sign1, not yet verified."""

    protected: bytes
    key_id: bytes
    payload: bytes
    signature: bytes

    def verify(self, public: bytes, context: bytes) -> None:
        """Check the signature under `context`.

        Raises:
            BadSignature: it does not hold, or the header names another key.
        """
        if self.key_id != key_id(public):
            raise BadSignature("signed by another key than the header names", where="cose")
        verify(public, self.signature, _signed(self.protected, context, self.payload), where="cose")


def sign1(payload: bytes, context: bytes, signer: Signer) -> bytes:
    """Sign `payload` under `context`."""
    protected = cbor.encode({_ALG: _EDDSA, _KID: key_id(signer.public)})
    signature = signer.sign(_signed(protected, context, payload))
    return TAG + cbor.encode([protected, {}, payload, signature])


def parse_sign1(data: bytes) -> Sign1:
    """Parse a COSE_Sign1.

    Raises:
        Malformed: not tagged 18, other headers, an empty or detached payload, or a signature of another length.
    """
    if data[:1] != TAG:
        raise Malformed("not a tagged COSE_Sign1", where="cose")
    parts = cbor.decode(data[1:], where="cose")
    if type(parts) is not list or len(parts) != 4 or parts[1] != {} or type(parts[1]) is not dict:
        raise Malformed("not protected, {}, payload and signature", where="cose")
    protected, _, payload, signature = parts
    if not (type(protected) is bytes and type(payload) is bytes and type(signature) is bytes and payload):
        raise Malformed("protected, payload and signature are byte strings", where="cose")
    if len(signature) != SIGNATURE_BYTES:
        raise Malformed("an Ed25519 signature has 64 bytes", where="cose")
    return Sign1(protected, _key_id(protected), payload, signature)


def _key_id(protected: bytes) -> bytes:
    header = cbor.decode(protected, where="cose.protected")
    if type(header) is not dict or header.keys() != {_ALG, _KID} or header[_ALG] != _EDDSA:
        raise Malformed("the protected header is not EdDSA and a key id", where="cose.protected")
    kid = header[_KID]
    if type(kid) is not bytes or len(kid) != KEY_ID_BYTES:
        raise Malformed(f"a key id has {KEY_ID_BYTES} bytes", where="cose.protected")
    return kid


def _signed(protected: bytes, context: bytes, payload: bytes) -> bytes:
    """The Sig_structure of RFC 9052 section 4.4."""
    return cbor.encode(["Signature1", protected, context, payload])
