"""The units of a card: who they run as, what they may write, and that no way in is open."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from provisioning.image.content import HERE, read_content

UNITS = sorted((HERE / "units").glob("*.service"))
# These make what everything else stands on, or play with the kernel; all others are a user's, or closed in.
ROOTS = {"first-boot", "time", "time-save", "zram", "rig-console"}


def read(path: Path) -> configparser.SectionProxy:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(path.read_text("utf-8"))
    return unit["Service"]


def lines(name: str) -> list[str]:
    return (HERE / "units" / f"parcelworks-{name}.service").read_text("utf-8").splitlines()


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem.removeprefix("parcelworks-"))
def test_unit_is_a_users_or_closed_in_unless_it_is_one_of_the_few(path: Path) -> None:
    service = read(path)
    if path.stem.removeprefix("parcelworks-") in ROOTS:
        return
    assert service["ProtectSystem"] == "strict" and service["NoNewPrivileges"] == "yes"
    assert service["ProtectHome"] == "yes" and service["PrivateTmp"] == "yes"
    assert service.get("User") in {"parcelworks", "kiosk"} or "CapabilityBoundingSet" in service


def test_agent_has_no_capability_and_sees_pins_and_lines_only() -> None:
    agent = lines("agent")
    assert {"User=parcelworks", "CapabilityBoundingSet=", "AmbientCapabilities=", "DevicePolicy=closed"} <= set(agent)
    allowed = {line.split("=")[1].split()[0] for line in agent if line.startswith("DeviceAllow=")}
    assert allowed == {
        "char-gpiochip",
        "char-ttyS",
        "char-ttyAMA",
        "char-ttyUSB",
        "char-ttyACM",
        "char-hidraw",
        "char-input",
    }
    assert [line for line in agent if line.startswith("ReadWritePaths=")] == ["ReadWritePaths=/data/parcelworks"]


def test_updater_writes_the_slots_and_no_other_device() -> None:
    allowed = {line.split("=")[1] for line in lines("update") if line.startswith("DeviceAllow=")}
    assert allowed == {f"/dev/parcelworks/{kind}_{slot} rw" for kind in ("boot", "root") for slot in "ab"}


def test_no_way_in_is_open_but_the_one_that_takes_a_hand_on_the_card() -> None:
    content = read_content()
    assert {"ssh.service", "getty@tty1.service"} <= set(content.units.masked)
    assert "PasswordAuthentication no" in (HERE / "files" / "sshd.conf").read_text()
    assert "ConditionKernelCommandLine=pw_rig_console" in lines("rig-console")
    shells = [path.name for path in UNITS if "/bin/sh" in path.read_text() and "rig-console" not in path.name]
    assert shells == []


def test_image_holds_no_identity_of_its_own() -> None:
    removed = set(read_content().slim.remove)
    assert {"/etc/machine-id", "/etc/ssh/ssh_host_ed25519_key", "/var/lib/systemd/random-seed"} <= removed
