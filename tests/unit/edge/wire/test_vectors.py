"""One hand-made vector per message: ours decodes it to what is written beside it, and encodes that to the same bytes.

The vectors were put together byte by byte and signed with OpenSSL, without any code of `edge.wire`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import cbor2
import pycddl
import pytest

from edge.wire import base45, cbor
from edge.wire.checkpoint import parse_note, verify_checkpoint, verify_receipt
from edge.wire.envelope import SELF_SIGNED, Kind, open_envelope, seal, wrap
from edge.wire.errors import WireError
from edge.wire.event import EventDraft, LogIdentity, encode_event, parse_event
from edge.wire.keys import Ed25519Signer, Role, key_id
from edge.wire.merkle import leaf_hash
from edge.wire.messages import PARSERS, Batch, Bundle
from edge.wire.pickup_claims import Operation
from edge.wire.pickup_courier import (
    CourierAction,
    CourierGrant,
    issue_grant,
    open_courier_action,
    open_grant,
    sign_action,
)
from edge.wire.pickup_pin import derive_pin
from edge.wire.pickup_token import PickupClaims, issue_token, open_token
from tests.public_vectors import ROOT

FOLDER = ROOT / "tests" / "vectors"
SCHEMA = (ROOT / "edge" / "wire" / "schema.cddl").read_text()
SEEDS = [bytes(range(start, start + 32)) for start in range(0, 224, 32)]
SIGNERS = {signer.public: signer for signer in map(Ed25519Signer, SEEDS)}
ENVELOPES = sorted(kind.value for kind in Kind)
BODIES = sorted(kind.value for kind in PARSERS)


def vector(name: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / f"{name}.json").read_text()))


def octets(lines: list[str]) -> bytes:
    """Hex lines with a comment behind ` ; ` each."""
    return bytes.fromhex("".join(line.split(" ; ")[0] for line in lines))


def plain(value: Any) -> Any:
    """A value as the vector files write it: bytes as `h'…'`."""
    if isinstance(value, bytes):
        return f"h'{value.hex()}'"
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def members(value: Any) -> dict[str, Any]:
    if isinstance(value, Bundle):
        bundle = value.bundle
        roles = {role.value: [[plain(key.public), key.not_before_ms, key.not_after_ms] for key in keys]
                 for role, keys in bundle.roles.items()}  # fmt: skip
        return {"fleet": bundle.fleet, "version": bundle.version, "issued_at_ms": bundle.issued_at_ms, "roles": roles}
    return {name: plain(getattr(value, name)) for name in value.__slots__ if name != "key"}


def envelope_octets(name: str) -> bytes:
    doc = vector(name)
    return octets(doc["head"]) + octets(doc["body"]) + octets(doc["tail"])


def cddl(rule: str, data: bytes) -> None:
    pycddl.Schema(f"start = {rule}\n{SCHEMA}").validate_cbor(data)


def test_every_message_has_a_vector_and_every_vector_a_message() -> None:
    others = {"event", "checkpoint", "pickup_token", "courier_grant", "courier_action", "pickup_pin"}
    assert {path.stem for path in Path(FOLDER).glob("*.json")} == set(ENVELOPES) | others


@pytest.mark.parametrize("name", BODIES)
def test_body_vector_is_decoded_and_encoded_again(name: str) -> None:
    doc = vector(name)
    body = octets(doc["body"])
    message = PARSERS[Kind(name)](body)
    assert members(message) == doc["fields"]
    encoded = message.encode(deflate=False) if isinstance(message, Batch) else message.encode()
    assert encoded == body


@pytest.mark.parametrize("name", ENVELOPES)
def test_envelope_vector_is_opened_verified_and_made_again(name: str) -> None:
    data = envelope_octets(name)
    envelope = open_envelope(data)
    assert (envelope.kind, envelope.body) == (name, octets(vector(name)["body"]))
    if envelope.kind in SELF_SIGNED:
        assert wrap(envelope.kind, envelope.body) == data
        return
    public = bytes.fromhex(vector(name)["signer_public"])
    envelope.verify(public)
    assert seal(envelope.kind, envelope.body, SIGNERS[public]) == data


@pytest.mark.parametrize("name", sorted(set(ENVELOPES) - SELF_SIGNED))
def test_envelope_vector_with_any_byte_altered_is_refused(name: str) -> None:
    data, public = envelope_octets(name), bytes.fromhex(vector(name)["signer_public"])
    for place in range(len(data)):
        wrong = data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]
        with pytest.raises(WireError):
            open_envelope(wrong).verify(public)


@pytest.mark.parametrize("name", ENVELOPES)
def test_vector_fits_the_schema_and_another_decoder_reads_it(name: str) -> None:
    cddl("envelope", envelope_octets(name))
    assert cbor2.loads(envelope_octets(name))[1] == name
    if name != Kind.RECEIPT:
        body = octets(vector(name)["body"])
        cddl(name, body)
        assert cbor2.loads(body) == cbor.decode(body, where=name)


@pytest.mark.parametrize("name", BODIES)
def test_schema_refuses_a_body_without_any_one_member_or_with_one_more(name: str) -> None:
    body = cbor2.loads(octets(vector(name)["body"]))
    for member in body:
        rest = {key: value for key, value in body.items() if key != member}
        with pytest.raises(pycddl.ValidationError):
            cddl(name, cbor2.dumps(rest))
        with pytest.raises(WireError):
            PARSERS[Kind(name)](cbor.encode(rest))
    with pytest.raises(pycddl.ValidationError):
        cddl(name, cbor2.dumps({**body, "other": 1}))


def test_batch_vector_holds_the_event_vector_and_its_root() -> None:
    batch, doc = Batch.parse(octets(vector("batch")["body"])), vector("event")
    assert batch.events[1] == doc["text"].encode()
    cddl("events", cbor.encode(batch.events))
    assert leaf_hash(batch.events[1]).hex() == doc["leaf"]
    assert plain(parse_note(batch.checkpoint).checkpoint.root) == vector("checkpoint")["fields"]["root"]


def test_event_vector_is_decoded_and_encoded_again() -> None:
    doc = vector("event")
    event = parse_event(doc["text"].encode())
    assert {name: getattr(event, name) for name in doc["fields"]} == doc["fields"]
    identity = LogIdentity(event.fleet, event.device_id, event.stream, event.boot)
    draft = EventDraft(event.type, event.data, event.at_ms)
    assert encode_event(draft, identity, event.seq) == doc["text"].encode()


def test_checkpoint_and_receipt_vectors_verify() -> None:
    doc, receipt = vector("checkpoint"), vector("receipt")
    fields, public = doc["fields"], bytes.fromhex(doc["signer_public"])
    name = fields["origin"].rpartition("/")[0]
    head = verify_checkpoint(doc["text"].encode(), origin=fields["origin"], name=name, public=public)
    assert members(head) == fields
    note = octets(receipt["body"])
    assert note.decode() == receipt["fields"]["note"]
    cloud = bytes.fromhex(receipt["fields"]["receipt_public"])
    proof = verify_receipt(note, name=receipt["fields"]["receipt_key_name"], public=cloud)
    assert (proof.checkpoint, proof.at_s) == (head, receipt["fields"]["at_s"])


def fits_sign1(rule: str, claims: str, data: bytes) -> None:
    cddl(rule, data)
    protected, _, payload, _ = cbor2.loads(data).value
    cddl("protected-header", protected)
    cddl(claims, payload)


def claims_of(kind: type[Any], fields: dict[str, Any]) -> Any:
    values = {**fields}
    if "operation" in values:
        values["operation"] = Operation(values["operation"])
    if "operations" in values:
        values["operations"] = tuple(map(Operation, values["operations"]))
        values["audiences"] = tuple(values["audiences"])
        values["courier_public"] = bytes.fromhex(values["courier_public"][2:-1])
    return kind(**values)


def issuer_keys(doc: dict[str, Any]) -> dict[bytes, bytes]:
    public = bytes.fromhex(doc["signer_public"])
    return {key_id(public): public}


def test_pickup_token_vector_is_opened_and_issued_again() -> None:
    doc = vector("pickup_token")
    claims = claims_of(PickupClaims, doc["fields"])
    assert open_token(doc["text"], issuer_keys(doc)) == claims
    assert issue_token(claims, SIGNERS[bytes.fromhex(doc["signer_public"])]) == doc["text"]
    assert base45.decode(doc["text"][5:]) == octets(doc["body"])
    fits_sign1("pickup-token", "token-claims", octets(doc["body"]))


def test_courier_vectors_are_opened_and_signed_again() -> None:
    doc, whole = vector("courier_grant"), vector("courier_action")
    grant = claims_of(CourierGrant, doc["fields"])
    action = claims_of(CourierAction, whole["fields"]["action"])
    assert open_grant(doc["text"], issuer_keys(doc)) == grant
    opened = open_courier_action(whole["text"], issuer_keys(whole))
    assert (opened.grant, opened.action) == (grant, action)
    assert issue_grant(grant, SIGNERS[bytes.fromhex(doc["signer_public"])]) == doc["text"]
    assert sign_action(action, doc["text"], Ed25519Signer(bytes.fromhex(whole["courier_seed"]))) == whole["text"]
    fits_sign1("courier-grant", "grant-claims", octets(doc["body"]))
    cddl("courier-action", octets(whole["body"]))
    fits_sign1("signed-action", "action-claims", cbor2.loads(octets(whole["body"]))[1])


def test_pickup_pin_vector_is_derived_again() -> None:
    doc = vector("pickup_pin")
    fields = {**doc["fields"]}
    pin = fields.pop("pin")
    assert derive_pin(bytes.fromhex(doc["key"]), **fields) == pin
    assert octets(doc["body"]).hex() == b"pickup/v1".hex() + fields["pickup_id"] + "00" * 8


def test_schema_names_every_kind_role_and_operation() -> None:
    quoted = set(re.findall(r'["(|]([a-z_]+)(?=[")|])', SCHEMA))
    assert {kind.value for kind in Kind} | {role.value for role in Role} | {op.value for op in Operation} <= quoted
