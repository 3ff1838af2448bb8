"""`pw-edge doctor` over ptys: boards of every family wired wrongly, an installer who answers what he sees.

The judge is the simulator's trace, and the agent's own lock bank under the configuration that the doctor wrote.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory
from typer.testing import CliRunner

from edge.__main__ import app
from edge.agents.doctor.dialogue import Ask, Stopped
from edge.agents.doctor.journal import Journal
from edge.agents.doctor.site import Ways, stated_boards
from edge.agents.doctor.visit import Order, Visit
from edge.agents.doctor.walk import Patience, Walk
from edge.agents.layout import compartments, lock_bank_config
from edge.config import AgentConfig, load_config
from edge.core.wiring.findings import Findings
from edge.drivers.board_search import Search, search_port
from edge.drivers.lock_bank import SerialLockBank
from edge.drivers.serial_line import PySerialLine
from edge.errors import ParcelsInside, StorageFailed
from edge.ports import DoorState
from edge.wire.event import EventDraft, parse_event
from firmware_sim.config import LockerFile
from firmware_sim.doors import FactKind
from firmware_sim.faults import Fault, FaultName
from firmware_sim.pty_server import PtyServer

QUICK = Patience(poll_ms=1, open_wait_ms=250, shut_wait_ms=100)
HEAD = """device_id = "locker-0001"
fleet = "test.fleet"
data_dir = "{folder}/data"
keys_dir = "{folder}/keys"
root_public_hex = "{key}"
trust_file = "{folder}/trust.cbor"
# a line that stays
"""
# Door inputs 2 and 3 changed places, contact 1 is of the other kind, output 4 has no lock.
MISWIRED = {"channels": 4, "contacts": [1, 3, 2, 4], "inverted": [1], "missing_locks": [4], "reply_ms": 1}
SPOKEN: dict[str, dict[str, Any]] = {
    "xor_8a": {"address": 4, "groups": 2, "unlock_reply_ms": 1},
    "kerong_cu": {"address": 5, "unlock_reply_ms": 1},
    "kerong_cu48": {"address": 4},
    "wkly": {"address": 5, "unlock_reply_ms": 1},
    "winnsen": {"address": 4, "status_first": True, "unlock_reply_ms": 1, "cooling_ms": 0},
    "modbus_relay": {"address": 5},
}
STATED = {"xor_8a": {"groups": 2}, "winnsen": {"status_first": True}, "modbus_relay": {"closed_bit": 0}}
OFTEN = ("xor_8a", "modbus_relay")  # one of each way to answer; the others in the long run


def board(module: str, family: str, **more: Any) -> dict[str, Any]:
    return {"module": module, "family": family, **MISWIRED, **SPOKEN[family], **more}


class Installer:
    """Sees the doors, says their numbers (output + 10), shuts them. `stops_at`: the question that he walks away at."""

    def __init__(self, ptys: PtyServer, stops_at: Callable[[Ask, int], bool] = lambda ask, number: False) -> None:
        self.ptys = ptys
        self.asked: list[tuple[Ask, str, int]] = []
        self.told: list[str] = []
        self._stops_at = stops_at
        self._first = {module: 10 * place for place, module in enumerate(sorted(self._cabinets()), 1)}

    def _cabinets(self) -> list[str]:
        return [b.cabinet.module for port in self.ptys.locker.ports.values() for b in port.boards]

    def tell(self, text: str) -> None:
        self.told.append(text)

    def ask(self, ask: Ask, module: str, number: int, text: str) -> str:
        self.asked.append((ask, module, number))
        if self._stops_at(ask, number):
            raise Stopped
        if ask is Ask.OUTPUTS:
            return "4"
        if ask in (Ask.DOOR, Ask.NOTHING_MOVED):
            doors = self._open(module)
            return str(self._first[module] + doors[0]) if doors else "none"
        if ask is Ask.SHUT:
            for channel in self._open(module):
                self.ptys.locker.cabinet(module).close_by_hand(channel, self.ptys.now_ms())
        return "400 200 500" if ask is Ask.SIZE else "yes"

    def _open(self, module: str) -> list[int]:
        return [view.channel for view in self.ptys.locker.cabinet(module).view(self.ptys.now_ms()) if view.open]


class World:
    def __init__(self, folder: Path, ports: dict[str, list[dict[str, Any]]]) -> None:
        file = {"ports": [{"name": name, "boards": boards} for name, boards in ports.items()]}
        self.folder, self.links = folder, folder / "by-id"
        self.ptys = PtyServer(LockerFile.model_validate(file).build(), self.links)
        self.ptys.start()
        self.config = folder / "agent.toml"

    def state(self, ports: dict[str, list[dict[str, Any]]]) -> None:
        """The configuration as an installer begins it: which boards sit where, nothing of their wiring."""
        text = HEAD.format(folder=self.folder, key="ab" * 32)
        for name, boards in ports.items():
            text += f'\n[[bus]]\nport = "{self.links / name}"\ncoil_rest_ms = 5\n'
            for item in boards:
                stated = {"coil_rest_ms": 5, **STATED.get(item["family"], {})}
                wired = {key: item[key] for key in ("module", "family", "address", "channels")}
                values = {**wired, **stated}
                text += "\n[[bus.board]]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in values.items())
        self.config.write_text(text)

    async def visit(self, installer: Installer, **order: Any) -> dict[str, Any]:
        ways = Ways(PySerialLine.open, lambda label: MockFactory())
        given = Order(self.config, order.pop("ports", ()), Search(range(4, 6), 20), patience=QUICK, **order)
        return await Visit(given, {}, installer, ways).run()

    def pulses(self) -> list[tuple[str, int]]:
        facts = self.ptys.locker.facts(self.ptys.now_ms())
        return [(fact.module, fact.channel) for fact in facts if fact.kind is FactKind.PULSE]

    def loaded(self) -> AgentConfig:
        return load_config(self.config)

    async def events(self) -> list[tuple[str, dict[str, Any]]]:
        journal = Journal.open(self.loaded())
        batch = await journal.opened.log.read(0, 500, 1_000_000)
        await journal.close()
        assert batch is not None
        return [(event.type, dict(event.data)) for event in map(parse_event, batch.events)]

    async def every_door_answers_to_its_number(self) -> None:
        """The agent's bank under the written configuration: the door that opens is the one that the number says."""
        config = self.loaded()
        bank = SerialLockBank(lock_bank_config(config))
        for no, compartment in compartments(config).items():
            readings = {reading.channel: reading.door for reading in await bank.poll()}
            assert readings[compartment.channel] is DoorState.CLOSED, no
            before = len(self.pulses())
            await bank.pulse(compartment.channel)
            async with asyncio.timeout(10):
                while readings[compartment.channel] is not DoorState.OPEN:
                    readings = {reading.channel: reading.door for reading in await bank.poll()}
            assert self.pulses()[before:] == [(compartment.channel.module, no % 10)]
            cabinet = self.ptys.locker.cabinet(compartment.channel.module)
            assert [view.channel for view in cabinet.view(self.ptys.now_ms()) if view.open] == [no % 10]
            cabinet.close_by_hand(no % 10, self.ptys.now_ms())
        await bank.close()


