"""The repository's use cases over a real folder: what is signed by whom, for how long, and what is written first."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

from edge.wire.release import Release, ReleaseKind, parse_version
from provisioning.errors import Conflict, NotFound, ProvisioningError, StorageFailed
from provisioning.releases.repository import METADATA, Bundle, Repository
from provisioning.releases.roles import RULES
from provisioning.storage import FleetFolder

T0_MS = 1_790_000_000_000
DAY_MS = 86_400_000


def bundle(version: str = "1.0.0", sha256: str = "ab" * 32) -> Bundle:
    release = Release("parcelworks-locker", "rpi-arm64", ReleaseKind.AGENT, parse_version(version))
    return Bundle(release, 1000, sha256)


@pytest.fixture
def folder(tmp_path: Path) -> FleetFolder:
    folder = FleetFolder(tmp_path / "fleet")
    folder.create(())
    folder.apply(Repository(folder).create(T0_MS))
    return folder


@pytest.fixture
def repository(folder: FleetFolder) -> Repository:
    return Repository(folder)


def load(folder: FleetFolder, name: str) -> Metadata:
    return Metadata.from_bytes(folder.read(f"{METADATA}/{name}"))


def test_first_set_is_signed_by_the_threshold_of_every_role(folder: FleetFolder) -> None:
    root = load(folder, "1.root.json")
    for name, kind in (("1.root", Root), ("1.targets", Targets), ("1.snapshot", Snapshot), ("timestamp", Timestamp)):
        metadata = load(folder, f"{name}.json")
        root.verify_delegate(kind.type, metadata)
        assert root.signed.roles[kind.type].threshold == RULES[kind.type].threshold
    assert root.signed.consistent_snapshot


def test_offline_keys_lie_apart_and_every_key_is_of_its_own(folder: FleetFolder) -> None:
    assert len(folder.names("offline/releases")) == 5 and len(folder.names("releases/keys")) == 2
    root = load(folder, "1.root.json").signed
    assert len({key_id for role in root.roles.values() for key_id in role.keyids}) == 7


def test_release_is_written_before_the_timestamp_that_leads_to_it(repository: Repository, folder: FleetFolder) -> None:
    writes = repository.add(bundle(), T0_MS)
    names = [write.path.rpartition("/")[2] for write in writes]
    assert names == ["2.targets.json", "2.snapshot.json", "timestamp.json"]
    folder.apply(writes)
    (found,) = repository.bundles()
    assert found == bundle()


def test_same_release_again_changes_nothing_and_other_bytes_under_its_version_are_refused(
    repository: Repository, folder: FleetFolder
) -> None:
    folder.apply(repository.add(bundle(), T0_MS))
    assert repository.add(bundle(), T0_MS + DAY_MS) == ()
    with pytest.raises(Conflict):
        repository.add(bundle(sha256="cd" * 32), T0_MS)


def test_withdrawn_release_is_gone_and_an_unknown_one_is_an_error(repository: Repository, folder: FleetFolder) -> None:
    folder.apply(repository.add(bundle(), T0_MS))
    folder.apply(repository.withdraw(bundle().release.path, T0_MS))
    assert repository.bundles() == []
    with pytest.raises(NotFound):
        repository.withdraw(bundle().release.path, T0_MS)


def test_refresh_signs_the_timestamp_always_and_the_rest_when_a_third_is_left(
    repository: Repository, folder: FleetFolder
) -> None:
    names = [write.path.rpartition("/")[2] for write in repository.refresh(T0_MS + DAY_MS)]
    assert names == ["timestamp.json"]
    names = [write.path.rpartition("/")[2] for write in repository.refresh(T0_MS + 25 * DAY_MS)]
    assert names == ["2.snapshot.json", "timestamp.json"]
    names = [write.path.rpartition("/")[2] for write in repository.refresh(T0_MS + 150 * DAY_MS)]
    assert names == ["2.targets.json", "2.snapshot.json", "timestamp.json"]


def test_refresh_needs_no_offline_keys_until_targets_are_due(tmp_path: Path, folder: FleetFolder) -> None:
    shutil.move(folder.path / "offline", tmp_path / "medium")
    online = Repository(folder)
    assert online.refresh(T0_MS + 25 * DAY_MS)
    with pytest.raises(NotFound, match="2 keys of the role targets"):
        online.add(bundle(), T0_MS)
    assert Repository(FleetFolder(folder.path, tmp_path / "medium")).add(bundle(), T0_MS)


@pytest.mark.parametrize("role", list(RULES))
def test_rotated_role_has_new_keys_that_the_old_root_vouches_for(
    repository: Repository, folder: FleetFolder, role: str
) -> None:
    before = load(folder, "1.root.json")
    folder.apply(repository.rotate(role, T0_MS + DAY_MS))
    after = load(folder, "2.root.json")
    before.verify_delegate("root", after)
    after.verify_delegate("root", after)
    assert not set(before.signed.roles[role].keyids) & set(after.signed.roles[role].keyids)
    folder.apply(repository.add(bundle(), T0_MS + DAY_MS))
    newest = sorted(folder.names(METADATA))
    for kind in (Targets, Snapshot, Timestamp):
        name = [name for name in newest if name.endswith(f"{kind.type}.json")][-1]
        after.verify_delegate(kind.type, load(folder, name))


def test_repository_is_not_made_twice(repository: Repository) -> None:
    with pytest.raises(Conflict):
        repository.create(T0_MS)


def test_damaged_metadata_is_an_error_with_a_remedy(repository: Repository, folder: FleetFolder) -> None:
    (folder.path / METADATA / "1.targets.json").write_bytes(b"{")
    with pytest.raises(StorageFailed) as caught:
        repository.bundles()
    assert caught.value.remedy
    with pytest.raises(ProvisioningError):
        Repository(FleetFolder(folder.path / "nowhere")).bundles()
