"""The plug is pulled at every effect of an update: what is left always starts, whole, and ends where it was to end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.core.release.autoboot import Autoboot
from edge.storage.document_file import DocumentFiles
from edge.wire import canonical
from edge.wire.messages import Desired
from edge.wire.release import ReleaseKind
from tests.log_world import LogWorld, door
from tests.release_world import BOARD, PRODUCT, ReleaseWorld
from tests.unit.edge.test_config import GOOD

CHILD = Path(__file__).with_name("cut_child.py")


@dataclass
class Cutter:
    """A device whose release is published, and the process that cuts copies of it."""

    world: ReleaseWorld
    template: Path

    def wish(self, version: str, kind: ReleaseKind) -> None:
        doc = canonical.encode({"release": {"kind": kind.value, "version": version}})
        folder = DocumentFiles(self.template / "device" / "documents")
        folder.save("desired.cbor", Desired("locker-0001", 1, 1, doc).encode())

    def sweep(self, stage: str, stride: int) -> list[dict[str, Any]]:
        words = [sys.executable, str(CHILD), str(self.template), str(self.world.root / "work"), stage, str(stride)]
        ended = subprocess.run(words, capture_output=True, text=True, timeout=1700, check=False)
        assert ended.returncode == 0, ended.stderr[-2000:]
        found: list[dict[str, Any]] = json.loads(ended.stdout)
        return found


@pytest.fixture
def cutter(tmp_path: Path) -> Iterator[Cutter]:
    world = ReleaseWorld(tmp_path)
    template = tmp_path / "template"
    _make_device(world, template)
    yield Cutter(world, template)
    world.close()


def _make_device(world: ReleaseWorld, root: Path) -> None:
    for folder in ("cfg", "run", "device"):
        (root / folder).mkdir(parents=True)
    store = LogWorld(root / "device" / "log").open().log
    store.append([door(no) for no in range(1, 20)])
    store.close()
    (root / "cfg" / "autoboot.txt").write_bytes(Autoboot("a").to_bytes())
    for slot in "ab":
        for part in ("boot", "root"):
            (root / f"{part}_{slot}").write_bytes(b'{"release": "1.0.0"}\n'.ljust(300_000, b"\0"))
    (root / "restart").write_text(f'#!/bin/sh\necho "$1" >> {root}/asked\n')
    (root / "restart").chmod(0o755)
    (root / "root.json").write_bytes(world.repository.root_json())
    places = {
        "root_file": "root.json", "folder": "releases", "run_dir": "run", "restart": "restart", "label_file": "label",
        "cfg_dir": "cfg", "cmdline_file": "cmdline",
    }  # fmt: skip
    lines = [f'{key} = "{root}/{name}"' for key, name in places.items()]
    slots = [f'[release.slot_{slot}]\nboot = "{root}/boot_{slot}"\nroot = "{root}/root_{slot}"' for slot in "ab"]
    text = GOOD.replace('"data"', f'"{root}/device"')
    section = ["[release]", f'url = "{world.source().url}"', f'product = "{PRODUCT}"', f'board = "{BOARD}"']
    (root / "locker.toml").write_text("\n".join([text, *section, "reserve_bytes = 0", *lines, *slots]) + "\n")


@pytest.mark.parametrize(
    ("stage", "stride", "least"),
    [
        pytest.param("install", 89, 1, id="some_of_install"),
        pytest.param("commit", 29, 1, id="some_of_commit"),
        *(
            pytest.param(stage, 1, 20, id=f"all_of_{stage}", marks=[pytest.mark.slow, pytest.mark.timeout(1800)])
            for stage in ("install", "commit", "fall_back")
        ),
    ],
)
@pytest.mark.parametrize("kind", list(ReleaseKind), ids=[kind.value for kind in ReleaseKind])
def test_device_cut_at_any_effect_starts_whole_and_ends_where_it_was_to_end(
    cutter: Cutter, kind: ReleaseKind, stage: str, stride: int, least: int
) -> None:
    cutter.world.release("1.1.0", kind)
    cutter.wish("1.1.0", kind)
    found = cutter.sweep(stage, stride)
    *cut, whole = found
    assert len(cut) >= least and not whole["cut"] and all(run["cut"] for run in cut)
    wanted = "1.0.0" if stage == "fall_back" else "1.1.0"
    for run in found:
        said = run["words"][kind.value]
        assert said in ("committed", "fell_back", "idle", "withdrawn"), run
        assert run["runs"] == whole["runs"], run
        assert run["runs"].split()[1] == wanted
        assert run["booted"].split("/")[0] in ("1.0.0", "1.1.0")
    assert {run["log"] for run in found} == {whole["log"]}, "an update touches nothing of the event log"
