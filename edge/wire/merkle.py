"""RFC 6962 Merkle trees: hashing, the append-only frontier, inclusion and consistency proofs.

A frontier is the list of roots of the perfect subtrees that make up a tree, largest first: all that is needed to
append and to compute the root, at most 64 hashes whatever the tree's size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge.wire.errors import BadProof, Malformed

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
_sha256 = hashlib.sha256


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 ‖ data), RFC 6962 section 2.1."""
    return _sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right), RFC 6962 section 2.1."""
    return _sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree of `size` leaves; `peaks` has one hash for each one-bit of `size`, largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise Malformed(f"{len(self.peaks)} peaks cannot stand for {self.size} leaves", where="frontier")

    def append(self, leaves: Iterable[bytes]) -> Frontier:
        """The frontier after appending leaf hashes in order."""
        size, peaks = self.size, list(self.peaks)
        for leaf in leaves:
            merged, bits = leaf, size
            while bits & 1:
                merged = _sha256(b"\x01" + peaks.pop() + merged).digest()
                bits >>= 1
            peaks.append(merged)
            size += 1
        return Frontier(size, tuple(peaks))

    def root(self) -> bytes:
        """The tree's root hash; SHA-256 of nothing for the empty tree."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            root = _sha256(b"\x01" + peak + root).digest()
        return root

    def to_bytes(self) -> bytes:
        """The peaks one after another, 32 bytes each."""
        return b"".join(self.peaks)

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> Frontier:
        """Inverse of `to_bytes`.

        Raises:
            Malformed: the number of bytes does not fit `size`.
        """
        if len(data) % HASH_BYTES:
            raise Malformed("peaks are 32 bytes each", where="frontier")
        return cls(size, tuple(data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)))


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Root of the tree over these leaf hashes."""
    return Frontier().append(leaves).root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Audit path of leaf `index` in the tree over `leaves` (RFC 6962 section 2.1.1)."""
    if not 0 <= index < len(leaves):
        raise Malformed(f"no leaf {index} in a tree of {len(leaves)}", where="inclusion")
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion_proof(leaves[:split], index), root_of(leaves[split:])]
    return [*inclusion_proof(leaves[split:], index - split), root_of(leaves[:split])]


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """Proof that the tree over `leaves` extends its own first `old_size` leaves (RFC 6962 section 2.1.2)."""
    if not 0 <= old_size <= len(leaves):
        raise Malformed(f"no tree of {old_size} inside {len(leaves)}", where="consistency")
    if old_size in (0, len(leaves)):
        return []
    return _subproof(leaves, old_size, whole=True)


def _subproof(leaves: Sequence[bytes], size: int, *, whole: bool) -> list[bytes]:
    if size == len(leaves):
        return [] if whole else [root_of(leaves)]
    split = _split(len(leaves))
    if size <= split:
        return [*_subproof(leaves[:split], size, whole=whole), root_of(leaves[split:])]
    return [*_subproof(leaves[split:], size - split, whole=False), root_of(leaves[:split])]


def _split(size: int) -> int:
    """Largest power of two strictly below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Check that `leaf` stands at `index` of the tree of `size` leaves with `root`.

    Raises:
        BadProof: it does not, or the proof has the wrong shape.
    """
    if not 0 <= index < size:
        raise BadProof(f"leaf {index} is outside a tree of {size}", where="inclusion")
    _check_hashes([leaf, root, *proof], "inclusion")
    inner = (index ^ (size - 1)).bit_length()
    border = (index >> inner).bit_count()
    if len(proof) != inner + border:
        raise BadProof(f"{len(proof)} hashes, {inner + border} needed", where="inclusion")
    digest = leaf
    for level, sibling in enumerate(proof[:inner]):
        digest = node_hash(sibling, digest) if index >> level & 1 else node_hash(digest, sibling)
    for sibling in proof[inner:]:
        digest = node_hash(sibling, digest)
    if digest != root:
        raise BadProof("the path does not lead to the root", where="inclusion")


def verify_consistency(old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the tree (`new_size`, `new_root`) extends the tree (`old_size`, `old_root`) (RFC 9162 2.1.4.2).

    Raises:
        BadProof: it does not, or the proof has the wrong shape. An empty old tree proves nothing and is refused
            unless the proof is empty.
    """
    if not 0 <= old_size <= new_size:
        raise BadProof(f"a tree cannot shrink from {old_size} to {new_size}", where="consistency")
    _check_hashes([old_root, new_root, *proof], "consistency")
    if old_size == new_size or old_size == 0:
        if proof:
            raise BadProof("no proof is needed here, yet there is one", where="consistency")
        if old_size == new_size and old_root != new_root:
            raise BadProof("same size, different roots", where="consistency")
        if old_size == 0 and old_root != EMPTY_ROOT:
            raise BadProof("not the root of the empty tree", where="consistency")
        return
    _walk_consistency(old_size, new_size, list(proof), old_root, new_root)


def _walk_consistency(old_size: int, new_size: int, proof: list[bytes], old_root: bytes, new_root: bytes) -> None:
    if old_size & (old_size - 1) == 0:
        proof.insert(0, old_root)
    if not proof:
        raise BadProof("empty proof", where="consistency")
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            raise BadProof("too many hashes", where="consistency")
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    if last != 0 or old != old_root or new != new_root:
        raise BadProof("the proof does not lead to both roots", where="consistency")


def _check_hashes(hashes: Iterable[bytes], where: str) -> None:
    for digest in hashes:
        if len(digest) != HASH_BYTES:
            raise BadProof(f"a hash of {len(digest)} bytes", where=where)
