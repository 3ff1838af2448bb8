"""`autoboot.txt` of a Raspberry Pi: which boot partition starts, and which one a single trial starts.

Both slots are always named: a file with one slot alone would turn a trial into the only choice. Source: Raspberry Pi
documentation, "autoboot.txt" (`tryboot_a_b`, `boot_partition`, section `[tryboot]`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge.wire.errors import Malformed

PARTITIONS: Mapping[str, int] = {"a": 2, "b": 3}
MAX_BYTES = 512  # the firmware reads no more


@dataclass(frozen=True, slots=True)
class Autoboot:
    """`committed`: the slot that starts. The other one is started once when a trial is asked for."""

    committed: str

    @property
    def other(self) -> str:
        return other_slot(self.committed)

    def to_bytes(self) -> bytes:
        lines = (
            "[all]",
            "tryboot_a_b=1",
            f"boot_partition={PARTITIONS[self.committed]}",
            "[tryboot]",
            f"boot_partition={PARTITIONS[self.other]}",
        )
        return ("\n".join(lines) + "\n").encode()


def other_slot(slot: str) -> str:
    return "b" if slot == "a" else "a"


def parse_autoboot(data: bytes) -> Autoboot:
    """
    Raises:
        Malformed: not both slots, the same slot twice, or anything that the firmware would read otherwise.
    """
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise _wrong("not ASCII") from error
    if len(data) > MAX_BYTES:
        raise _wrong("too long")
    sections = _sections(text)
    slots = {number: slot for slot, number in PARTITIONS.items()}
    committed = slots.get(_number(sections, "all"))
    trial = slots.get(_number(sections, "tryboot"))
    if committed is None or trial is None or committed == trial:
        raise _wrong("it does not name both slots")
    if sections["all"].get("tryboot_a_b") != "1":
        raise _wrong("tryboot_a_b is not set")
    return Autoboot(committed)


def _sections(text: str) -> dict[str, dict[str, str]]:
    sections: dict[str, dict[str, str]] = {"all": {}, "tryboot": {}}
    current = "all"
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            current = line[1:-1]
            if current not in sections:
                raise _wrong(f"unknown section [{current:.20}]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            sections[current][key.strip()] = value.strip()
    return sections


def _number(sections: Mapping[str, Mapping[str, str]], name: str) -> int:
    text = sections[name].get("boot_partition", "")
    return int(text) if text.isdigit() and len(text) <= 2 else -1


def _wrong(what: str) -> Malformed:
    return Malformed(what, where="autoboot.txt", remedy="Write the card anew, or restore the file.")
