"""The pure parts of an image: accounts, first programs, boot files, bill of materials, the content list."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from edge.wire.release import ReleaseKind, parse_version
from provisioning.errors import BuildFailed, ToolMissing, Usage
from provisioning.image.accounts import Accounts, with_accounts
from provisioning.image.boot_slot import CONFIG, autoboot, cmdline, kernel_release
from provisioning.image.building import execute, need_tools
from provisioning.image.card import BUNDLED, version, write_bundle
from provisioning.image.content import Group, User, read_content
from provisioning.image.initramfs import newc, with_dependencies
from provisioning.image.sbom import bill
from provisioning.releases.bundle import read_bundle

BARE = Accounts(
    "root:x:0:0:root:/root:/bin/bash\n", "root:*:20417:0:::::\n", "root:x:0:\ntty:x:5:\n", "root:*::\ntty:!::\n"
)
AGENT = User(name="parcelworks", id=990, home="/data/parcelworks", groups=("gpio", "tty"))


def test_accounts_that_are_added_have_neither_password_nor_shell_and_twice_is_once() -> None:
    made = with_accounts(BARE, (AGENT,), (Group(name="gpio", id=989),))
    assert "parcelworks:x:990:990::/data/parcelworks:/usr/sbin/nologin\n" in made.passwd
    assert "parcelworks:*:1" in made.shadow and "20417" not in made.shadow
    assert "gpio:x:989:parcelworks\n" in made.group and "tty:x:5:parcelworks\n" in made.group
    assert with_accounts(made, (AGENT,), (Group(name="gpio", id=989),)) == made


def test_modules_come_in_an_order_in_which_they_load() -> None:
    dep = "fs/ext4.ko: fs/jbd2.ko lib/crc.ko\nfs/jbd2.ko: lib/crc.ko\nlib/crc.ko:\n"
    assert with_dependencies(dep, ("ext4", "built_in", "jbd2")) == (
        "lib/crc.ko",
        "fs/jbd2.ko",
        "fs/ext4.ko",
    )


def test_archive_of_the_first_programs_is_read_by_cpio(tmp_path: Path) -> None:
    data = newc({"init": (0o100755, b"#!/bin/sh\n"), "lib": (0o040755, b""), "lib/odd": (0o100644, b"12345")})
    subprocess.run(["cpio", "-i", "--quiet"], input=data, cwd=tmp_path, check=True)
    assert (tmp_path / "lib/odd").read_bytes() == b"12345" and (tmp_path / "init").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("slot", ["a", "b"])
def test_slot_is_named_on_its_command_line_and_in_autoboot(slot: str) -> None:
    assert cmdline(slot).split()[0] == f"pw_slot={slot}"
    lines = autoboot(slot).splitlines()
    assert lines[1] == "tryboot_a_b=1" and {lines[2], lines[4]} == {"boot_partition=2", "boot_partition=3"}
    assert lines[2].endswith("2" if slot == "a" else "3")
    assert "initramfs initramfs8 followkernel" in CONFIG


def test_tree_with_two_kernels_is_refused(tmp_path: Path) -> None:
    for name in ("6.1.0-1", "6.1.0-2"):
        (tmp_path / "usr/lib/modules" / name).mkdir(parents=True)
    with pytest.raises(BuildFailed, match=r"6\.1\.0-1, 6\.1\.0-2"):
        kernel_release(tmp_path)


def test_bill_names_every_package_once_and_is_the_same_for_the_same_image() -> None:
    lock = "aiohttp==3.14.5 \\\n    --hash=sha256:00\ncolorama==0.4.6 ; sys_platform == 'win32' \\\n"
    packages = "zlib1g\t1:1.2.13\tarm64\nbash\t5.2\tarm64\nbash\t5.2\tarm64\n"
    made = bill("parcelworks-locker", "0.1.0", "bookworm", packages, lock)
    purls = [part["purl"] for part in made["components"]]  # type: ignore[index]
    assert purls == [
        "pkg:deb/debian/bash@5.2?arch=arm64&distro=bookworm",
        "pkg:deb/debian/zlib1g@1%3A1.2.13?arch=arm64&distro=bookworm",
        "pkg:pypi/aiohttp@3.14.5",
    ]
    assert made == bill("parcelworks-locker", "0.1.0", "bookworm", packages, lock)
    assert made != bill("parcelworks-locker", "0.1.1", "bookworm", packages, lock)
    json.dumps(made)


def test_bundle_of_an_image_is_one_that_can_be_signed(tmp_path: Path) -> None:
    parts = {name: tmp_path / name for name in BUNDLED}
    for name, path in parts.items():
        path.write_bytes(name.encode() * 100)
    write_bundle(tmp_path / "x.bundle", parts)
    content = read_content()
    release = read_bundle(
        tmp_path / "x.bundle", content.product, content.board, ReleaseKind.IMAGE, parse_version("1.0.0")
    )
    assert set(release.release.files) == set(BUNDLED)
    assert parse_version(version())


def test_content_list_that_ships_names_only_files_that_are_there() -> None:
    content = read_content()
    assert {user.name for user in content.user} == {"parcelworks", "kiosk"}
    assert not {"parcelworks", "kiosk"} & {group for user in content.user for group in user.groups}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("suite = 1", "suite", id="number for text"),
        pytest.param("suite = ", "cannot be read", id="no TOML"),
        pytest.param("colour = 'red'", "colour", id="unknown key"),
    ],
)
def test_content_list_with_a_fault_is_refused_naming_it(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "content.toml").write_text(text)
    with pytest.raises(Usage, match=said):
        read_content(tmp_path / "content.toml")


def test_tool_or_step_that_fails_is_told_with_a_remedy() -> None:
    with pytest.raises(ToolMissing) as missing:
        need_tools({"no-such-tool": "its-package"})
    assert missing.value.remedy == "apt-get install its-package"
    with pytest.raises(ToolMissing, match="no-such-tool"):
        execute(["no-such-tool"])
    with pytest.raises(BuildFailed) as failed:
        execute(["sh", "-c", "echo why >&2; exit 4"])
    assert "why" in failed.value.remedy
