"""An image onto files, loop devices and what must not be written."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from provisioning import flashing
from provisioning.__main__ import app
from provisioning.errors import StorageFailed

IMAGE = bytes(range(256)) * 40_000 + b"end"  # 10 MB, not a whole number of chunks


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "card.img"
    path.write_bytes(IMAGE)
    return path


def flash(*words: object, code: int = 0) -> tuple[dict[str, object], str]:
    done = CliRunner().invoke(app, ["flash", *map(str, words), "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout), done.stderr


def test_image_is_written_verified_and_told_with_speed_and_time(image: Path, tmp_path: Path) -> None:
    facts, told = flash(image, tmp_path / "copy.img")
    assert facts["sha256"] == hashlib.sha256(IMAGE).hexdigest() and facts["verified"] is True
    assert (tmp_path / "copy.img").read_bytes() == IMAGE
    assert "writing: 10.2 of 10.2 MB" in told and "verifying" in told and "MB/s, 0 s left" in told


def test_dry_run_writes_nothing(image: Path, tmp_path: Path) -> None:
    (tmp_path / "there.img").write_bytes(b"old")
    assert flash(image, tmp_path / "there.img", "--dry-run")[0]["dry_run"] is True
    assert flash(image, tmp_path / "new.img", "--dry-run")[0]["dry_run"] is True
    assert (tmp_path / "there.img").read_bytes() == b"old" and not (tmp_path / "new.img").exists()


@pytest.mark.parametrize(
    ("target", "code"),
    [("card.img", 5), (".", 5), ("/dev/null", 5), ("/dev/no-such-disk", 3), ("no/folder/x.img", 3)],
    ids=["itself", "folder", "character-device", "no-disk", "no-folder"],
)
def test_target_that_is_none_is_refused(image: Path, tmp_path: Path, target: str, code: int) -> None:
    error = flash(image, tmp_path / target, code=code)[0]["error"]
    assert error["remedy"]
    assert image.read_bytes() == IMAGE


@pytest.mark.parametrize("content", [None, b""], ids=["absent", "empty"])
def test_image_that_is_none_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "card.img").write_bytes(content)
    flash(tmp_path / "card.img", tmp_path / "x", code=3 if content is None else 5)


def test_medium_that_does_not_keep_what_was_written_is_found(image: Path, tmp_path: Path) -> None:
    """The fake card forgets one byte between writing and verifying, as one that repeats its blocks does."""
    target = tmp_path / "fake.img"

    def forget(phase: str, count: int) -> None:
        if phase == "verifying" and not spoilt:
            spoilt.append(True)
            with target.open("r+b") as file:
                file.seek(len(IMAGE) - 1)
                file.write(b"\xff")

    spoilt: list[bool] = []
    with pytest.raises(StorageFailed, match="does not hold what was written"):
        flashing.flash(image, target, forget)


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Path]:
    """A loop device of 12 MB."""
    backing = tmp_path / "backing"
    backing.write_bytes(bytes(12_000_256))
    made = subprocess.run(["losetup", "--show", "-f", str(backing)], capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip(f"no loop devices here: {made.stderr.strip()}")
    yield Path(made.stdout.strip())
    subprocess.run(["losetup", "-d", made.stdout.strip()], check=True)


def test_loop_device_is_written_like_a_card_and_a_small_one_refused(image: Path, tmp_path: Path, loop: Path) -> None:
    assert flash(image, loop)[0]["verified"] is True
    assert loop.open("rb").read(len(IMAGE)) == IMAGE
    with image.open("ab") as file:
        file.write(bytes(3_000_000))
    assert "holds" in flash(image, loop, code=5)[0]["error"]["what"]
