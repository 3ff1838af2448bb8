"""DS18B20 thermometers as the kernel shows them: a folder `28-…/w1_slave` each, written whole at every change."""

from __future__ import annotations

import shutil
from enum import StrEnum
from pathlib import Path

POWER_ON_MC = 85_000
START_MC = 21_000


class Mood(StrEnum):
    """What is the matter with a thermometer."""

    WELL = "well"
    CRC_ERROR = "crc_error"
    POWER_ON = "power_on"
    SHORTED = "shorted"
    MISSING = "missing"


class ThermometerFolder:
    """Stands in for `/sys/bus/w1/devices`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def set(self, sensor_id: str, value_mc: int = START_MC, mood: Mood = Mood.WELL) -> None:
        """Make a thermometer say that temperature, or fail in the way named."""
        place = self.folder / sensor_id
        if mood is Mood.MISSING:
            shutil.rmtree(place, ignore_errors=True)
            return
        place.mkdir(exist_ok=True)
        fresh = place / ".w1_slave.new"
        fresh.write_text(_file(POWER_ON_MC if mood is Mood.POWER_ON else value_mc, mood), encoding="ascii")
        fresh.replace(place / "w1_slave")

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def _file(value_mc: int, mood: Mood) -> str:
    sixteenths = value_mc * 16 // 1000
    scratchpad = sixteenths.to_bytes(2, "little", signed=True) + bytes.fromhex("4b467fff0c10")
    if mood is Mood.SHORTED:
        scratchpad = bytes(8)
    check = _crc8(scratchpad)
    wrong = check ^ 0x55 if mood is Mood.CRC_ERROR else check
    verdict = "NO" if mood is Mood.CRC_ERROR else "YES"
    row = (scratchpad + bytes((wrong,))).hex(" ")
    degrees_mc = 0 if mood is Mood.SHORTED else sixteenths * 1000 // 16
    return f"{row} : crc={check:02x} {verdict}\n{row} t={degrees_mc}\n"


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        for bit in range(8):
            mix = (crc ^ byte >> bit) & 1
            crc >>= 1
            if mix:
                crc ^= 0x8C
    return crc
