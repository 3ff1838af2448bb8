"""Starts and ends a locker's outputs again and again, each time in a process of its own; the pins are recorded.

`python pin_child.py TRACE active_high|active_low CYCLES [naive|in_pulse]`
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from edge.drivers.gpio_pins import OutputPin
from edge.drivers.lamps import PinLamps
from edge.drivers.pin_bank import PinBank, PinBoardConfig, PinChannel
from edge.ports import Channel
from firmware_sim.pins import PinRecord, RecordedFactory

LOCKS, LAMP, BUZZER = (17, 18, 27), 22, 23


async def live(trace: Path, active_high: bool, mode: str, ready: int) -> None:
    """Claim everything, say so, and wait for the end; killed or closed, as the parent likes."""
    record = PinRecord(trace, dict.fromkeys((*LOCKS, LAMP, BUZZER), not active_high))
    factory = RecordedFactory(record, claims_with_level=mode != "naive")
    channels = tuple(PinChannel(number, pin, active_high) for number, pin in enumerate(LOCKS, 1))
    bank = PinBank(PinBoardConfig("G", channels), factory)
    lamps = PinLamps({1: OutputPin(LAMP, factory=factory, active_high=active_high)})
    buzzer = OutputPin(BUZZER, factory=factory, active_high=active_high)
    if mode == "in_pulse":
        pulse = asyncio.get_running_loop().create_task(bank.pulse(Channel("G", 1)))
        await asyncio.sleep(0.01)
        assert not pulse.done()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    os.write(ready, b"r")
    await stop.wait()
    await bank.close()
    lamps.close()
    buzzer.close()
    factory.close()


def cycle(trace: Path, active_high: bool, mode: str, end: signal.Signals) -> None:
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        asyncio.run(live(trace, active_high, mode, write_end))
        os._exit(0)
    os.close(write_end)
    begun = os.read(read_end, 1)
    os.close(read_end)
    os.kill(child, end)
    _, status = os.waitpid(child, 0)
    expected = -signal.SIGKILL if end is signal.SIGKILL else 0
    if begun != b"r" or os.waitstatus_to_exitcode(status) != expected:
        sys.exit(f"a child ended with {os.waitstatus_to_exitcode(status)}")


def main() -> None:
    trace, polarity, cycles, *rest = sys.argv[1:]
    mode = rest[0] if rest else ""
    for number in range(int(cycles)):
        killed = mode == "in_pulse" or number % 2 == 0
        cycle(Path(trace), polarity == "active_high", mode, signal.SIGKILL if killed else signal.SIGTERM)


if __name__ == "__main__":
    main()
