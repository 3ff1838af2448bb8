"""Whatever becomes of clocks and certificates, parcels that lie in a locker are handed out, and no cap is lifted."""

from __future__ import annotations

import asyncio
import datetime
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edge.agents.locker_process import LockerProcess, _live
from edge.config import load_config
from edge.storage.event_log import InlineEventLog
from edge.storage.key_file import KeyFile
from edge.storage.opening import Owner, Start, open_event_log
from edge.wire.envelope import Kind, seal
from edge.wire.event import EventDraft
from edge.wire.messages import Bundle
from edge.wire.pickup_pin import derive_pin
from edge.wire.secrets import PIN_KEY, wrap_secret
from firmware_sim.config import LockerFile
from firmware_sim.doors import FactKind
from firmware_sim.pty_server import PtyServer
from tests.log_world import CountedRandom
from tests.machine.playbook import hex_id
from tests.machine.visitors import courier_code, pickup_code
from tests.unit.edge.locker_world import DEVICE, FLEET, PIN_SECRET, T0_MS, LockerWorld
from tests.unit.edge.test_runtime import HERE, RESERVATION
from tests.virtual_loop import run_virtual

DAY_MS = 86_400_000
HELD = {"compartment_no": 2, "parcel_id": "PW555", "pickup_id": hex_id(55), "pin_generation": 0, "pin_counter": 0}
PIN = derive_pin(PIN_SECRET, hex_id(55), 0, 0)


async def collect(world: LockerWorld, code: str, no: int) -> None:
    """Somebody with a PIN or a QR code takes the parcel out of `no`."""
    before = len(world.cabinet.pulses)
    world.cabinet.doors[no].parcels = ["x"]
    (world.agent.enter_pin if len(code) == 9 else world.agent.scan)(code)
    await asyncio.sleep(1)
    assert world.cabinet.pulses[before:] == [no], (world.step, world.message)
    world.cabinet.doors[no].parcels.clear()
    world.cabinet.doors[no].open = False
    await asyncio.sleep(1)
    assert world.types()[-1] in ("visit_ended", "parcel_collected", "alarm_cleared")


async def deposit(world: LockerWorld, jti: int, at_ms: int) -> None:
    world.agent.scan(courier_code(jti, audience=HERE, at_ms=at_ms))
    await asyncio.sleep(0.5)
    world.agent.scan(str(RESERVATION["parcel_id"]))
    await asyncio.sleep(1)
    world.cabinet.doors[3].parcels.append("PW777")
    world.cabinet.doors[3].open = False
    await asyncio.sleep(1)
    assert "parcel_deposited" in world.types()
    world.agent.press("done")
    await asyncio.sleep(0.2)


@pytest.mark.parametrize(
    "floor_at_ms",
    [0, T0_MS - 60 * DAY_MS, T0_MS - DAY_MS, T0_MS],
    ids=["boot at 1970", "60 days back", "a day back", "on time"],
)
def test_boot_without_the_cloud_and_a_clock_that_is_behind_hands_parcels_in_and_out(
    tmp_path: Path, floor_at_ms: int
) -> None:
    world = LockerWorld(tmp_path)
    world.give_pin_key()

    async def story() -> None:
        async with world.running():
            world.restore([HELD], reservations=[RESERVATION])
            await asyncio.sleep(0.1)
        world.floor_at_ms = floor_at_ms
        async with world.running():
            await collect(world, PIN, 2)
            await deposit(world, 9, T0_MS)
            await collect(world, pickup_code(5, 77, audience=HERE, at_ms=T0_MS), 3)

    run_virtual(story())


@pytest.mark.parametrize("jump_ms", [-DAY_MS, DAY_MS], ids=["a day backwards", "a day forwards"])
def test_signed_time_that_jumps_turns_nothing_back_and_hands_out_what_is_due(tmp_path: Path, jump_ms: int) -> None:
    world = LockerWorld(tmp_path)
    world.give_pin_key()

    async def story() -> None:
        async with world.running():
            world.restore([HELD])
            world.agent._clock_signed(T0_MS + 1_000, 0)
            await asyncio.sleep(0.1)
            before_ms = world.clock.now().at_ms
            world.agent._clock_signed(T0_MS + jump_ms, 0)
            assert world.clock.now().at_ms >= before_ms
            await collect(world, PIN, 2)

    run_virtual(story())


