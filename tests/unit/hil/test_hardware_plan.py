"""The agent's configuration that a plan writes for what a rig's file describes."""

from __future__ import annotations

from pathlib import Path

from edge.config import load_config
from hil.board_lines import BoardLines
from hil.plans.hardware import agent_config
from hil.rig_file import read_rig_file

UML = Path(__file__).parents[3] / "hil" / "rigs" / "uml.yaml"


def test_configuration_of_the_rig_that_ships_is_one_that_the_agent_takes(tmp_path: Path) -> None:
    rig = read_rig_file(UML)
    text = agent_config(BoardLines(rig.serial, tmp_path, tmp_path / "ports", rig.thermometers))
    (tmp_path / "locker.toml").write_text(text, "utf-8")
    config = load_config(tmp_path / "locker.toml")
    assert {board.family for bus in config.bus for board in bus.board} == {
        "xor_8a",
        "kerong_cu",
        "kerong_cu48",
        "wkly",
        "winnsen",
        "modbus_relay",
    }
    assert config.scanner and config.sensors.thermometer[0].zone == "cold"
