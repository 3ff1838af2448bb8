"""The rig plays the firmware: what it starts from a card is what the card's own files say."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hil.errors import ProcessFailed, RigFileInvalid
from hil.qemu.card_file import CardFile

MIB = 1024 * 1024
TABLE = "label: gpt\n" + "".join(f"card{n} : start={2048 + 81920 * (n - 1)}, size=81920\n" for n in (1, 2, 3))
STARTS_MIB = {1: 1, 2: 41, 3: 81}


def card_image(path: Path, autoboot: str) -> Path:
    """A card of three FAT partitions whose slots differ."""
    with path.open("wb") as file:
        file.truncate(130 * MIB)
    tools = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    subprocess.run(["sfdisk", "--quiet", path], input=TABLE.encode(), check=True, capture_output=True, env=tools)
    for number, start_mib in STARTS_MIB.items():
        part = path.with_suffix(f".{number}")
        with part.open("wb") as file:
            file.truncate(40 * MIB)
        subprocess.run(["mkfs.vfat", "-F", "32", part], check=True, capture_output=True, env=tools)
        files = {"kernel8.img": f"kernel {number}", "initramfs8": "i", "cmdline.txt": f"pw_slot={'?ab'[number - 1]}\n"}
        for name, text in ({"autoboot.txt": autoboot} if number == 1 else files).items():
            (path.parent / name).write_text(text)
            subprocess.run(["mcopy", "-o", "-i", part, path.parent / name, "::/"], check=True, env=tools)
        with path.open("r+b") as card:
            card.seek(start_mib * MIB)
            card.write(part.read_bytes())
    return path


@pytest.mark.parametrize(("number", "slot"), [(2, "a"), (3, "b")])
def test_card_starts_the_slot_that_its_autoboot_names(number: int, slot: str, tmp_path: Path) -> None:
    other = 5 - number
    text = f"[all]\ntryboot_a_b=1\nboot_partition={number}\n[tryboot]\nboot_partition={other}\n"
    image = card_image(tmp_path / "image.img", text)
    (tmp_path / "run").mkdir()
    card = CardFile(image, tmp_path / "run")
    start = card.start()
    assert (start.cmdline, start.kernel.read_text()) == (f"pw_slot={slot}", f"kernel {number}")
    assert card.card_path.stat().st_size > image.stat().st_size


def test_card_whose_autoboot_names_no_slot_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    card = CardFile(card_image(tmp_path / "image.img", "[tryboot]\nboot_partition=2\n"), tmp_path / "run")
    with pytest.raises(ProcessFailed, match="names no partition"):
        card.start()


def test_card_that_was_not_built_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(RigFileInvalid) as refused:
        CardFile(tmp_path / "none.img", tmp_path)
    assert refused.value.remedy == "make image"
