"""The real agent over ptys and pins: boards of every family on two shared lines, and what a stranger does to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory

from edge.agents.hardware import Hardware, HardwareListeners
from edge.agents.layout import compartments
from edge.config import load_config
from edge.drivers.lock_bank import BoardNotice, Presence
from firmware_sim.config import LockerFile
from firmware_sim.doors import FactKind
from firmware_sim.faults import Fault, FaultName
from firmware_sim.pty_server import PtyServer
from tests.machine.visitors import technician_code
from tests.unit.edge.locker_world import T0_MS, LockerWorld
from tests.unit.edge.test_runtime import HERE

PORTS = {
    "usb-A": [("x", "xor_8a", 1, 8, {}), ("w", "wkly", 2, 12, {}), ("n", "winnsen", 3, 6, {"cooling_ms": 0})],
    "usb-B": [
        ("k12", "kerong_cu", 1, 12, {}),
        ("k16", "kerong_cu", 2, 16, {}),
        ("k24", "kerong_cu", 3, 24, {}),
        ("k48", "kerong_cu48", 0, 48, {}),
        ("m", "modbus_relay", 9, 8, {}),
    ],
}
# Door number → board and channel; each board's last channel, so that a second address and a second byte count.
DOORS = {no: (module, channels) for no, (module, _, _, channels, _) in enumerate(chain(*PORTS.values()), 1)}
PIN_DOOR, LOCK_PIN, DOOR_PIN = 9, 17, 22
HEAD = """device_id = "locker-0001"
fleet = "test.fleet"
data_dir = "d"
keys_dir = "k"
root_public_hex = "{key}"
trust_file = "t"
[pin_board]
module = "g"
rest_ms = 0
channel = [{{ number = 1, lock_pin = 17, door = {{ pin = 22 }} }}]
"""


def simulated() -> LockerFile:
    def entry(module: str, family: str, address: int, channels: int, more: dict) -> dict:
        quick = {} if family in ("kerong_cu48", "modbus_relay") else {"unlock_reply_ms": 90}
        return (
            {"module": module, "family": family, "address": address, "channels": channels, "reply_ms": 2} | quick | more
        )

    return LockerFile.model_validate(
        {"ports": [{"name": name, "boards": [entry(*board) for board in boards]} for name, boards in PORTS.items()]}
    )


def configuration(links: Path) -> str:
    text = HEAD.format(key="ab" * 32)
    for name, boards in PORTS.items():
        text += f'[[bus]]\nport = "{links / name}"\ncoil_rest_ms = 20\nbaud = 9600\n'
        for module, family, address, channels, _ in boards:
            text += f'[[bus.board]]\nmodule = "{module}"\nfamily = "{family}"\naddress = {address}\n'
            text += f"channels = {channels}\ncoil_rest_ms = 20\nclosed_bit = {int(family != 'winnsen')}\n"
    for no, (module, channel) in {**DOORS, PIN_DOOR: ("g", 1)}.items():
        text += f'[[compartment]]\nno = {no}\nmodule = "{module}"\nchannel = {channel}\n'
        text += "width_mm = 400\nheight_mm = 200\ndepth_mm = 500\n"
    return text


class Scene:
    """The agent with its hardware, the hands at the doors, and what the log says."""

    def __init__(self, folder: Path) -> None:
        self.ptys = PtyServer(simulated().build(), folder / "by-id")
        self.ptys.start()
        (folder / "agent.toml").write_text(configuration(folder / "by-id"))
        config = load_config(folder / "agent.toml")
        self.factory = MockFactory()
        self.door_pin = self.factory.pin(DOOR_PIN)
        self.notices: list[BoardNotice] = []
        listeners = HardwareListeners(self.noticed, lambda text: None, lambda key: None, lambda reading: None)
        self.hardware = Hardware(config, listeners, open_pins=lambda label: self.factory)
        self.door_pin.drive_low()
        self.world = LockerWorld(folder)
        self.world.cabinet = self.hardware.bank  # type: ignore[assignment]
        self.world.layout = dict(compartments(config))

    def noticed(self, notice: BoardNotice) -> None:
        self.notices.append(notice)
        self.world.agent.board(notice.module, notice.presence is Presence.FOUND)

    def pulses(self) -> list[tuple[str, int]]:
        facts = self.ptys.locker.facts(self.ptys.now_ms())
        return [(fact.module, fact.channel) for fact in facts if fact.kind is FactKind.PULSE]

    def of(self, kind: str) -> list[int]:
        return [data["compartment_no"] for name, data in self.world.events() if name == kind]

    def alarms(self, code: str) -> list[str | None]:
        return [d.get("subject") for name, d in self.world.events() if name == "alarm_raised" and d["alarm"] == code]

    def shut(self, no: int) -> None:
        module, channel = DOORS[no]
        self.ptys.locker.cabinet(module).close_by_hand(channel, self.ptys.now_ms())

    async def technician_opens(self, no: int) -> None:
        """Through the kiosk, up to the open door and shut again."""
        await until(lambda: self.world.step == "menu")
        opened, closed = (self.of(kind).count(no) for kind in ("door_opened", "door_closed"))
        self.world.agent.press(f"open:{no}")
        if no == PIN_DOOR:
            lock = self.factory.pin(LOCK_PIN)
            await until(lambda: bool(lock.state))
            self.door_pin.drive_high()
        await until(lambda: self.of("door_opened").count(no) > opened)
        if no == PIN_DOOR:
            self.door_pin.drive_low()
        else:
            self.shut(no)
        await until(lambda: self.of("door_closed").count(no) > closed)

    async def technician_comes(self, jti: int) -> None:
        self.world.agent.scan(technician_code(jti, audience=HERE, at_ms=T0_MS))
        await until(lambda: self.world.step == "menu")


async def until(holds: Callable[[], bool], timeout_s: float = 20) -> None:
    async with asyncio.timeout(timeout_s):
        while not holds():  # noqa: ASYNC110 - the world outside gives no event to wait for
            await asyncio.sleep(0.02)


@asynccontextmanager
async def in_service(folder: Path) -> AsyncIterator[Scene]:
    scene = Scene(folder)
    try:
        async with scene.world.running() as world:
            world.restore(limits={"openings_per_minute": 100})
            await until(lambda: len(scene.of("door_closed")) == len(DOORS) + 1)
            yield scene
    finally:
        await scene.hardware.close()
        scene.ptys.close()


def play(folder: Path, story: Callable[[Scene], Awaitable[None]]) -> None:
    async def run() -> None:
        async with in_service(folder) as scene:
            await story(scene)

    asyncio.run(run())


def test_a_door_of_every_family_and_of_own_pins_opens_is_seen_and_is_closed(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        await scene.technician_comes(1)
        for no in (*DOORS, PIN_DOOR):
            await scene.technician_opens(no)
        assert scene.pulses() == list(DOORS.values())
        assert len([state for state in scene.factory.pin(LOCK_PIN).states if state.state]) == 1
        await until(lambda: len(scene.of("unlock_finished")) == len(DOORS) + 1)
        outcomes = {data["outcome"] for name, data in scene.world.events() if name == "unlock_finished"}
        assert outcomes <= {"opened", "opened_unacknowledged"}
        assert scene.of("door_opened_unauthorised") == [] and scene.notices == []

    play(tmp_path, story)


@pytest.mark.slow
def test_dead_boards_stop_no_other_and_a_port_is_found_again_by_its_path(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        for module in ("w", "k16"):
            scene.ptys.set_fault(Fault(FaultName.DEAD_BOARD, module))
        await until(lambda: set(scene.alarms("board_lost")) == {"w", "k16"})
        await scene.technician_comes(1)
        for no, (module, _) in DOORS.items():
            if module not in ("w", "k16"):
                await scene.technician_opens(no)
        before, opened = scene.ptys.device_paths()["usb-A"], scene.pulses()
        scene.ptys.unplug("usb-A")
        await until(lambda: {"x", "n"} <= set(scene.alarms("board_lost")))
        assert scene.ptys.replug("usb-A") != before
        await until(lambda: {"x", "n"} <= {n.module for n in scene.notices if n.presence is Presence.FOUND})
        assert scene.pulses() == opened and scene.of("door_opened_unauthorised") == []
        await scene.technician_opens(1)
        assert scene.pulses() == [*opened, DOORS[1]]

    play(tmp_path, story)


def test_strangers_frame_on_the_wires_and_a_crowbar_during_an_outage_raise_the_alarm(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.ptys.set_fault(Fault(FaultName.ECHO, "usb-A"))
        now_ms = scene.ptys.now_ms()
        scene.ptys.locker.receive("usb-A", bytes.fromhex("90 06 05 03 06 03"), now_ms)
        await until(lambda: scene.alarms("door_opened_unauthorised") == ["3"], 5)
        assert scene.of("unlock_authorised") == []
        scene.ptys.unplug("usb-B")
        await until(lambda: "m" in scene.alarms("board_lost"))
        scene.ptys.locker.cabinet("m").open_by_hand(8, scene.ptys.now_ms(), force=True)
        scene.ptys.replug("usb-B")
        await until(lambda: scene.alarms("door_opened_unauthorised") == ["3", "8"], 10)
        scene.shut(3)
        scene.shut(8)
        await until(lambda: {3, 8} <= set(scene.of("door_closed")[len(DOORS) + 1 :]))

    play(tmp_path, story)
