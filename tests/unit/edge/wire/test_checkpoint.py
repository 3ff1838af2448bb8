"""Checkpoints and receipts: notes written by hand with OpenSSL's signatures, and every altered byte refused."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wire.checkpoint import (
    Checkpoint,
    cosign,
    device_note,
    note_from_signature,
    note_key_hash,
    parse_note,
    sign_checkpoint,
    verifier_key,
    verify_checkpoint,
    verify_receipt,
)
from edge.wire.errors import BadSignature, Malformed, TooLarge, WireError, WrongOrigin
from edge.wire.keys import Ed25519Signer

DEVICE, CLOUD = Ed25519Signer(bytes(range(32))), Ed25519Signer(bytes(range(32, 64)))
NAME, CLOUD_NAME = "test.fleet/locker-0001", "test.fleet/receipts"
ORIGIN = f"{NAME}/0123456789abcdef0123456789abcdef"
ROOT = bytes.fromhex("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")
HEAD = Checkpoint(ORIGIN, 1, ROOT)
# printf '<text>' | openssl pkeyutl -sign -rawin -inkey <seed 00 01 .. 1f>; the key hash with sha256sum.
TEXT = b"test.fleet/locker-0001/0123456789abcdef0123456789abcdef\n1\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n"
NOTE = TEXT + (
    b"\n\xe2\x80\x94 test.fleet/locker-0001 "
    b"SHO+s+fzLs3fab3Ik4HO1U5QAb/jjALnTn5Zl6x1UOb37uMHVibl3Sr4+8lH"
    b"T/GcoMl+5zTumUxl2cuUs5PJ88Wd2QY=\n"
)
RECEIPT = NOTE + (
    b"\xe2\x80\x94 test.fleet/receipts "
    b"JjA1nwAAAABrBpWAydzttY1RU/dw6IglHIcn5IOctrhLnBlzGKC8dOdvrAd5"
    b"1MzXIKNKBqRUgJeoXIVg/agYCfGgYkWSCPhnF+NgCg==\n"
)
AT_S = 1_795_593_600


def test_checkpoint_written_by_hand_is_what_the_encoder_makes() -> None:
    assert HEAD.text() == TEXT
    assert sign_checkpoint(HEAD, NAME, DEVICE) == NOTE
    assert verify_checkpoint(NOTE, origin=ORIGIN, name=NAME, public=DEVICE.public) == HEAD


def test_receipt_written_by_hand_is_what_the_encoder_makes() -> None:
    assert cosign(NOTE, AT_S, CLOUD_NAME, CLOUD) == RECEIPT
    receipt = verify_receipt(RECEIPT, name=CLOUD_NAME, public=CLOUD.public)
    assert (receipt.checkpoint, receipt.at_s) == (HEAD, AT_S)
    assert device_note(RECEIPT) == NOTE
    assert verify_checkpoint(RECEIPT, origin=ORIGIN, name=NAME, public=DEVICE.public) == HEAD


def test_note_rebuilt_from_its_parts_is_the_note() -> None:
    signature = parse_note(NOTE).signatures[0].blob
    assert note_from_signature(HEAD, NAME, DEVICE.public, signature) == NOTE


def test_verifier_key_of_the_published_example() -> None:
    # The key that the documentation of the Go note package shows.
    public = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[1:]
    assert verifier_key("PeterNeumann", public) == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert note_key_hash("PeterNeumann", public).hex() == "c74f20a3"


@pytest.mark.parametrize(("name", "size"), [("a b", 32), ("a+b", 32), ("", 32), ("a\n", 32), ("a", 31)])
def test_verifier_key_of_no_name_or_no_key_is_refused(name: str, size: int) -> None:
    with pytest.raises(Malformed):
        verifier_key(name, bytes(size))


def test_checkpoint_of_another_log_or_key_is_refused() -> None:
    with pytest.raises(WrongOrigin):
        verify_checkpoint(NOTE, origin=ORIGIN[:-1] + "0", name=NAME, public=DEVICE.public)
    with pytest.raises(BadSignature):
        verify_checkpoint(NOTE, origin=ORIGIN, name=NAME, public=CLOUD.public)
    with pytest.raises(BadSignature):
        verify_checkpoint(NOTE, origin=ORIGIN, name="test.fleet/locker-0002", public=DEVICE.public)


def test_receipt_is_no_checkpoint_of_the_cloud_and_a_checkpoint_no_receipt() -> None:
    with pytest.raises(BadSignature):
        verify_checkpoint(RECEIPT, origin=ORIGIN, name=CLOUD_NAME, public=CLOUD.public)
    with pytest.raises(BadSignature):
        verify_receipt(NOTE, name=NAME, public=DEVICE.public)


def test_receipt_with_any_bit_flipped_is_refused_by_one_of_its_readers() -> None:
    for place in range(len(RECEIPT)):
        wrong = RECEIPT[:place] + bytes([RECEIPT[place] ^ 1 << place % 8]) + RECEIPT[place + 1 :]
        with pytest.raises(WireError):
            verify_receipt(wrong, name=CLOUD_NAME, public=CLOUD.public)
            verify_checkpoint(wrong, origin=ORIGIN, name=NAME, public=DEVICE.public)


LINE = NOTE[len(TEXT) + 1 :]


@pytest.mark.parametrize(
    "note",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(TEXT, id="text-only"),
        pytest.param(TEXT + b"\n", id="no-signature"),
        pytest.param(NOTE[:-1], id="no-last-newline"),
        pytest.param(NOTE + b"\n", id="blank-line-behind"),
        pytest.param(TEXT + b"\n\n" + LINE, id="two-blank-lines"),
        pytest.param(TEXT + b"extension\n\n" + LINE, id="extension-line"),
        pytest.param(TEXT.replace(b"\n1\n", b"\n01\n") + b"\n" + LINE, id="size-leading-zero"),
        pytest.param(TEXT.replace(b"\n1\n", b"\n+1\n") + b"\n" + LINE, id="size-plus"),
        pytest.param(TEXT.replace(b"\n1\n", b"\n-1\n") + b"\n" + LINE, id="size-negative"),
        pytest.param(TEXT.replace(b"\n1\n", b"\n9007199254740992\n") + b"\n" + LINE, id="size-2-53"),
        pytest.param(TEXT.replace(b"\n1\n", "\n١\n".encode()) + b"\n" + LINE, id="size-foreign-digit"),
        pytest.param(TEXT.replace(b"0=\n", b"1=\n") + b"\n" + LINE, id="root-second-spelling"),
        pytest.param(TEXT.replace(b"bjQL", b"") + b"\n" + LINE, id="root-29-bytes"),
        pytest.param(TEXT.replace(b"bjQL", b"bj L") + b"\n" + LINE, id="root-space"),
        pytest.param(b"a b" + TEXT[TEXT.index(b"\n") :] + b"\n" + LINE, id="origin-space"),
        pytest.param(TEXT.replace(b"\n", b"\r\n") + b"\n" + LINE, id="carriage-returns"),
        pytest.param(NOTE.replace(b"\xe2\x80\x94", b"-"), id="hyphen"),
        pytest.param(NOTE.replace(b"\xe2\x80\x94 ", b"\xe2\x80\x94"), id="no-space"),
        pytest.param(TEXT + b"\n\xe2\x80\x94 name AAAA\n", id="short-signature"),
        pytest.param(TEXT + b"\n\xe2\x80\x94 na+me " + LINE.split()[-1] + b"\n", id="plus-in-name"),
        pytest.param(TEXT + b"\n\xe2\x80\x94 name " + LINE.split()[-1] + b" x\n", id="words-behind"),
        pytest.param(NOTE.replace(b"\xe2", b"\xff"), id="not-utf-8"),
    ],
)
def test_note_of_another_spelling_is_refused(note: bytes) -> None:
    with pytest.raises(Malformed):
        parse_note(note)


def test_note_over_2_kib_is_refused() -> None:
    with pytest.raises(TooLarge):
        parse_note(NOTE + b"a" * 2048)


@given(st.integers(0, 2**53 - 1), st.binary(min_size=32, max_size=32), st.integers(0, 2**64 - 1))
def test_checkpoint_and_receipt_round_trip(size: int, root: bytes, at_s: int) -> None:
    head = Checkpoint(ORIGIN, size, root)
    note = sign_checkpoint(head, NAME, DEVICE)
    assert verify_checkpoint(note, origin=ORIGIN, name=NAME, public=DEVICE.public) == head
    receipt = verify_receipt(cosign(note, at_s, CLOUD_NAME, CLOUD), name=CLOUD_NAME, public=CLOUD.public)
    assert (receipt.checkpoint, receipt.at_s) == (head, at_s)


@given(st.binary(max_size=120))
def test_parse_note_of_any_bytes_raises_nothing_but_wire_errors(data: bytes) -> None:
    for note in (data, NOTE + data, TEXT + data, TEXT + b"\n" + data + b"\n"):
        try:
            parse_note(note)
        except WireError:
            continue
