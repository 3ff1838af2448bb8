"""The serial line on a real pty: bytes through, and every way of losing the port."""

from __future__ import annotations

import asyncio
import os
import termios
import tty
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import serial

from edge.drivers.serial_line import PySerialLine
from edge.errors import LineLost


@dataclass
class Far:
    """The other end of a pty."""

    server_fd: int
    line_fd: int
    path: str

    def unplug(self) -> None:
        os.close(self.server_fd)
        os.close(self.line_fd)
        self.server_fd = -1


@pytest.fixture
def far() -> Iterator[Far]:
    server_fd, line_fd = os.openpty()
    tty.setraw(line_fd)
    end = Far(server_fd, line_fd, os.ttyname(line_fd))
    yield end
    if end.server_fd >= 0:
        end.unplug()


async def test_line_carries_bytes_both_ways_unchanged(far):
    line = PySerialLine.open(far.path, 9_600)
    every_byte = bytes(range(256))
    await line.write(every_byte)
    assert os.read(far.server_fd, 4096) == every_byte
    os.write(far.server_fd, every_byte)
    received = b""
    while len(received) < 256:
        received += await line.read()
    assert received == every_byte
    await line.close()


async def test_line_discard_drops_what_arrived(far):
    line = PySerialLine.open(far.path, 9_600)
    os.write(far.server_fd, b"old")
    line.discard_input()
    os.write(far.server_fd, b"new")
    assert await line.read() == b"new"
    await line.close()


async def test_line_absent_port_is_lost_with_its_path():
    with pytest.raises(LineLost) as caught:
        PySerialLine.open("/dev/serial/by-id/none-such", 9_600)
    assert caught.value.where == "/dev/serial/by-id/none-such"
    assert caught.value.remedy


async def test_line_second_opening_is_refused(far):
    line = PySerialLine.open(far.path, 9_600)
    with pytest.raises(LineLost):
        PySerialLine.open(far.path, 9_600)
    await line.close()
    again = PySerialLine.open(far.path, 9_600)
    await again.close()


async def test_line_unplugged_while_reading_is_lost(far):
    line = PySerialLine.open(far.path, 9_600)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        reading = group.create_task(_lost_reading(line))
        await asyncio.sleep(0)
        far.unplug()
    assert reading.result()
    with pytest.raises(LineLost):
        await line.write(b"x")


async def _lost_reading(line: PySerialLine) -> bool:
    with pytest.raises(LineLost):
        await line.read()
    return True


async def test_line_unplugged_before_writing_is_lost_and_stays_lost(far):
    line = PySerialLine.open(far.path, 9_600)
    far.unplug()
    for _ in range(2):
        with pytest.raises(LineLost):
            await line.write(b"x")
    line.discard_input()
    with pytest.raises(LineLost):
        await line.read()
    await line.close()


async def test_line_write_larger_than_the_port_takes_waits_for_room(far):
    line = PySerialLine.open(far.path, 9_600)
    size_bytes = 200_000
    received = bytearray()
    loop = asyncio.get_running_loop()
    os.set_blocking(far.server_fd, False)
    loop.add_reader(far.server_fd, lambda: received.extend(os.read(far.server_fd, 65_536)))
    await line.write(b"z" * size_bytes)
    async with asyncio.timeout(10):
        while len(received) < size_bytes:  # noqa: ASYNC110 - the reader fills a plain buffer
            await asyncio.sleep(0)
    loop.remove_reader(far.server_fd)
    assert bytes(received) == b"z" * size_bytes
    await line.close()


async def test_line_stalled_by_flow_control_is_lost_and_sends_nothing_later(far):
    line = PySerialLine(serial.Serial(far.path, 9_600, timeout=0, exclusive=True), write_timeout_s=0.05)
    termios.tcflow(far.line_fd, termios.TCOOFF)
    with pytest.raises(LineLost):
        await line.write(b"unlock")
    termios.tcflow(far.line_fd, termios.TCOON)
    assert everything_that_comes(far) == b""


async def test_line_whose_buffer_is_full_is_lost_and_its_bytes_are_dropped(far):
    line = PySerialLine(serial.Serial(far.path, 9_600, timeout=0, exclusive=True), write_timeout_s=0.05)
    with pytest.raises(LineLost):
        await line.write(b"z" * 200_000)
    # What the far end's terminal had taken already (its own 4 KiB) is on the wire; the rest never follows.
    assert len(everything_that_comes(far)) <= 4_096


def everything_that_comes(far: Far) -> bytes:
    os.set_blocking(far.server_fd, False)
    received = b""
    try:
        while True:
            received += os.read(far.server_fd, 65_536)
    except BlockingIOError:
        return received
