"""PURE. Whether a party may have a certificate for these keys, given what is recorded of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from provisioning.errors import Conflict
from provisioning.party import Party
from provisioning.profiles import Kind


class Verdict(StrEnum):
    """`kept`: the newest certificate still serves. `replaced`: new keys, and the former ones lose their trust."""

    ENROLLED = "enrolled"
    KEPT = "kept"
    RENEWED = "renewed"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Keys:
    """A party's public keys: raw hex of log and wrap key (empty for servers), fingerprint of the TLS key."""

    log_public: str
    wrap_public: str
    tls_key: str

    def fingerprints(self) -> tuple[str, ...]:
        raw = (bytes.fromhex(key) for key in (self.log_public, self.wrap_public) if key)
        return (*map(fingerprint, raw), self.tls_key)


def fingerprint(public: bytes) -> str:
    """SHA-256 in hex, over a raw key or a SubjectPublicKeyInfo."""
    return hashlib.sha256(public).hexdigest()


def keys_of(party: Party) -> Keys:
    return Keys(party.log_public, party.wrap_public, party.newest.tls_key if party.newest else "")


def judge(
    party: Party | None, party_id: str, kind: Kind, keys: Keys, now_ms: int, *, authority: int, replace: bool
) -> Verdict:
    """What becomes of the request. The proof of possession has been checked before.

    A device that still holds its log key may always renew, its certificate expired or not, with a new TLS key or
    the old one; so may one whose certificate is not of the present `authority`. Anything else than the recorded log
    and wrap key is another device and needs the operator's word.

    Raises:
        Conflict: another kind, a retired key, or other keys without `replace`.
    """
    if party is None:
        return Verdict.ENROLLED
    if party.kind is not kind:
        raise Conflict(f"it is enrolled as a {party.kind}", where=party_id, remedy="Choose another id.")
    if set(keys.fingerprints()) & set(party.retired_keys):
        raise Conflict(
            "a key of this request has lost its trust for ever",
            where=party_id,
            remedy="Empty the device's key folder, make a new request and enrol with --replace.",
        )
    if party.state == "active" and _same_identity(party, keys):
        return Verdict.KEPT if _serves(party, keys, authority, now_ms) else Verdict.RENEWED
    if not replace:
        state = "is revoked" if party.state == "revoked" else "is enrolled with other keys"
        raise Conflict(f"it {state}", where=party_id, remedy="Add --replace if this is a new device under the old id.")
    return Verdict.REPLACED


def _serves(party: Party, keys: Keys, authority: int, now_ms: int) -> bool:
    newest = party.newest
    if newest is None or newest.tls_key != keys.tls_key or newest.authority != authority:
        return False
    return not newest.due(now_ms)


def _same_identity(party: Party, keys: Keys) -> bool:
    former = keys_of(party)
    if not party.log_public:
        return former == keys
    return (former.log_public, former.wrap_public) == (keys.log_public, keys.wrap_public)
