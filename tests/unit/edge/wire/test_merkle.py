"""Merkle trees against the public proof cases, good and bad, and by properties."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wire.errors import BadProof, Malformed, WireError
from edge.wire.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from tests.public_vectors import vectors

hashes = st.binary(min_size=32, max_size=32)
leaf_lists = st.lists(hashes, max_size=70)
# Published as good, yet its equal "roots" are 12 bytes of placeholder text: no hashes, so we refuse them.
PLACEHOLDER = "additional/sizes-are-equal-one-and-proof-is-empty.json"
some_leaves = st.lists(hashes, min_size=1, max_size=70)


def cases(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    folder = vectors("merkle", "testdata", kind)
    for path in sorted(Path(folder).rglob("*.json")):
        yield f"{kind}/{path.relative_to(folder)}", json.loads(path.read_text())


def unpack(value: str) -> bytes:
    return base64.b64decode(value)


def proof_of(case: dict[str, Any]) -> list[bytes]:
    return [unpack(item) for item in case["proof"] or ()]


def holds_inclusion(case: dict[str, Any], index: int, size: int) -> bool:
    try:
        verify_inclusion(index, size, unpack(case["leafHash"]), proof_of(case), unpack(case["root"]))
    except BadProof:
        return False
    return True


def holds_consistency(case: dict[str, Any], old_size: int, new_size: int) -> bool:
    try:
        verify_consistency(old_size, new_size, proof_of(case), unpack(case["root1"]), unpack(case["root2"]))
    except BadProof:
        return False
    return True


def test_verify_inclusion_judges_every_public_case_as_published() -> None:
    judged = {name: (holds_inclusion(case, case["leafIdx"], case["treeSize"]), not case["wantErr"])
              for name, case in cases("inclusion")}  # fmt: skip
    assert len(judged) >= 98
    assert {name for name, (ours, published) in judged.items() if ours != published} == set()


def test_verify_consistency_judges_every_public_case_as_published() -> None:
    judged = {name: (holds_consistency(case, case["size1"], case["size2"]), not case["wantErr"])
              for name, case in cases("consistency")}  # fmt: skip
    assert len(judged) >= 98
    assert {name for name, (ours, published) in judged.items() if ours != published} == {f"consistency/{PLACEHOLDER}"}


def test_verify_inclusion_judges_every_public_subtree_case_whose_subtree_is_a_tree() -> None:
    # A subtree [start, end) that begins at a multiple of a power of two >= its size is a tree of its own, which is all
    # that our function needs to know; other ranges are no trees and no case for it.
    judged = {}
    for name, case in cases("subtreeinclusion"):
        start, size = case["start"], case["end"] - case["start"]
        if size > 0 and start % (1 << (size - 1).bit_length()) == 0:
            judged[name] = (holds_inclusion(case, case["leafIdx"] - start, size), not case["wantErr"])
    assert len(judged) >= 180
    assert {name for name, (ours, published) in judged.items() if ours != published} == set()


def test_verify_consistency_judges_every_public_subtree_case_that_begins_at_zero() -> None:
    # A subtree [0, end) is an older tree head, the only kind that our logs sign; others have no checkpoint to compare.
    judged = {name: (holds_consistency(case, case["end"], case["size"]), not case["wantErr"])
              for name, case in cases("subtreeconsistency")
              if case["start"] == 0 and case["end"] > 0}  # fmt: skip
    assert len(judged) >= 20
    assert {name for name, (ours, published) in judged.items() if ours != published} == {
        f"subtreeconsistency/{PLACEHOLDER}"
    }


def test_hashes_and_roots_of_rfc_6962() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    left, right = hashes_of(2)
    assert node_hash(left, right) == hashlib.sha256(b"\x01" + left + right).digest()


def hashes_of(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def recursive_root(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962 section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + recursive_root(leaves[:split]) + recursive_root(leaves[split:])).digest()


@given(leaf_lists)
def test_root_of_is_the_recursive_definition(leaves: list[bytes]) -> None:
    assert root_of(leaves) == recursive_root(leaves)


@given(leaf_lists, st.integers(0, 70))
def test_frontier_append_in_two_steps_is_append_in_one(leaves: list[bytes], cut: int) -> None:
    whole = Frontier().append(leaves)
    parts = Frontier().append(leaves[:cut]).append(leaves[cut:])
    assert parts == whole
    assert Frontier.from_bytes(whole.size, whole.to_bytes()) == whole


@pytest.mark.parametrize(("size", "octets"), [(0, 32), (1, 0), (1, 31), (3, 32), (4, 64), (7, 95), (-1, 0)])
def test_frontier_with_peaks_that_do_not_fit_its_size_is_refused(size: int, octets: int) -> None:
    with pytest.raises(Malformed):
        Frontier.from_bytes(size, bytes(octets))


@given(some_leaves, st.data())
def test_inclusion_proof_verifies_for_its_leaf_and_no_other_place(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof, root = inclusion_proof(leaves, index), root_of(leaves)
    verify_inclusion(index, len(leaves), leaves[index], proof, root)
    other = data.draw(st.integers(0, len(leaves)))
    if other != index:
        with pytest.raises(BadProof):
            verify_inclusion(
                other, len(leaves), leaves[index] + b"" if other == len(leaves) else b"\0" * 32, proof, root
            )


@given(some_leaves, st.data())
def test_consistency_proof_verifies_and_every_changed_bit_is_refused(leaves: list[bytes], data: st.DataObject) -> None:
    old_size = data.draw(st.integers(1, len(leaves)))
    proof, old, new = consistency_proof(leaves, old_size), root_of(leaves[:old_size]), root_of(leaves)
    verify_consistency(old_size, len(leaves), proof, old, new)
    octets = b"".join([old, new, *proof])
    bit = data.draw(st.integers(0, 8 * len(octets) - 1))
    wrong = bytearray(octets)
    wrong[bit // 8] ^= 1 << bit % 8
    parts = [bytes(wrong[start : start + 32]) for start in range(0, len(wrong), 32)]
    with pytest.raises(BadProof):
        verify_consistency(old_size, len(leaves), parts[2:], parts[0], parts[1])


def test_proofs_of_what_is_not_in_the_tree_are_refused() -> None:
    with pytest.raises(Malformed):
        inclusion_proof(hashes_of(3), 3)
    with pytest.raises(Malformed):
        inclusion_proof([], 0)
    with pytest.raises(Malformed):
        consistency_proof(hashes_of(3), 4)


@given(st.integers(-2, 80), st.integers(-2, 80), st.lists(st.binary(max_size=33), max_size=8), hashes, hashes)
def test_verify_of_any_proof_raises_nothing_but_wire_errors(
    first: int, size: int, proof: list[bytes], one: bytes, two: bytes
) -> None:
    for check in (verify_inclusion, None):
        try:
            if check:
                check(first, size, one, proof, two)
            else:
                verify_consistency(first, size, proof, one, two)
        except WireError:
            continue
