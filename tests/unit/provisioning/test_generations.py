"""One certificate authority follows another."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioning import generations, revocation_lists
from provisioning.errors import Conflict, NotFound, StorageFailed
from provisioning.fleet import Fleet
from provisioning.founding import new_fleet
from provisioning.profiles import Kind
from provisioning.storage import FleetFolder
from tests.unit.provisioning.devices import DAY_MS, FLEET, T0_MS, device, p256, signing_request


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    folder = FleetFolder(tmp_path / "fleet")
    folder.create(new_fleet(FLEET, T0_MS)[1])
    return Fleet(folder)


def rotated(fleet: Fleet, day: int = 0, overlap_days: int = 200) -> Fleet:
    fleet.folder.apply(fleet.rotate_authority(overlap_days, T0_MS + day * DAY_MS).writes)
    return Fleet(fleet.folder)


def test_rotation_names_both_roots_in_the_bundle_and_the_new_one_issues(fleet: Fleet) -> None:
    after = rotated(fleet)
    bundle = after.trust_bundle()
    assert bundle.version == 2
    assert sorted({anchor.not_after_ms for anchor in bundle.anchors})[0] == T0_MS + 200 * DAY_MS
    assert len(bundle.anchors) == 4
    assert after.authority.number == 2
    after.authority.issuing.verify_directly_issued_by(after.authority.root)
    assert after.authority.cross is not None
    after.authority.cross.verify_directly_issued_by(generations.load(fleet.folder, 1).root)
    assert after.authority.cross.public_key() == after.authority.issuing.public_key()


def test_rotation_again_is_refused_until_the_overlap_is_over(fleet: Fleet) -> None:
    after = rotated(fleet)
    with pytest.raises(Conflict, match="under way"):
        after.rotate_authority(200, T0_MS + 199 * DAY_MS)
    third = rotated(after, day=200)
    assert third.authority.number == 3
    assert [item.number for item in generations.live(third.folder, T0_MS + 200 * DAY_MS)] == [2, 3]
    assert len(third.trust_bundle().anchors) == 4


def test_rotation_shorter_than_a_certificate_is_refused_with_the_days_that_it_takes(fleet: Fleet) -> None:
    fleet.folder.apply(fleet.enrol(device().request(), T0_MS).writes)
    with pytest.raises(Conflict) as caught:
        fleet.rotate_authority(30, T0_MS)
    assert "--overlap-days 90" in caught.value.remedy


@pytest.mark.parametrize("cut", range(9))
def test_rotation_cut_after_any_file_leaves_one_authority_and_can_be_run_again(fleet: Fleet, cut: int) -> None:
    fleet.folder.apply(fleet.rotate_authority(200, T0_MS).writes[:cut])
    half = Fleet(fleet.folder)
    issued = half.enrol(device().request(), T0_MS).party
    assert issued is not None and issued.newest is not None and issued.newest.authority in (1, 2)
    if half.authority.number == 1:
        half = rotated(half)
    assert half.authority.number == 2
    anchors = {anchor.certificate for anchor in half.trust_bundle().anchors}
    assert set(map(generations.certificate_der, half.authority.trusted)) <= anchors


def test_rotation_without_the_offline_folder_is_not_found(fleet: Fleet, tmp_path: Path) -> None:
    (fleet.folder.path / "offline").rename(tmp_path / "stick")
    with pytest.raises(NotFound):
        fleet.rotate_authority(200, T0_MS)
    with_medium = Fleet(FleetFolder(fleet.folder.path, tmp_path / "stick"))
    assert rotated(with_medium).authority.number == 2


def test_former_list_is_signed_anew_for_as_long_as_it_is_trusted(fleet: Fleet) -> None:
    fleet.folder.apply(fleet.enrol(device().request(), T0_MS).writes)
    after = rotated(fleet)
    late_ms = T0_MS + 20 * DAY_MS
    assert revocation_lists.are_stale(after.folder, late_ms)
    after.folder.apply(after.enrol(device(2).request(), late_ms).writes)
    assert not revocation_lists.are_stale(after.folder, late_ms)
    assert revocation_lists.pem(after.folder, late_ms).count(b"BEGIN") == 2
    assert revocation_lists.pem(after.folder, T0_MS + 201 * DAY_MS).count(b"BEGIN") == 1


def test_bridge_of_the_former_authority_is_renewed_when_asked(fleet: Fleet) -> None:
    csr = signing_request(p256(), "bridge.1")
    fleet.folder.apply(fleet.issue(csr, "bridge.1", Kind.BRIDGE, T0_MS).writes)
    after = rotated(fleet)
    assert after.issue(csr, "bridge.1", Kind.BRIDGE, T0_MS).verdict == "renewed"


def test_damaged_list_of_authorities_is_reported_by_name(fleet: Fleet) -> None:
    (fleet.folder.path / "ca/authorities.json").write_text("{}")
    with pytest.raises(StorageFailed, match=r"ca/authorities\.json"):
        _ = fleet.authority


def test_credential_of_the_service_takes_the_place_of_the_file(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (fleet.folder.path / "ca/issuing.key").rename(credentials / "ca-issuing.key")
    with pytest.raises(NotFound):
        _ = Fleet(fleet.folder).authority
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert Fleet(fleet.folder).enrol(device().request(), T0_MS).verdict == "enrolled"