def test_sixty_days_cut_off_and_a_restart_at_their_end_hand_out_by_pin(tmp_path: Path) -> None:
    world = LockerWorld(tmp_path)
    world.give_pin_key()
    world.poll_ms = 6 * 3_600_000

    async def story() -> None:
        async with world.running():
            world.restore([HELD])
            world.agent._clock_signed(T0_MS + 1_000, 0)
            await asyncio.sleep(60 * DAY_MS / 1000)
            assert world.clock.now().at_ms >= T0_MS + 60 * DAY_MS
        world.poll_ms = 250
        async with world.running():
            await collect(world, PIN, 2)

    run_virtual(story())


# --- the real process, its certificate long expired ------------------------------------------------------------

TOML = """device_id = "{device}"
fleet = "{fleet}"
data_dir = "{folder}/data"
keys_dir = "{folder}/keys"
root_public_hex = "{root}"
trust_file = "{folder}/trust"
[mqtt]
port = 1
ca_file = "{folder}/ca.pem"
[screen]
port = 0
[[bus]]
port = "{folder}/by-id/usb-A"
[[bus.board]]
module = "a"
family = "kerong_cu"
address = 0
channels = 2
[[compartment]]
no = 2
module = "a"
channel = 2
width_mm = 400
height_mm = 200
depth_mm = 500
"""


def expired_certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, DEVICE)])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(7).not_valid_before(start).not_valid_after(start + datetime.timedelta(days=90))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


async def test_agent_with_an_expired_certificate_and_no_network_hands_out_by_pin(tmp_path: Path) -> None:
    boards = [{"module": "a", "family": "kerong_cu", "address": 0, "channels": 2}]
    file = LockerFile.model_validate({"ports": [{"name": "usb-A", "boards": boards}]})
    ptys = PtyServer(file.build(), tmp_path / "by-id")
    ptys.start()
    root = FLEET.root.public.hex()
    (tmp_path / "agent.toml").write_text(TOML.format(device=DEVICE, fleet=FLEET.name, folder=tmp_path, root=root))
    (tmp_path / "trust").write_bytes(seal(Kind.BUNDLE, Bundle(FLEET.bundle).encode(), FLEET.root))
    keys = KeyFile(tmp_path / "keys", DEVICE)
    wrapped = wrap_secret(PIN_SECRET, public=keys.wrap_public, device_id=DEVICE, name=PIN_KEY, version=1)
    keys.unwrap(PIN_KEY, 1, wrapped)
    keys.certificate_path.write_bytes(expired_certificate())
    keys.certificate_path.chmod(0o600)
    (tmp_path / "ca.pem").write_bytes(expired_certificate())
    owner = Owner(FLEET.name, DEVICE, keys)
    opened = open_event_log(tmp_path / "data" / "log", owner, Start(CountedRandom(), T0_MS), InlineEventLog)
    restored = {"epoch": 1, "version": 1, "wrong_in_row": 0}
    await opened.log.append([EventDraft("compartment_restored", HELD, T0_MS)])
    await opened.log.append([EventDraft("cloud_snapshot_restored", restored, T0_MS)])
    await opened.log.close()
    config = load_config(tmp_path / "agent.toml")
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    life = asyncio.ensure_future(_live(config, LockerProcess(config), ready.set_result))
    try:
        url = await asyncio.wait_for(ready, 30)
        async with aiohttp.ClientSession() as http, http.ws_connect(f"{url}session", origin=url.rstrip("/")) as page:
            await page.send_json({"do": "pin", "value": PIN})
            async with asyncio.timeout(20):
                while not [f for f in ptys.locker.facts(ptys.now_ms()) if f.kind is FactKind.PULSE]:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        (pulse,) = [f for f in ptys.locker.facts(ptys.now_ms()) if f.kind is FactKind.PULSE]
        assert (pulse.module, pulse.channel) == ("a", 2)
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        ptys.close()
