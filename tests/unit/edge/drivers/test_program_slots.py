"""The program's slots and their launcher: a trial runs once, and nothing that is damaged is started."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from edge.drivers.program_slots import IMAGE, ProgramPlaces, ProgramSlots
from edge.errors import SlotFailed, StorageFull
from edge.wire.release import Release, ReleaseKind, parse_version


def bundle(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def member(name: str, size: int = 10, **changes: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size = size
    for key, value in changes.items():
        setattr(made, key, value)
    return made


class World:
    def __init__(self, root: Path, image: str = "1.0.0", reserve_bytes: int = 0) -> None:
        self.root = root
        self.restarts = 0
        (root / "choice").mkdir(exist_ok=True)
        places = ProgramPlaces(
            root / "program", root / "choice", parse_version(image), self._restart, reserve_bytes
        )  # fmt: skip
        self.slots = ProgramSlots(places)

    def _restart(self) -> None:
        self.restarts += 1

    def write(self, slot: str, version: str) -> None:
        made = bundle(self.root / "b.tar.gz", member("site", 0, type=tarfile.DIRTYPE), member("site/main.py"))
        self.slots.write(slot, made, Release("p", "b", ReleaseKind.AGENT, parse_version(version)))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_new_device_runs_the_images_program(world: World) -> None:
    assert (world.slots.launch(), world.slots.running(), world.slots.committed()) == (None, IMAGE, IMAGE)
    assert world.slots.version() == parse_version("1.0.0")


def test_trial_is_started_once_and_then_the_committed_one(world: World) -> None:
    world.write("a", "1.1.0")
    world.slots.try_once("a")
    assert world.restarts == 1
    assert world.slots.launch() == world.root / "program" / "a" / "site"
    assert (world.slots.running(), world.slots.version()) == ("a", parse_version("1.1.0"))
    assert (world.slots.launch(), world.slots.running()) == (None, IMAGE)


def test_trial_that_is_kept_starts_from_now_on(world: World) -> None:
    world.write("a", "1.1.0")
    world.slots.try_once("a")
    world.slots.launch()
    world.slots.commit("a")
    assert world.slots.launch() == world.root / "program" / "a" / "site"
    with pytest.raises(SlotFailed, match="in use"):
        world.write("a", "1.2.0")
    world.write("b", "1.2.0")
    with pytest.raises(SlotFailed, match="does not run"):
        world.slots.commit("b")


def test_image_with_a_newer_program_takes_over_and_an_older_one_does_not(world: World) -> None:
    world.write("a", "1.1.0")
    world.slots.try_once("a")
    world.slots.launch()
    world.slots.commit("a")
    newer = World(world.root, image="1.2.0")
    assert (newer.slots.launch(), newer.slots.running(), newer.slots.committed()) == (None, IMAGE, IMAGE)
    older = World(world.root, image="1.0.5")
    assert older.slots.launch() == world.root / "program" / "a" / "site"


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b'{"committed": "a"}', b'{"committed": "../x", "once": null, "running": "image"}', b"\xff"],
    ids=["empty", "list", "half", "foreign_slot", "no_text"],
)
def test_choice_that_is_damaged_starts_the_images_program(world: World, data: bytes) -> None:
    (world.root / "choice" / "program.json").write_bytes(data)
    assert world.slots.launch() is None


def test_slot_that_is_gone_starts_the_images_program(world: World) -> None:
    (world.root / "choice" / "program.json").write_text('{"committed": "b", "once": null, "running": "b"}')
    assert (world.slots.launch(), world.slots.committed()) == (None, IMAGE)


@pytest.mark.parametrize(
    "bad",
    [
        member("../out.py"),
        member("/etc/out.py"),
        member("site/link", 0, type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("site/hard", 0, type=tarfile.LNKTYPE, linkname="site/main.py"),
        member("site/pipe", 0, type=tarfile.FIFOTYPE),
    ],
    ids=["above", "absolute", "symlink", "hard_link", "pipe"],
)
def test_bundle_with_anything_but_plain_files_in_it_is_refused_and_leaves_nothing(
    world: World, bad: tarfile.TarInfo
) -> None:
    made = bundle(world.root / "bad.tar.gz", member("site/main.py"), bad)
    with pytest.raises(SlotFailed):
        world.slots.write("a", made, Release("p", "b", ReleaseKind.AGENT, parse_version("1.1.0")))
    assert not any((world.root / "program").iterdir())
    assert not (world.root / "out.py").exists()


@pytest.mark.parametrize("data", [b"", b"\x1f\x8b", b"no archive"], ids=["empty", "cut", "text"])
def test_bundle_that_is_no_archive_is_refused(world: World, data: bytes) -> None:
    (world.root / "bad.tar.gz").write_bytes(data)
    with pytest.raises(SlotFailed):
        world.slots.write("a", world.root / "bad.tar.gz", Release("p", "b", ReleaseKind.AGENT, parse_version("1.1.0")))


def test_program_that_does_not_fit_beside_the_reserve_is_not_unpacked(tmp_path: Path) -> None:
    with pytest.raises(StorageFull):
        World(tmp_path, reserve_bytes=2**60).write("a", "1.1.0")
    assert not (tmp_path / "program" / "a").exists()


def test_choice_is_never_written_through_a_link_in_the_agents_folder(world: World) -> None:
    victim = world.root / "victim"
    victim.write_text("untouched")
    (world.root / "choice" / ".program.json.new").symlink_to(victim)
    world.slots.launch()
    assert victim.read_text() == "untouched"
    assert not (world.root / "choice" / "program.json").is_symlink()
