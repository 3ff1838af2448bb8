"""The repository: versions of signed metadata over bundles. Each use case returns what is to be written, in order.

Consistent snapshots (The Update Framework 1.0, section 6.2): every file but `timestamp.json` has its version or hash in
its name, and the timestamp is written last, so that a reader finds a whole set whenever it looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization import DeserializationError

from edge.wire.errors import WireError
from edge.wire.release import Release, read_custom
from provisioning.authority import at
from provisioning.errors import Conflict, NotFound, Refused, StorageFailed
from provisioning.releases import keys
from provisioning.releases.roles import RULES, AnyMetadata, due
from provisioning.storage import FleetFolder, Write

METADATA, TARGETS = "releases/metadata", "releases/targets"
_VERSIONED = re.compile(r"([1-9][0-9]{0,8})\.(root|targets|snapshot)\.json\Z")
Writes = tuple[Write, ...]
Signers = list[keys.CryptoSigner]
S = TypeVar("S", Root, Targets, Snapshot, Timestamp)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that lies in the repository: what it is, its length and SHA-256 in hex."""

    release: Release
    length: int
    sha256: str


class Repository:
    """One fleet's releases."""

    def __init__(self, folder: FleetFolder) -> None:
        self._folder = folder

    def exists(self) -> bool:
        return self._folder.find(f"{METADATA}/timestamp.json") is not None

    def create(self, now_ms: int) -> Writes:
        """Keys of all roles and the first, empty set of metadata.

        Raises:
            Conflict: it exists.
        """
        if self.exists():
            raise Conflict("the repository exists", where=METADATA, remedy="Add releases to it.")
        now = at(now_ms)
        root = Root(expires=RULES["root"].expires(now), consistent_snapshot=True)
        writes: list[Write] = []
        signers = {}
        for role, rule in RULES.items():
            signers[role], files = keys.new_keys(role, 1)
            writes += files
            for signer in signers[role]:
                root.add_key(signer.public_key, role)
            root.roles[role].threshold = rule.threshold
        sets: list[AnyMetadata] = [
            Metadata(root),
            Metadata(Targets(expires=RULES["targets"].expires(now))),
            Metadata(Snapshot(expires=RULES["snapshot"].expires(now))),
            Metadata(Timestamp(expires=RULES["timestamp"].expires(now))),
        ]
        for metadata in sets:
            for signer in signers[metadata.signed.type]:
                metadata.sign(signer, append=True)
        return (*writes, *(_write(metadata) for metadata in sets))

    # --- what is there ----------------------------------------------------------------------------------------

    def bundles(self) -> list[Bundle]:
        """Every release that can be installed, by path."""
        return [self._bundle(path, target) for path, target in sorted(self._load(Targets).signed.targets.items())]

    def root_json(self) -> bytes:
        """The newest root: what a device is given to trust."""
        return self._folder.read(f"{METADATA}/{self._load(Root).signed.version}.root.json")

    def public_files(self) -> list[str]:
        """What is served, the timestamp last."""
        names = [f"{METADATA}/{name}" for name in self._folder.names(METADATA) if name != "timestamp.json"]
        return [*names, f"{METADATA}/timestamp.json"]

    # --- changes ----------------------------------------------------------------------------------------------

    def add(self, bundle: Bundle, now_ms: int) -> Writes:
        """Make a bundle installable.

        Raises:
            Conflict: that version is there with other bytes: what was released never changes.
        """
        targets = self._load(Targets)
        known = targets.signed.targets.get(bundle.release.path)
        if known is not None:
            if known.length == bundle.length and known.hashes.get("sha256") == bundle.sha256:
                return ()
            raise Conflict("released before with other bytes", where=bundle.release.path, remedy="Raise the version.")
        targets.signed.targets[bundle.release.path] = TargetFile(
            bundle.length, {"sha256": bundle.sha256}, bundle.release.path, {"custom": bundle.release.to_custom()}
        )
        return self._publish([self._next(targets, now_ms)], now_ms)

    def withdraw(self, path: str, now_ms: int) -> Writes:
        """Nobody can install it any more.

        Raises:
            NotFound: no such release.
        """
        targets = self._load(Targets)
        if targets.signed.targets.pop(path, None) is None:
            raise NotFound("no such release", where=path, remedy="See pw-provision releases list.")
        return self._publish([self._next(targets, now_ms)], now_ms)

    def refresh(self, now_ms: int) -> Writes:
        """Sign anew what ends soon: the timestamp always, the snapshot and (with the offline keys) targets when due."""
        targets = self._load(Targets)
        changed = [self._next(targets, now_ms)] if due(targets.signed, "targets", at(now_ms)) else []
        return self._publish(changed, now_ms)

    def rotate(self, role: str, now_ms: int) -> Writes:
        """Give a role new keys. Old and new root keys both sign, so that every device can follow.

        Raises:
            NotFound: the offline keys of the root are not here.
        """
        root = self._load(Root)
        former = keys.signers(self._folder, "root", set(root.signed.roles["root"].keyids))
        fresh, writes = keys.new_keys(role, keys.newest_generation(self._folder, role) + 1)
        for key_id in list(root.signed.roles[role].keyids):
            root.signed.revoke_key(key_id, role)
        for signer in fresh:
            root.signed.add_key(signer.public_key, role)
        _signed(root, [*former, *(fresh if role == "root" else ())], now_ms)
        if role == "root":
            return (*writes, _write(root))
        return (*writes, _write(root), *self._resign(role, fresh, now_ms))

    # --- signing ----------------------------------------------------------------------------------------------

    def _publish(self, changed: Iterable[AnyMetadata], now_ms: int) -> Writes:
        """New snapshot if anything changed or it ends soon, and always a new timestamp."""
        changed = list(changed)
        snapshot = self._load(Snapshot)
        if changed or due(snapshot.signed, "snapshot", at(now_ms)):
            for metadata in changed:
                snapshot.signed.meta[f"{metadata.signed.type}.json"] = MetaFile(metadata.signed.version)
            changed.append(self._next(snapshot, now_ms))
        timestamp = self._load(Timestamp)
        timestamp.signed.snapshot_meta = MetaFile(snapshot.signed.version)
        return tuple(_write(metadata) for metadata in (*changed, self._next(timestamp, now_ms)))

    def _resign(self, role: str, fresh: Signers, now_ms: int) -> Writes:
        """What a role signed before its keys were replaced, signed by the new ones; then what names that, in turn."""
        if role == "targets":
            return self._publish([_signed(self._load(Targets), fresh, now_ms)], now_ms)
        if role == "timestamp":
            return (_write(_signed(self._load(Timestamp), fresh, now_ms)),)
        snapshot, timestamp = _signed(self._load(Snapshot), fresh, now_ms), self._load(Timestamp)
        timestamp.signed.snapshot_meta = MetaFile(snapshot.signed.version)
        return (_write(snapshot), _write(self._next(timestamp, now_ms)))

    def _next(self, metadata: Metadata[S], now_ms: int) -> Metadata[S]:
        """The next version of it, signed by the keys that the newest root names for its role."""
        role = metadata.signed.type
        trusted = set(self._load(Root).signed.roles[role].keyids)
        return _signed(metadata, keys.signers(self._folder, role, trusted), now_ms)

    # --- files ------------------------------------------------------------------------------------------------

    def _load(self, kind: type[S]) -> Metadata[S]:
        name = f"{METADATA}/{self._newest(kind.type)}"
        try:
            return Metadata[kind].from_bytes(self._folder.read(name))  # type: ignore[valid-type]
        except (DeserializationError, RepositoryError) as error:
            raise StorageFailed(f"damaged: {error}"[:120], where=name, remedy="Restore the repository.") from error

    def _newest(self, role: str) -> str:
        if role == "timestamp":
            return "timestamp.json"
        found = [match for name in self._folder.names(METADATA) if (match := _VERSIONED.match(name))]
        numbers = [int(match[1]) for match in found if match[2] == role]
        if not numbers:
            raise NotFound("no repository here", where=METADATA, remedy="Make one: pw-provision releases init.")
        return f"{max(numbers)}.{role}.json"

    @staticmethod
    def _bundle(path: str, target: TargetFile) -> Bundle:
        try:
            release = read_custom(path, target.custom)
        except WireError as error:
            raise Refused(str(error), where=path, remedy="Withdraw it and release it again.") from error
        return Bundle(release, target.length, target.hashes["sha256"])


def _signed(metadata: Metadata[S], signers: Signers, now_ms: int) -> Metadata[S]:
    """The next version of it, valid from now, with these signatures alone."""
    metadata.signed.version += 1
    metadata.signed.expires = RULES[metadata.signed.type].expires(at(now_ms))
    metadata.signatures.clear()
    for signer in signers:
        metadata.sign(signer, append=True)
    return metadata


def _write(metadata: AnyMetadata) -> Write:
    role = metadata.signed.type
    name = "timestamp.json" if role == "timestamp" else f"{metadata.signed.version}.{role}.json"
    return Write(f"{METADATA}/{name}", metadata.to_bytes())
