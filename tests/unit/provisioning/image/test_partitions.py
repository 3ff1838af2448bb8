"""Where everything lies on a card."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from provisioning.image.partitions import (
    CARD_ID,
    MIB,
    PARTITIONS,
    Table,
    card_mib,
    gpt_uuid,
    partition,
    start_mib,
    table_script,
)

FILES = Path(__file__).parents[4] / "provisioning" / "image" / "files"


def test_partitions_leave_no_overlap_and_room_for_both_tables() -> None:
    ends = 1
    for item in PARTITIONS:
        assert start_mib(item) >= ends + (1 if item.number > 4 else 0)
        ends = start_mib(item) + item.size_mib
    assert card_mib() > ends


@pytest.mark.parametrize("table", Table)
def test_table_that_sfdisk_writes_has_the_same_numbers_starts_and_sizes(table: Table, tmp_path: Path) -> None:
    image = tmp_path / "card.img"
    with image.open("wb") as file:
        file.truncate(card_mib() * MIB)
    sfdisk = shutil.which("sfdisk", path="/usr/sbin:/sbin:/usr/bin")
    assert sfdisk, "apt-get install fdisk"
    subprocess.run([sfdisk, "--quiet", image], input=table_script(table).encode(), check=True, capture_output=True)
    read = subprocess.run([sfdisk, "--json", image], check=True, capture_output=True).stdout
    found = {
        int(row["node"].removeprefix(str(image))): (row["start"] * 512 // MIB, row["size"] * 512 // MIB)
        for row in json.loads(read)["partitiontable"]["partitions"]
    }
    found.pop(4, None)
    assert found == {item.number: (start_mib(item), item.size_mib) for item in PARTITIONS}


def test_files_on_the_card_know_it_by_the_same_identities() -> None:
    rules = (FILES / "slots.rules").read_text()
    for name in ("boot_a", "boot_b", "root_a", "root_b"):
        number = partition(name).number
        assert f'=="{gpt_uuid(number).lower()}", SYMLINK+="parcelworks/{name}"' in rules
        assert f'=="{CARD_ID:08x}-{number:02x}", SYMLINK+="parcelworks/{name}"' in rules
    init = (FILES / "card-init").read_text()
    assert CARD_ID.to_bytes(4, "little").decode() in init
    assert f"a) number={partition('root_a').number} ;; b) number={partition('root_b').number} ;;" in init
