"""Where everything lies on a card, in GPT or in the MBR that an older board's first program reads. Pure.

Both have the same numbers, sizes and starts, so the partitions' contents are the same; 4 is the MBR's extended one.
Identities are fixed: a card is known by them, and two builds of the same inputs are the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MIB = 1024 * 1024
SECTOR_BYTES = 512
_SECTORS_PER_MIB = MIB // SECTOR_BYTES
# "PWC1": a card of this project. The init of the slots and the updater's links look for it.
CARD_ID = 0x50574331
EXTENDED_NO = 4


class Table(StrEnum):
    GPT = "gpt"
    MBR = "mbr"


@dataclass(frozen=True, slots=True)
class Partition:
    """`gap_mib` before it leaves room for the record that the MBR keeps before a logical partition."""

    number: int
    name: str
    size_mib: int
    fat: bool
    gap_mib: int = 0


PARTITIONS = (
    Partition(1, "cfg", 64, fat=True),
    Partition(2, "boot_a", 128, fat=True),
    Partition(3, "boot_b", 128, fat=True),
    Partition(5, "root_a", 1024, fat=False, gap_mib=1),
    Partition(6, "root_b", 1024, fat=False, gap_mib=1),
    Partition(7, "data", 64, fat=False, gap_mib=1),
)
_FAT_GPT = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
_LINUX_GPT = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
_FAT_MBR, _LINUX_MBR, _EXTENDED_MBR = "c", "83", "f"


def partition(name: str) -> Partition:
    return next(item for item in PARTITIONS if item.name == name)


def start_mib(wanted: Partition) -> int:
    """Where a partition begins."""
    at_mib = 1
    for item in PARTITIONS:
        at_mib += item.gap_mib
        if item == wanted:
            return at_mib
        at_mib += item.size_mib
    raise KeyError(wanted.name)


def card_mib() -> int:
    """The size of an image; the last MiB holds GPT's second copy."""
    last = PARTITIONS[-1]
    return start_mib(last) + last.size_mib + 1


def gpt_uuid(number: int) -> str:
    """A partition's own id; number 0 is the disk's."""
    return f"{CARD_ID:08X}-0000-4000-8000-{number:012X}"


def table_script(table: Table) -> str:
    """What sfdisk reads to write the table."""
    return _gpt_script() if table is Table.GPT else _mbr_script()


def _gpt_script() -> str:
    lines = ["label: gpt", f"label-id: {gpt_uuid(0)}", "unit: sectors", ""]
    for item in PARTITIONS:
        kind = _FAT_GPT if item.fat else _LINUX_GPT
        lines.append(f"{_place(item)}, type={kind}, uuid={gpt_uuid(item.number)}, name={item.name}")
    return "\n".join(lines) + "\n"


def _mbr_script() -> str:
    lines = ["label: dos", f"label-id: 0x{CARD_ID:08x}", "unit: sectors", ""]
    logical = [item for item in PARTITIONS if item.number > EXTENDED_NO]
    first_mib = start_mib(logical[0]) - 1
    size_mib = start_mib(logical[-1]) + logical[-1].size_mib - first_mib
    extended = f"start={first_mib * _SECTORS_PER_MIB}, size={size_mib * _SECTORS_PER_MIB}, type={_EXTENDED_MBR}"
    for item in PARTITIONS:
        if item == logical[0]:
            lines.append(f"card{EXTENDED_NO} : {extended}")
        lines.append(f"{_place(item)}, type={_FAT_MBR if item.fat else _LINUX_MBR}")
    return "\n".join(lines) + "\n"


def _place(item: Partition) -> str:
    start, size = start_mib(item) * _SECTORS_PER_MIB, item.size_mib * _SECTORS_PER_MIB
    return f"card{item.number} : start={start}, size={size}"
