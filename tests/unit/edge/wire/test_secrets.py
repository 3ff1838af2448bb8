"""HPKE against an RFC 9180 decapsulation written here from its text, and against every kind of mismatch."""

from __future__ import annotations

import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.errors import BadSignature, Malformed, TooLarge, WireError
from edge.wire.secrets import MAX_SECRET_BYTES, OVERHEAD_BYTES, unwrap_secret, wrap_secret
from tests.fleets import make_fleet

FLEET = make_fleet(2)
DEVICE, OTHER = FLEET.devices.values()
MEANT = {"device_id": DEVICE.device_id, "name": "pin_key", "version": 3}
SECRET = bytes(range(32))


def reference_open(sealed: bytes, private: bytes, info: bytes, aad: bytes = b"") -> bytes:
    """RFC 9180 sections 4.1 and 5.1, base mode, suite 0x0020/0x0001/0x0003, sequence number 0."""
    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x03"

    def extract(name: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
        return hmac.digest(salt or bytes(32), b"HPKE-v1" + name + label + ikm, "sha256")

    def expand(name: bytes, key: bytes, label: bytes, context: bytes, size: int) -> bytes:
        return hmac.digest(key, size.to_bytes(2, "big") + b"HPKE-v1" + name + label + context + b"\x01", "sha256")[
            :size
        ]

    enc, box = sealed[:32], sealed[32:]
    key = X25519PrivateKey.from_private_bytes(private)
    shared = key.exchange(X25519PublicKey.from_public_bytes(enc))
    secret = expand(
        kem,
        extract(kem, b"", b"eae_prk", shared),
        b"shared_secret",
        enc + key.public_key().public_bytes_raw(),
        32,
    )
    context = b"\x00" + extract(suite, b"", b"psk_id_hash", b"") + extract(suite, b"", b"info_hash", info)
    prk = extract(suite, secret, b"secret", b"")
    nonce = expand(suite, prk, b"base_nonce", context, 12)
    return ChaCha20Poly1305(expand(suite, prk, b"key", context, 32)).decrypt(nonce, box, aad)


def test_reference_rfc9180_appendix_a2_opens() -> None:
    opened = reference_open(
        bytes.fromhex(
            "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"
            "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28"
        ),
        private=bytes.fromhex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb"),
        info=bytes.fromhex("4f6465206f6e2061204772656369616e2055726e"),
        aad=b"Count-0",
    )
    assert opened == b"Beauty is truth, truth beauty"


def test_wrap_any_secret_opens_in_the_reference() -> None:
    wrapped = wrap_secret(SECRET, public=DEVICE.wrap_public, **MEANT)
    info = b"parcelworks/secret/v1\x00locker-0001\x00pin_key\x00\x00\x00\x00\x00\x00\x00\x00\x03"
    assert len(wrapped) == len(SECRET) + OVERHEAD_BYTES
    assert reference_open(wrapped, DEVICE.wrap_private, info) == SECRET


@settings(max_examples=50, deadline=None)
@given(secret=st.binary(min_size=1, max_size=MAX_SECRET_BYTES), version=st.integers(0, 2**53 - 1))
def test_unwrap_what_was_wrapped_returns_it(secret: bytes, version: int) -> None:
    meant = {**MEANT, "version": version}
    wrapped = wrap_secret(secret, public=DEVICE.wrap_public, **meant)
    assert unwrap_secret(wrapped, private=DEVICE.wrap_private, **meant) == secret


def test_wrap_twice_gives_different_bytes() -> None:
    assert wrap_secret(SECRET, public=DEVICE.wrap_public, **MEANT) != wrap_secret(
        SECRET, public=DEVICE.wrap_public, **MEANT
    )


@pytest.mark.parametrize(
    "changed",
    [{"device_id": OTHER.device_id}, {"name": "wifi"}, {"version": 2}, {"version": 4}],
    ids=["device", "name", "older", "newer"],
)
def test_unwrap_meant_otherwise_raises_bad_signature(changed: dict[str, object]) -> None:
    wrapped = wrap_secret(SECRET, public=DEVICE.wrap_public, **MEANT)
    with pytest.raises(BadSignature):
        unwrap_secret(wrapped, private=DEVICE.wrap_private, **{**MEANT, **changed})


def test_unwrap_with_another_devices_key_raises_bad_signature() -> None:
    wrapped = wrap_secret(SECRET, public=DEVICE.wrap_public, **MEANT)
    with pytest.raises(BadSignature):
        unwrap_secret(wrapped, private=OTHER.wrap_private, **MEANT)


@pytest.mark.parametrize("position", range(0, 80))
def test_unwrap_one_changed_byte_raises_bad_signature(position: int) -> None:
    wrapped = bytearray(wrap_secret(SECRET, public=DEVICE.wrap_public, **MEANT))
    wrapped[position] ^= 0x01
    with pytest.raises(BadSignature):
        unwrap_secret(bytes(wrapped), private=DEVICE.wrap_private, **MEANT)


@settings(max_examples=100, deadline=None)
@given(noise=st.binary(max_size=700))
def test_unwrap_noise_raises_a_wire_error(noise: bytes) -> None:
    with pytest.raises(WireError):
        unwrap_secret(noise, private=DEVICE.wrap_private, **MEANT)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"name": "pin\x00key"}, Malformed),
        ({"name": ""}, Malformed),
        ({"version": -1}, Malformed),
        ({"version": True}, Malformed),
        ({"device_id": "Locker 1"}, Malformed),
        ({"public": bytes(32)}, Malformed),
        ({"public": bytes(31)}, Malformed),
        ({"secret": b""}, Malformed),
        ({"secret": bytes(MAX_SECRET_BYTES + 1)}, TooLarge),
    ],
    ids=["nul", "no-name", "negative", "bool", "device", "zero-point", "short-key", "empty", "too-large"],
)
def test_wrap_bad_argument_raises(changed: dict[str, object], error: type[WireError]) -> None:
    arguments = {"secret": SECRET, "public": DEVICE.wrap_public, **MEANT, **changed}
    with pytest.raises(error):
        wrap_secret(arguments.pop("secret"), **arguments)