@pytest.mark.parametrize(
    "family", [family if family in OFTEN else pytest.param(family, marks=pytest.mark.slow) for family in SPOKEN]
)
async def test_doctor_learns_swapped_inverted_and_missing_of_every_family(tmp_path: Path, family: str) -> None:
    ports = {"usb-A": [board("a", family)]}
    world = World(tmp_path, ports)
    world.state(ports)
    found = await world.visit(installer := Installer(world.ptys))
    assert found["complete"] and found["written"]
    assert [(o["output"], o["input"], o["door"], o["lock"]) for o in found["outputs"]] == [
        (1, 1, 11, True), (2, 3, 12, True), (3, 2, 13, True), (4, 0, None, False),
    ]  # fmt: skip
    first, second = found["outputs"][0]["closed_level"], found["outputs"][1]["closed_level"]
    assert first is not second
    confirmed = [(module, number) for ask, module, number in installer.asked if ask is Ask.PULSE]
    assert world.pulses() == confirmed == [("a", number) for number in range(1, 5)]
    assert "# a line that stays" in world.config.read_text()
    await world.every_door_answers_to_its_number()
    world.ptys.close()


async def test_doctor_searches_ports_and_finds_boards_of_all_families_without_one_pulse(tmp_path: Path) -> None:
    ports = {"usb-A": [board("a", "xor_8a"), board("b", "wkly"), board("c", "winnsen")],
             "usb-B": [board("d", "modbus_relay"), board("e", "kerong_cu"), board("f", "kerong_cu48")]}  # fmt: skip
    world = World(tmp_path, ports)
    world.ptys.set_fault(Fault(FaultName.ECHO, "usb-B"))
    found = [
        b
        for name in ports
        for b in await search_port(str(world.links / name), PySerialLine.open, Search(range(4, 6), 100))
    ]
    assert {(b.family.value, b.address) for b in found} == {
        (item["family"], item["address"]) for boards in ports.values() for item in boards
    }
    by_family = {b.family.value: b for b in found}
    assert (by_family["xor_8a"].groups, by_family["winnsen"].status_first) == (2, True)
    assert (by_family["wkly"].inputs, by_family["winnsen"].inputs, by_family["modbus_relay"].inputs) == (4, 4, 4)
    assert {b.echo for b in found if b.port.endswith("usb-B")} == {True}
    assert {b.echo for b in found if b.port.endswith("usb-A")} == {False}
    assert world.pulses() == []
    world.ptys.close()


