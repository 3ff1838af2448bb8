"""The locker file is checked where it enters."""

from __future__ import annotations

import copy
import json

import pytest

from firmware_sim.config import read_locker_file
from firmware_sim.errors import ConfigInvalid

GOOD = {
    "ports": [
        {
            "name": "usb-A",
            "boards": [
                {"module": "A", "family": "xor_8a", "address": 1, "channels": 12},
                {"module": "B", "family": "kerong_cu", "address": 0, "channels": 16},
            ],
        }
    ]
}

TOML = """
[[ports]]
name = "usb-A"
[[ports.boards]]
module = "A"
family = "xor_8a"
address = 1
channels = 12
[[ports.boards]]
module = "B"
family = "kerong_cu"
address = 0
channels = 16
"""


def test_locker_file_json_and_toml_say_the_same(tmp_path):
    (tmp_path / "l.json").write_text(json.dumps(GOOD))
    (tmp_path / "l.toml").write_text(TOML)
    assert read_locker_file(tmp_path / "l.json") == read_locker_file(tmp_path / "l.toml")
    assert len(read_locker_file(tmp_path / "l.json").build().doors(0)) == 28


def changed(key: str, value: object, board: int = 0) -> dict:
    doc = copy.deepcopy(GOOD)
    doc["ports"][0]["boards"][board][key] = value
    return doc


@pytest.mark.parametrize(
    "doc",
    [
        {},
        {"ports": []},
        changed("family", "unheard_of"),
        changed("address", 0),
        changed("channels", 25),
        changed("groups", 1),
        changed("module", "B"),
        changed("module", "../x"),
        changed("surprise", 1),
        changed("channels", 25, board=1),
    ],
    ids=str,
)
def test_locker_file_that_no_hardware_fits_is_refused(tmp_path, doc):
    path = tmp_path / "l.json"
    path.write_text(json.dumps(doc))
    with pytest.raises(ConfigInvalid) as caught:
        read_locker_file(path)
    assert caught.value.where == str(path)


@pytest.mark.parametrize("text", ["{", "", "[1]", "\x00"], ids=repr)
def test_locker_file_that_is_no_json_is_refused(tmp_path, text):
    (tmp_path / "l.json").write_text(text)
    with pytest.raises(ConfigInvalid):
        read_locker_file(tmp_path / "l.json")


def test_locker_file_absent_is_refused(tmp_path):
    with pytest.raises(ConfigInvalid):
        read_locker_file(tmp_path / "none.json")
