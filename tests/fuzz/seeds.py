"""What the fuzzer begins with: our golden vectors, whole and in their parts, and a few texts."""

from __future__ import annotations

import json
from pathlib import Path

VECTORS = Path(__file__).parents[1] / "vectors"
TEXTS = (
    b'{"do":"press","value":"open:1"}', b"PW1:A", b"pw/v1/7f/locker-0001/up", b"2026-01-02T03:04:05.006Z",
    b'device_id = "locker-1"\n[[bus]]\nport = "/dev/x"\n', b"tracking_number,width_mm\nPW-1,300\n",
    bytes.fromhex("8a0101118b"), bytes.fromhex("9007920305010303"), bytes.fromhex("010302000100018478"),
)  # fmt: skip


def write_seeds(folder: Path) -> None:
    """One file for each, for every target."""
    for number, data in enumerate((*TEXTS, *_vectors())):
        (folder / f"seed-{number:03}").write_bytes(data)


def _vectors() -> list[bytes]:
    found: list[bytes] = []
    for path in sorted(VECTORS.glob("*.json")):
        parts = [_bytes(value) for value in json.loads(path.read_text("utf-8")).values() if isinstance(value, list)]
        found += [b"".join(parts), *parts]
    return found


def _bytes(lines: list[str]) -> bytes:
    """Hex up to the comment of each line; a line without any is none."""
    words = [str(line).partition(";")[0].replace(" ", "") for line in lines]
    return b"".join(bytes.fromhex(word) for word in words if _is_hex(word))


def _is_hex(word: str) -> bool:
    return len(word) % 2 == 0 and all(char in "0123456789abcdef" for char in word)