async def test_doctor_without_stated_boards_writes_a_whole_configuration(tmp_path: Path) -> None:
    world = World(tmp_path, {"usb-A": [board("m1", "wkly")]})
    world.config.write_text(HEAD.format(folder=tmp_path, key="ab" * 32))
    found = await world.visit(Installer(world.ptys), ports=(world.links / "usb-A",))
    assert found["complete"] and [item.no for item in world.loaded().compartment] == [11, 12, 13]
    assert world.loaded().bus[0].port == str(world.links / "usb-A")
    assert (tmp_path / "agent.toml.before").read_text() == HEAD.format(folder=tmp_path, key="ab" * 32)
    world.ptys.close()


async def test_doctor_dead_board_is_left_and_the_others_are_learned(tmp_path: Path) -> None:
    ports = {"usb-A": [board("a", "xor_8a"), board("b", "winnsen")]}
    world = World(tmp_path, ports)
    world.state(ports)
    world.ptys.set_fault(Fault(FaultName.DEAD_BOARD, "a"))
    found = await world.visit(installer := Installer(world.ptys))
    assert not found["complete"] and found["left"] == ["a"]
    assert {o["module"] for o in found["outputs"]} == {"b"}
    assert any(line.startswith("a: no answer") for line in installer.told)
    assert [board.module for board in world.loaded().bus[0].board] == ["a", "b"]
    world.ptys.locker.clear_fault()
    again = await world.visit(Installer(world.ptys))
    assert again["complete"] and {module for module, _ in world.pulses()} == {"a", "b"}
    assert len(world.pulses()) == 8
    world.ptys.close()


async def test_doctor_that_was_stopped_goes_on_where_it_was_and_its_pulses_are_on_record(tmp_path: Path) -> None:
    ports = {"usb-A": [board("a", "kerong_cu")]}
    world = World(tmp_path, ports)
    world.state(ports)
    before = world.config.read_text()
    first = await world.visit(Installer(world.ptys, lambda ask, number: (ask, number) == (Ask.PULSE, 3)))
    assert not first["complete"] and len(world.pulses()) == 2 and world.config.read_text() == before
    await world.visit(Installer(world.ptys))
    assert world.pulses() == [("a", number) for number in range(1, 5)]
    events = await world.events()
    authorised = [(d["module"], d["output_no"]) for kind, d in events if kind == "wiring_pulse_authorised"]
    finished = [d for kind, d in events if kind == "wiring_pulse_finished"]
    assert authorised == world.pulses() and [d["inputs_moved"] for d in finished] == [1, 1, 1, 0]
    world.ptys.close()


async def test_doctor_whose_record_is_refused_pulses_nothing(tmp_path: Path) -> None:
    ports = {"usb-A": [board("a", "wkly")]}
    world = World(tmp_path, ports)
    world.state(ports)
    journal = Journal.open(world.loaded())
    bay = stated_boards(world.loaded(), Ways(PySerialLine.open, lambda label: MockFactory()))
    await journal.close()
    with pytest.raises(StorageFailed):
        await Walk(journal, Installer(world.ptys), Findings(), QUICK).along(bay.benches[0])
    assert world.pulses() == []
    await bay.close()
    world.ptys.close()


