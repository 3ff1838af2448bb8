"""Ed25519 against every Wycheproof case; key ids and windows of the trust bundle."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from edge.wire.errors import BadSignature, Malformed, UnknownKey, WireError
from edge.wire.keys import Ed25519Signer, Role, RoleKey, TrustBundle, key_id, verify
from tests.public_vectors import vectors

A, B = Ed25519Signer(bytes(32)), Ed25519Signer(bytes(range(32)))


def holds(public: bytes, case: dict[str, Any]) -> bool:
    try:
        verify(public, bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"]), where="test")
    except WireError:
        return False
    return True


def test_verify_judges_every_wycheproof_case_as_published() -> None:
    groups = json.loads(vectors("wycheproof", "ed25519_test.json").read_text())["testGroups"]
    judged = {case["tcId"]: (holds(bytes.fromhex(group["publicKey"]["pk"]), case), case["result"] == "valid")
              for group in groups for case in group["tests"]}  # fmt: skip
    assert len(judged) >= 150
    assert {number for number, (ours, published) in judged.items() if ours != published} == set()


def test_signer_of_rfc_8032_test_2_makes_its_signature() -> None:
    signer = Ed25519Signer(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    assert signer.public.hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    assert signer.sign(b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_signer_of_a_seed_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(Malformed):
        Ed25519Signer(bytes(size))


@pytest.mark.parametrize("public", [b"", b"\0" * 31, b"\0" * 33])
def test_verify_with_no_key_is_refused(public: bytes) -> None:
    with pytest.raises(Malformed):
        verify(public, b"\0" * 64, b"", where="test")


@pytest.mark.parametrize("signature", [b"", b"\0" * 63, b"\0" * 64, b"\0" * 65])
def test_verify_of_no_signature_is_refused(signature: bytes) -> None:
    with pytest.raises(BadSignature):
        verify(A.public, signature, b"message", where="test")


def test_key_id_is_the_first_eight_bytes_of_the_hash() -> None:
    assert key_id(A.public) == hashlib.sha256(A.public).digest()[:8]


def test_bundle_finds_a_key_by_role_id_and_time() -> None:
    old, new = RoleKey(A.public, 0, 200), RoleKey(B.public, 100, 300)
    bundle = TrustBundle("test.fleet", 1, 0, {Role.PICKUP: (old, new)})
    assert bundle.key(Role.PICKUP, old.key_id) == old
    assert bundle.key(Role.PICKUP, new.key_id, 100) == new
    assert bundle.key(Role.PICKUP, old.key_id, 199) == old
    assert bundle.keys(Role.PICKUP) == (old, new)
    assert bundle.keys(Role.COMMANDS) == ()
    for role, wanted, at_ms in ((Role.PICKUP, old.key_id, 200), (Role.PICKUP, new.key_id, 99),
                                (Role.COMMANDS, old.key_id, None), (Role.PICKUP, bytes(8), None)):  # fmt: skip
        with pytest.raises(UnknownKey):
            bundle.key(role, wanted, at_ms)
