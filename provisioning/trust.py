"""The cloud's role keys and the trust bundle that names them, sealed by the fleet root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edge.wire.envelope import Kind as Message
from edge.wire.envelope import open_envelope, seal
from edge.wire.errors import WireError
from edge.wire.keys import Role, RoleKey, Signer, TrustAnchor, TrustBundle
from edge.wire.messages import Bundle
from provisioning.authority import BACKDATE_MS, DAY_MS, at
from provisioning.errors import Conflict, NotFound, StorageFailed

CLOUD_ROLES = tuple(role for role in Role if role is not Role.ROOT)
BRIDGE_ROLES = (Role.RECEIPTS, Role.COMMANDS, Role.DESIRED, Role.PICKUP)
KEY_LIFE_DAYS = 2 * 365
OVERLAP_DAYS = 30


def first_bundle(
    fleet: str, publics: Mapping[Role, bytes], anchors: tuple[TrustAnchor, ...], now_ms: int
) -> TrustBundle:
    """Version 1: one key for each role."""
    roles: dict[Role, tuple[RoleKey, ...]] = {role: (_window(publics[role], now_ms),) for role in CLOUD_ROLES}
    return TrustBundle(fleet, 1, now_ms, roles, anchors)


def rotated(bundle: TrustBundle, role: Role, public: bytes, now_ms: int, overlap_days: int) -> TrustBundle:
    """The next version, with a new key for `role`.

    In the first half of the overlap the bundle spreads while the former key still signs; from then on the new key
    signs and the former one is still accepted. No overlap (a lost key): the former key is out at once.

    Raises:
        Conflict: the last rotation of this role is not over.
    """
    overlap_ms = overlap_days * DAY_MS
    kept = [key for key in bundle.keys(role) if key.not_after_ms > now_ms]
    if overlap_ms and len(kept) > 1:
        raise Conflict(
            "a rotation is under way",
            where=f"role {role}",
            remedy=f"Wait until {at(kept[0].not_after_ms):%Y-%m-%d}, or use --overlap-days 0 if a key was lost.",
        )
    if overlap_ms and kept:
        older = kept[0]
        start_ms = now_ms + overlap_ms // 2
        keys: tuple[RoleKey, ...] = (
            RoleKey(older.public, older.not_before_ms, min(older.not_after_ms, now_ms + overlap_ms)),
            RoleKey(public, start_ms, start_ms + KEY_LIFE_DAYS * DAY_MS),
        )
    else:
        keys = (_window(public, now_ms),)
    roles = {**bundle.roles, role: keys}
    return next_bundle(replace(bundle, roles=roles), now_ms)


def next_bundle(bundle: TrustBundle, now_ms: int) -> TrustBundle:
    """The same content as the next version, without anchors that are past."""
    anchors = tuple(anchor for anchor in bundle.anchors if anchor.not_after_ms > now_ms)
    issued_at_ms = max(now_ms, bundle.issued_at_ms + 1)
    return replace(bundle, version=bundle.version + 1, issued_at_ms=issued_at_ms, anchors=anchors)


def signing_key(bundle: TrustBundle, role: Role, now_ms: int) -> RoleKey:
    """The key the cloud signs with: the newest one that is valid.

    Raises:
        NotFound: there is none any more.
    """
    valid = [key for key in bundle.keys(role) if key.valid_at(now_ms)]
    if not valid:
        raise NotFound("no valid key", where=f"role {role}", remedy=f"Make one: pw-provision bundle --rotate {role}.")
    return max(valid, key=lambda key: key.not_before_ms)


def next_key(bundle: TrustBundle, role: Role, now_ms: int) -> RoleKey | None:
    """The key that takes over later in a rotation; None outside of one."""
    return next((key for key in bundle.keys(role) if key.not_before_ms > now_ms), None)


def sealed(bundle: TrustBundle, root: Signer) -> bytes:
    return seal(Message.BUNDLE, Bundle(bundle).encode(), root)


def opened(data: bytes, root_public: bytes) -> TrustBundle:
    """
    Raises:
        StorageFailed: it is damaged, or another root sealed it.
    """
    try:
        envelope = open_envelope(data)
        envelope.verify(root_public)
        return Bundle.parse(envelope.body).bundle
    except WireError as error:
        raise StorageFailed(f"damaged: {error}", where="trust.bundle", remedy="Restore the file.") from error


def _window(public: bytes, now_ms: int) -> RoleKey:
    return RoleKey(public, max(0, now_ms - BACKDATE_MS), now_ms + KEY_LIFE_DAYS * DAY_MS)
