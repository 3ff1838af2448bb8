"""Folders of broker and bridge follow the fleet."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioning import revocation_lists
from provisioning.errors import NotFound
from provisioning.export import Receiver
from provisioning.fleet import Fleet
from provisioning.founding import new_fleet
from provisioning.publishing import publish
from provisioning.storage import FleetFolder
from tests.unit.provisioning.devices import DAY_MS, FLEET, T0_MS, device


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    folder = FleetFolder(tmp_path / "fleet")
    folder.create(new_fleet(FLEET, T0_MS)[1])
    made = Fleet(folder)
    folder.apply(made.enrol(device().request(), T0_MS).writes)
    return made


def test_first_publication_writes_everything_and_the_next_nothing(fleet: Fleet, tmp_path: Path) -> None:
    to = {Receiver.BROKER: tmp_path / "broker", Receiver.BRIDGE: tmp_path / "bridge"}
    assert publish(fleet.folder.path, to, T0_MS, dry_run=True) and not (tmp_path / "broker").exists()
    first = publish(fleet.folder.path, to, T0_MS)
    assert {Path(name).name for name in first} >= {"ca.pem", "crl.pem", "devices.json", "receipts.key"}
    assert not list((tmp_path / "broker").glob("*.key"))
    assert publish(fleet.folder.path, to, T0_MS + DAY_MS) == []


def test_revocation_changes_list_and_registry_and_nothing_else(fleet: Fleet, tmp_path: Path) -> None:
    to = {Receiver.BROKER: tmp_path / "broker"}
    publish(fleet.folder.path, to, T0_MS)
    fleet.folder.apply(fleet.revoke("locker-0001", "stolen", T0_MS).writes)
    changed = {Path(name).name for name in publish(fleet.folder.path, to, T0_MS)}
    assert changed == {"crl.pem", "devices.json"}


def test_list_half_through_its_life_is_signed_anew_by_the_way(fleet: Fleet, tmp_path: Path) -> None:
    to, late_ms = {Receiver.BROKER: tmp_path / "broker"}, T0_MS + 16 * DAY_MS
    publish(fleet.folder.path, to, T0_MS)
    assert [Path(name).name for name in publish(fleet.folder.path, to, late_ms)] == ["crl.pem"]
    assert not revocation_lists.are_stale(fleet.folder, late_ms)


def test_damaged_file_of_the_receiver_is_written_anew_and_a_missing_fleet_is_told(fleet: Fleet, tmp_path: Path) -> None:
    to = {Receiver.BROKER: tmp_path / "broker"}
    publish(fleet.folder.path, to, T0_MS)
    (tmp_path / "broker/devices.json").write_text("[")
    assert len(publish(fleet.folder.path, to, T0_MS)) == 1
    with pytest.raises(NotFound):
        publish(tmp_path / "nowhere", to, T0_MS)
