"""A bundle over a connection that breaks, onto a disk that is full, from a server of another mind."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.core.release.machine import Phase
from edge.errors import LinkDown, StorageFull
from edge.link.bundle_download import Wanted, download
from tests.release_world import Device, ReleaseWorld, Shop


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ReleaseWorld]:
    world = ReleaseWorld(tmp_path)
    yield world
    world.close()


def test_download_that_breaks_off_goes_on_where_it_stood(world: ReleaseWorld) -> None:
    world.release("1.1.0")
    device = Device(world)
    device.wish("1.1.0")
    world.server.cut_after_bytes = 120_000
    words = [device.look() for _ in range(3)]
    assert words == ["offline", "offline", "trying"]
    assert world.server.starts == [0, 120_000, 240_000]
    assert (device.record.phase, device.slots.running()) == (Phase.TRYING, "b")


def test_download_from_a_server_without_ranges_begins_anew(world: ReleaseWorld) -> None:
    world.release("1.1.0")
    device = Device(world)
    device.wish("1.1.0")
    world.server.cut_after_bytes, world.server.ranges = 120_000, False
    assert device.look() == "offline"
    world.server.cut_after_bytes = None
    assert device.look() == "trying"


def test_part_of_a_release_that_nobody_wants_any_more_is_removed(world: ReleaseWorld) -> None:
    world.release("1.1.0")
    world.release("1.2.0")
    device = Device(world)
    device.wish("1.1.0")
    world.server.cut_after_bytes = 120_000
    assert device.look() == "offline"
    device.wish("1.2.0")
    assert device.look() == "offline"
    (part,) = (world.root / "device" / "releases" / "bundles").iterdir()
    assert "1.2.0" in part.name


def test_release_that_does_not_fit_beside_the_logs_reserve_is_not_fetched(world: ReleaseWorld) -> None:
    world.release("1.1.0")
    device = Device(world)
    device.wish("1.1.0")
    device.reserve_bytes = shutil.disk_usage(world.root).free + 1
    assert device.look() == "no_space"
    assert not any((world.root / "device" / "releases" / "bundles").iterdir())
    device.reserve_bytes = 0
    assert device.look() == "trying"


def test_disk_that_fills_while_it_is_written_keeps_nothing_of_the_bundle(tmp_path: Path) -> None:
    (tmp_path / "1.bundle").write_bytes(b"x" * 400_000)
    part = tmp_path / "1.part"
    part.symlink_to("/dev/full")
    shop = Shop(tmp_path)
    try:
        with pytest.raises(StorageFull):
            download(Wanted(f"http://127.0.0.1:{shop.server_address[1]}/1.bundle", 400_000), part)
    finally:
        shop.close()
    assert not part.is_symlink()


def test_part_that_is_longer_than_what_was_signed_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "1.bundle").write_bytes(b"x" * 1000)
    part = tmp_path / "1.part"
    part.write_bytes(b"y" * 2000)
    shop = Shop(tmp_path)
    wanted = Wanted(f"http://127.0.0.1:{shop.server_address[1]}/1.bundle", 1000)
    try:
        download(wanted, part)
        assert part.read_bytes() == b"x" * 1000
        with pytest.raises(LinkDown):
            download(replace(wanted, url=wanted.url + "x"), tmp_path / "other.part")
    finally:
        shop.close()
