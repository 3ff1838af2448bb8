"""The reader's driver over simulated readers in virtual time: found, lost, found again, each code once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from edge.drivers.scanner import ScannerConfig, SerialScanner
from edge.errors import ConfigError
from edge.wire.frames.scan_text import RefusedScan, Scan, ScanRefusal
from firmware_sim.config import LockerFile
from firmware_sim.faults import Fault, FaultName
from tests.locker_line import LockerPorts
from tests.virtual_loop import VirtualLoop

FILE = {
    "ports": [{"name": "b", "boards": [{"module": "A", "family": "xor_8a", "address": 1, "channels": 1}]}],
    "readers": [{"name": "line", "protocol": "line"}, {"name": "ssi", "protocol": "ssi"}],
}
BOTH = pytest.mark.parametrize("protocol", ["line", "ssi"])


class World:
    def __init__(self, protocol: str) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.port = protocol
        self.ports = LockerPorts(LockerFile.model_validate(FILE).build(), loop)
        self.seen: list[Scan | RefusedScan] = []
        self.presence: list[bool] = []
        config = ScannerConfig(f"/sim/{protocol}", protocol)
        self.scanner = SerialScanner(config, self.seen.append, self.ports.open_line, self.presence.append)

    async def show(self, text: str) -> None:
        self.ports.show(self.port, text.encode())
        await asyncio.sleep(10)


def play(protocol: str, story: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        world = World(protocol)
        running = asyncio.get_running_loop().create_task(world.scanner.run())
        await asyncio.sleep(1)
        await story(world)
        running.cancel()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())


@BOTH
def test_each_code_is_told_once_in_its_order(protocol):
    async def story(world: World) -> None:
        for text in ("PW001", "PW002", "PW002", "PW1:T" + "A" * 700):
            await world.show(text)
        assert world.seen == [Scan(text) for text in ("PW001", "PW002", "PW002", "PW1:T" + "A" * 700)]

    play(protocol, story)


@BOTH
@pytest.mark.parametrize("fault", [FaultName.SPLIT, FaultName.NOISE])
def test_a_bad_line_never_tells_a_code_twice(protocol, fault):
    async def story(world: World) -> None:
        world.ports.locker.set_fault(Fault(fault, protocol))
        await world.show("PW001")
        assert world.seen.count(Scan("PW001")) <= 1
        world.ports.locker.clear_fault()
        await world.show("PW002")
        assert world.seen[-1] == Scan("PW002")

    play(protocol, story)


@BOTH
def test_a_reader_pulled_and_put_back_is_found_by_its_path(protocol):
    async def story(world: World) -> None:
        world.ports.unplug(protocol)
        await asyncio.sleep(3)
        world.ports.replug(protocol)
        await asyncio.sleep(3)
        await world.show("PW001")
        assert (world.seen, world.presence) == ([Scan("PW001")], [True, False, True])

    play(protocol, story)


@BOTH
def test_a_code_that_sets_readers_up_is_refused_and_not_handed_on(protocol):
    async def story(world: World) -> None:
        await world.show("@SETUPE1")
        assert world.seen == [RefusedScan(ScanRefusal.CONFIGURATION_CODE)]

    play(protocol, story)


def test_a_port_that_is_no_path_is_refused():
    with pytest.raises(ConfigError):
        ScannerConfig("ttyACM0")
