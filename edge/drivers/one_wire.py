"""DS18B20 thermometers through the kernel's sysfs files (`/sys/bus/w1/devices/28-…/w1_slave`).

The file has two lines of nine bytes in hex; the first ends with the kernel's verdict on the CRC (`YES` or `NO`), the
second with `t=` and thousandths of a degree. Both the verdict and our own CRC must hold, and the bytes must say the
same temperature: a file that is read while the bus is disturbed may mix two readings. 85 °C is what the chip says
after its power came back and before it has measured, so it is only believed when it has come near it step by step.
"""

from __future__ import annotations

import re
from pathlib import Path

POWER_ON_MC = 85_000
NEAR_POWER_ON_MC = 5_000
RANGE_MC = range(-55_000, 125_001)
SENSOR_ID = re.compile(r"28-[0-9a-f]{12}\Z")
_FILE = re.compile(
    r"((?:[0-9a-f]{2} ){9}): crc=[0-9a-f]{2} (YES|NO)\n((?:[0-9a-f]{2} ){9})t=(-?[0-9]{1,6})\n?\Z", re.ASCII
)
MAX_FILE_BYTES = 256


class Ds18b20:
    """One thermometer. `read` blocks for the conversion (up to 0.75 s): call it on a thread."""

    def __init__(self, devices: Path, sensor_id: str) -> None:
        self._path = devices / sensor_id / "w1_slave"
        self._last_mc: int | None = None

    def read(self) -> int | None:
        """Milli-degrees Celsius, or None when the sensor is missing or its answer is not believable."""
        try:
            with self._path.open("rb") as file:
                text = file.read(MAX_FILE_BYTES).decode("ascii", "replace")
        except OSError:
            self._last_mc = None
            return None
        value_mc = parse_w1_slave(text)
        if value_mc == POWER_ON_MC and not self._came_near():
            return None
        self._last_mc = value_mc
        return value_mc

    def _came_near(self) -> bool:
        return self._last_mc is not None and self._last_mc >= POWER_ON_MC - NEAR_POWER_ON_MC


def parse_w1_slave(text: str) -> int | None:
    """The temperature in the kernel's file, or None when anything about it is wrong."""
    match = _FILE.match(text)
    if match is None or match.group(2) != "YES" or match.group(1) != match.group(3):
        return None
    scratchpad = bytes.fromhex(match.group(1))
    value_mc = int(match.group(4))
    # An absent pull-up reads all zeros, whose CRC holds.
    if not any(scratchpad) or crc8(scratchpad[:8]) != scratchpad[8]:
        return None
    sixteenths = int.from_bytes(scratchpad[:2], "little", signed=True)
    return value_mc if value_mc in RANGE_MC and abs(sixteenths * 1000 - value_mc * 16) <= 16 else None


def crc8(data: bytes) -> int:
    """CRC-8/MAXIM (reflected polynomial 8C), as the chip sends it."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
    return crc