async def test_doctor_own_pins_swapped_and_inverted_are_learned(tmp_path: Path) -> None:
    world = World(tmp_path, {"usb-A": [board("a", "wkly")]})
    world.config.write_text(HEAD.format(folder=tmp_path, key="ab" * 32) + PINS)
    factory = MockFactory()
    doors = {1: factory.pin(23), 2: factory.pin(22)}  # the contacts of doors 1 and 2 changed places
    installer = PinInstaller(factory, doors)
    order = Order(world.config, (), patience=QUICK)
    found = await Visit(order, {}, installer, Ways(PySerialLine.open, lambda label: factory)).run()
    assert found["complete"]
    written = world.loaded().pin_board
    assert written is not None
    assert [(c.lock_pin, c.door.pin, c.door.active_high) for c in written.channel if c.door] == [
        (17, 23, True), (18, 22, False),
    ]  # fmt: skip
    assert [(item.no, item.channel) for item in world.loaded().compartment] == [(1, 1), (2, 2)]
    world.ptys.close()


PINS = """
[pin_board]
module = "g"
pulse_ms = 50
rest_ms = 0
coil_rest_ms = 0
settle_ms = 1
channel = [
  { number = 1, lock_pin = 17, door = { pin = 22 } },
  { number = 2, lock_pin = 18, door = { pin = 23 } },
]
"""


class PinInstaller:
    """A spring door at each lock pin: its contact changes when the pin was fed, and changes back when he shuts it."""

    def __init__(self, factory: MockFactory, doors: dict[int, Any]) -> None:
        self._locks = {1: factory.pin(17), 2: factory.pin(18)}
        self._doors = doors
        self._at = 0

    def tell(self, text: str) -> None: ...

    def ask(self, ask: Ask, module: str, number: int, text: str) -> str:
        match ask:
            case Ask.OUTPUTS:
                self._doors[1].drive_high()  # the contact of door 1 is of the other kind: high while shut
                self._doors[2].drive_low()
                return "2"
            case Ask.PULSE:
                self._at = number
                asyncio.get_running_loop().call_later(0.03, self._toggle, number)
                return "yes"
            case Ask.SHUT:
                self._toggle(number)
                return "yes"
            case Ask.SIZE:
                return "400 200 500"
            case Ask.WRITE:
                return "yes"
        return str(self._at)

    def _toggle(self, number: int) -> None:
        assert len(self._locks[number].states) > 1, "the lock was fed before"
        door = self._doors[number]
        (door.drive_low if door.state else door.drive_high)()


async def test_doctor_beside_a_running_agent_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path, {"usb-A": [board("a", "wkly")]})
    world.state({"usb-A": [board("a", "wkly")]})
    journal = Journal.open(world.loaded())
    with pytest.raises(StorageFailed):
        await world.visit(Installer(world.ptys))
    refused = await asyncio.to_thread(CliRunner().invoke, app, ["doctor", "--config", str(world.config), "--json"])
    assert refused.exit_code == 1 and refused.stdout == "" and "remedy:" in refused.stderr
    assert world.pulses() == []
    await journal.close()
    world.ptys.close()


async def test_doctor_with_parcels_behind_doors_needs_to_be_told(tmp_path: Path) -> None:
    ports = {"usb-A": [board("a", "wkly")]}
    world = World(tmp_path, ports)
    world.state(ports)
    journal = Journal.open(world.loaded())
    data = {"compartment_no": 11, "parcel_id": "PW001"}
    await journal.opened.log.append([EventDraft("compartment_restored", data, 0)])
    await journal.close()
    with pytest.raises(ParcelsInside):
        await world.visit(Installer(world.ptys))
    assert world.pulses() == []
    assert (await world.visit(Installer(world.ptys), parcels_inside=True))["complete"]
    world.ptys.close()


async def test_doctor_terminal_that_ends_stops_and_prints_one_json_document(tmp_path: Path) -> None:
    ports = {"usb-A": [board("a", "wkly")]}
    world = World(tmp_path, ports)
    world.state(ports)
    runner = CliRunner()
    done = await asyncio.to_thread(runner.invoke, app, ["doctor", "--config", str(world.config), "--json"], input="4\n")
    assert done.exit_code == 6 and json.loads(done.stdout)["complete"] is False
    assert "Pulse it once" in done.stderr and world.pulses() == []
    world.ptys.close()
