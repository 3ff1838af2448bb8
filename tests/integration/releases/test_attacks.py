"""What a device must refuse from a repository it fetches over a real connection, each test named after the attack."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Metadata, TargetFile

from edge.errors import LinkDown, ReleaseRefused
from edge.link.release_client import ReleaseClient
from edge.wire.release import Release, ReleaseKind, parse_version
from provisioning.releases.repository import METADATA, Repository
from provisioning.releases.roles import RULES
from tests.release_world import BOARD, DAY_MS, PRODUCT, ReleaseWorld, now_ms


# Signatures are judged alike for both kinds: images here, programs in the long run.
@pytest.fixture(params=[ReleaseKind.IMAGE, pytest.param(ReleaseKind.AGENT, marks=pytest.mark.slow)],
                ids=["image", "agent"])  # fmt: skip
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ReleaseWorld]:
    """Every attack is made on full images and on programs alone."""
    world = ReleaseWorld(tmp_path, kind=request.param)
    yield world
    world.close()


def wanted(world: ReleaseWorld, version: str = "1.1.0") -> Release:
    return Release(PRODUCT, BOARD, world.kind, parse_version(version))


def fetch(world: ReleaseWorld, release: Release | None = None) -> Path:
    client = ReleaseClient(world.source())
    client.refresh()
    _, target = client.find(release or wanted(world))
    return client.fetch(target)


def refusal(world: ReleaseWorld, release: Release | None = None) -> str:
    """The reason; nothing may have been left for an installer to find."""
    with pytest.raises(ReleaseRefused) as caught:
        fetch(world, release)
    assert caught.value.remedy
    assert not any((world.root / "device" / "releases" / "bundles").iterdir())
    return caught.value.reason


def serve(world: ReleaseWorld, kept: Path) -> None:
    shutil.rmtree(world.served)
    shutil.copytree(kept, world.served)


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    body = json.loads(path.read_bytes())
    change(body)
    path.write_text(json.dumps(body))


def test_honest_release_is_fetched_complete(world: ReleaseWorld) -> None:
    world.release("1.1.0")
    assert fetch(world).read_bytes() == (world.root / "1.1.0.tar").read_bytes()


def test_rollback_to_older_metadata_is_refused(world: ReleaseWorld) -> None:
    world.release("1.1.0")
    old = world.keep()
    world.release("1.2.0")
    fetch(world, wanted(world, "1.2.0"))
    ReleaseClient(world.source()).forget()
    serve(world, old)
    assert refusal(world) == "rollback"


def test_freeze_with_a_timestamp_that_has_ended_is_refused(tmp_path: Path) -> None:
    world = ReleaseWorld(tmp_path, now_ms() - (RULES["timestamp"].life_days + 1) * DAY_MS)
    try:
        world.release("1.1.0")
        assert refusal(world) == "expired"
        world.folder.apply(world.repository.refresh(now_ms()))
        world.publish()
        assert fetch(world).exists()
    finally:
        world.close()


def test_mix_and_match_of_an_old_snapshot_under_a_new_timestamp_is_refused(world: ReleaseWorld) -> None:
    world.release("1.1.0")
    world.release("1.2.0")
    metadata = world.served / "metadata"
    shutil.copy(metadata / "2.snapshot.json", metadata / "3.snapshot.json")
    assert refusal(world) == "rollback"


def test_mix_and_match_of_old_targets_under_a_new_snapshot_is_refused(world: ReleaseWorld) -> None:
    world.release("1.1.0")
    world.release("1.2.0")
    metadata = world.served / "metadata"
    shutil.copy(metadata / "2.targets.json", metadata / "3.targets.json")
    assert refusal(world) == "rollback"


@pytest.mark.parametrize("role", ["timestamp", "2.snapshot", "2.targets"])
@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        pytest.param(lambda body: body.update(signatures=[]), {"unsigned"}, id="missing"),
        pytest.param(lambda body: body["signatures"][0].update(sig=""), {"unsigned", "malformed"}, id="empty"),
        pytest.param(
            lambda body: body["signatures"][0].update(sig=body["signatures"][0]["sig"][:64]),
            {"unsigned"},
            id="truncated",
        ),
        pytest.param(
            lambda body: body["signed"].update(version=body["signed"]["version"] + 1), {"unsigned"}, id="edited"
        ),
    ],
)
def test_metadata_whose_signature_is_missing_empty_truncated_or_of_other_bytes_is_refused(
    world: ReleaseWorld, role: str, change: Callable[[dict[str, Any]], None], reasons: set[str]
) -> None:
    world.release("1.1.0")
    edit(world.served / "metadata" / f"{role}.json", change)
    assert refusal(world) in reasons


def test_targets_signed_by_fewer_keys_than_the_threshold_are_refused(world: ReleaseWorld) -> None:
    world.release("1.1.0")
    edit(world.served / "metadata" / "2.targets.json", lambda body: body["signatures"].pop())
    assert refusal(world) == "unsigned"


def test_targets_signed_twice_by_one_key_are_refused(world: ReleaseWorld) -> None:
    world.release("1.1.0")
    edit(
        world.served / "metadata" / "2.targets.json",
        lambda body: body["signatures"].__setitem__(1, body["signatures"][0]),
    )
    assert refusal(world) in ("unsigned", "malformed")


def test_repository_of_another_root_is_refused(world: ReleaseWorld, tmp_path: Path) -> None:
    stranger = ReleaseWorld(tmp_path / "stranger")
    try:
        stranger.release("1.1.0")
        ReleaseClient(world.source()).refresh()
        serve(world, stranger.served)
        assert refusal(world) == "unsigned"
    finally:
        stranger.close()


@pytest.mark.parametrize(
    "custom",
    [{"product": "another-locker"}, {"board": "rpi-armhf"}, {"kind": ""}, {"version": "9.0.0"}, {"product": None}],
    ids=["product", "board", "kind", "version", "nothing"],
)
def test_bundle_signed_for_another_product_board_kind_or_version_is_refused(
    world: ReleaseWorld, custom: dict[str, Any]
) -> None:
    release = world.release("1.1.0")
    targets = Metadata.from_bytes(world.folder.read(f"{METADATA}/2.targets.json"))
    known: TargetFile = targets.signed.targets[release.path]
    if "kind" in custom:
        custom = {"kind": "agent" if world.kind is ReleaseKind.IMAGE else "image"}
    known.unrecognized_fields["custom"] = {**release.to_custom(), **custom}
    repository = Repository(world.folder)
    world.folder.apply(repository._publish([repository._next(targets, world.made_at_ms)], world.made_at_ms))
    shutil.copytree(world.folder.path / METADATA, world.served / "metadata", dirs_exist_ok=True)
    assert refusal(world) == "wrong_target"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: data[:-1], id="truncated"),
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: data + b"\0" * 4096, id="endless"),
        pytest.param(lambda data: data[:1000] + bytes([data[1000] ^ 1]) + data[1001:], id="one_bit"),
    ],
)
def test_bundle_of_other_bytes_than_were_signed_is_refused(
    world: ReleaseWorld, change: Callable[[bytes], bytes]
) -> None:
    world.release("1.1.0")
    (path,) = (world.served / "targets").rglob("*.bundle")
    path.write_bytes(change(path.read_bytes()))
    assert refusal(world) == "altered"


def test_release_that_is_not_there_is_refused_and_an_unreachable_repository_is_only_down(world: ReleaseWorld) -> None:
    assert refusal(world, wanted(world, "7.0.0")) == "not_released"
    world.close()
    with pytest.raises(LinkDown):
        fetch(world)


def test_device_with_the_first_root_follows_every_rotation_of_it(world: ReleaseWorld) -> None:
    source = world.source()
    for role in ("root", "targets", "root", "snapshot", "timestamp"):
        world.folder.apply(world.repository.rotate(role, world.made_at_ms))
    world.release("1.1.0")
    client = ReleaseClient(source)
    client.refresh()
    assert client.find(wanted(world))[0].version == parse_version("1.1.0")


@pytest.mark.parametrize("name", ["timestamp", "2.targets"])
def test_metadata_of_any_bytes_is_refused_and_the_trusted_one_stays(world: ReleaseWorld, name: str) -> None:
    world.release("1.1.0")
    path = world.served / "metadata" / f"{name}.json"
    good = path.read_bytes()
    for junk in (b"", b"{}", b"\xff" * 100, b"[" * 5000, good[: len(good) // 2]):
        path.write_bytes(junk)
        assert refusal(world) in ("malformed", "altered", "unsigned")
    path.write_bytes(good)
    assert fetch(world).exists()
