"""DS18B20 through sysfs: files by hand, the simulated folder, and any text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.drivers.one_wire import Ds18b20, crc8, parse_w1_slave
from firmware_sim.thermometers import Mood, ThermometerFolder

ID = "28-0316a2795dff"
# The data sheet's own examples of the two's complement register: +25.0625, +10.125, -0.5, -25.0625 °C.
EXAMPLES = {"91 01": 25_062, "a2 00": 10_125, "f8 ff": -500, "6f fe": -25_062}


def kernel_file(scratchpad: str, value_mc: int, verdict: str = "YES") -> str:
    check = crc8(bytes.fromhex(scratchpad))
    row = f"{scratchpad} {check:02x}"
    return f"{row} : crc={check:02x} {verdict}\n{row} t={value_mc}\n"


@pytest.mark.parametrize(("register", "value_mc"), EXAMPLES.items())
def test_examples_of_the_data_sheet_are_read(register, value_mc):
    assert parse_w1_slave(kernel_file(f"{register} 4b 46 7f ff 0c 10", value_mc)) == value_mc


def test_crc_is_maxims():
    assert crc8(b"\x02\x1c\xb8\x01\x00\x00\x00") == 0xA2  # application note 27's own example


@pytest.mark.parametrize("text", [
    "", "YES", kernel_file("91 01 4b 46 7f ff 0c 10", 25_062, "NO"),
    kernel_file("91 01 4b 46 7f ff 0c 10", 25_062).replace("91 01", "91 02", 1),
    kernel_file("91 01 4b 46 7f ff 0c 10", 26_062), kernel_file("00 00 00 00 00 00 00 00", 0),
    kernel_file("91 01 4b 46 7f ff 0c 10", 25_062).replace("t=25062", "t=2५062"),
    kernel_file("ff 7f 4b 46 7f ff 0c 10", 2_047_937),
], ids=["empty", "verdict_alone", "crc_no", "two_readings", "other_value", "zeros", "digits", "range"])  # fmt: skip
def test_a_file_that_contradicts_itself_is_no_temperature(text):
    assert parse_w1_slave(text) is None


@settings(max_examples=50)
@given(st.text(max_size=120))
def test_any_text_never_raises(text):
    assert parse_w1_slave(text) is None


@settings(max_examples=25)
@given(value_mc=st.integers(-55_000, 84_000))
def test_what_the_simulated_sensor_says_is_read_within_its_step(value_mc, tmp_path_factory):
    folder = ThermometerFolder(tmp_path_factory.getbasetemp() / "w1")
    folder.set(ID, value_mc)
    read_mc = Ds18b20(folder.folder, ID).read()
    assert read_mc is not None
    assert abs(read_mc - value_mc) <= 63


@pytest.mark.parametrize("mood", [Mood.CRC_ERROR, Mood.POWER_ON, Mood.SHORTED, Mood.MISSING])
def test_a_thermometer_that_is_not_well_reads_none_and_recovers(tmp_path: Path, mood):
    folder = ThermometerFolder(tmp_path)
    sensor = Ds18b20(tmp_path, ID)
    folder.set(ID, 4_000)
    assert sensor.read() == 4_000
    folder.set(ID, mood=mood)
    assert sensor.read() is None
    folder.set(ID, 5_000)
    assert sensor.read() == 5_000


def test_85_degrees_is_believed_when_it_was_come_near_to(tmp_path: Path):
    folder = ThermometerFolder(tmp_path)
    sensor = Ds18b20(tmp_path, ID)
    for value_mc, expected in [(85_000, None), (81_000, 81_000), (85_000, 85_000), (85_000, 85_000)]:
        folder.set(ID, value_mc)
        assert sensor.read() == expected
