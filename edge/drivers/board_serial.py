"""Which board this is: the number that its maker burnt in."""

from __future__ import annotations

import re
from pathlib import Path

from edge.errors import ConfigError

DEVICE_TREE = Path("/proc/device-tree/serial-number")
MACHINE_ID = Path("/etc/machine-id")
_SERIAL = re.compile(r"[0-9a-z]{4,24}\Z")
_MACHINE_ID = re.compile(r"[0-9a-f]{32}\Z")  # an image that never ran says "uninitialized"


def board_serial(device_tree: Path = DEVICE_TREE, machine_id: Path = MACHINE_ID) -> str:
    """The board's serial number; where the board has none, the first 12 digits of the machine id.

    Raises:
        ConfigError: there is neither.
    """
    for path, form, digits in ((device_tree, _SERIAL, 24), (machine_id, _MACHINE_ID, 12)):
        try:
            text = path.read_bytes().strip(b"\x00\n ").decode("ascii").lower()
        except (OSError, UnicodeDecodeError):
            continue
        if form.match(text) and text.strip("0"):
            return text[:digits]
    raise ConfigError(
        "this board has no serial number", where=str(device_tree), remedy="Name one: --serial, as on the approval list."
    )
