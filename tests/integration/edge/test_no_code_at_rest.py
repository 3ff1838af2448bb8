"""After a deposit and a collection nothing that opens a door, and nobody's name, is in any file of the device."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from edge.agents.diagnostics import LossyStream
from edge.wire.pickup_claims import Operation
from edge.wire.pickup_pin import derive_pin
from tests.machine.playbook import hex_id
from tests.machine.visitors import courier_code, pickup_code, technician_code
from tests.unit.edge.locker_world import DEVICE, PIN_SECRET, T0_MS, LockerWorld
from tests.unit.edge.test_runtime import HERE, RESERVATION
from tests.virtual_loop import run_virtual

NAME, MAIL, PHONE = "Erika Mustermann", "erika@example.org", "+4915112345678"
WRONG = derive_pin(PIN_SECRET, hex_id(4711), 0, 0)


def spellings(secret: str) -> Iterator[bytes]:
    """A text in every form that somebody with the card could read: raw, reversed, wide, base64, hex."""
    for text in (secret, secret[::-1], secret.upper(), secret.lower()):
        raw = text.encode()
        yield from (raw, text.encode("utf-16-le"), raw.hex().encode(), raw.hex().upper().encode())
        for lead in range(3):  # base64 of a text that begins at any place of a group of three
            encoded = base64.b64encode(b"\0" * lead + raw)
            yield encoded[4 if lead else 0 : -4]
            yield base64.urlsafe_b64encode(b"\0" * lead + raw)[4 if lead else 0 : -4]


def found_in(folder: Path, secrets: dict[str, str]) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any("log" in path.parts[-2] for path in files), "the log's own files are looked at"
    return [
        f"{what} in {path.name}"
        for path in files
        for what, secret in secrets.items()
        if any(len(form) > 5 and form in path.read_bytes() for form in spellings(secret))
    ]


async def _life(world: LockerWorld, lines: io.StringIO) -> dict[str, str]:
    """A parcel in and out, with codes right and wrong and personal data held under the scanner."""
    pickup = str(RESERVATION["pickup_id"])
    courier, qr = courier_code(9, audience=HERE, at_ms=T0_MS), pickup_code(5, 77, audience=HERE, at_ms=T0_MS)
    pin = derive_pin(PIN_SECRET, pickup, 0, 0)
    async with world.running():
        world.restore(reservations=[RESERVATION])
        await asyncio.sleep(0.1)
        world.agent.scan(courier)
        for text in (NAME, MAIL, PHONE, f"MAILTO:{MAIL}", RESERVATION["parcel_id"]):
            world.agent.scan(str(text))
        await asyncio.sleep(1)
        world.cabinet.doors[3].parcels.append("PW777")
        world.cabinet.doors[3].open = False
        await asyncio.sleep(1)
        world.agent.press("done")
        world.agent.enter_pin(WRONG)
        await asyncio.sleep(0.5)
        world.agent.enter_pin(pin)
        await asyncio.sleep(1)
        world.cabinet.doors[3].open = False  # not taken out yet
        await asyncio.sleep(1)
        world.agent.scan(qr)
        await asyncio.sleep(1)
        world.cabinet.doors[3].parcels.clear()
        world.cabinet.doors[3].open = False
        await asyncio.sleep(1)
        structlog.get_logger().info("state", state=repr(world.agent.runtime.state), view=world.agent.view())
        happened = world.types()
        (world.folder / "view.json").write_text(repr(world.agent.view()))
        (world.folder / "unpacked.bin").write_bytes(b"\n".join(world.log.store.read_tail(0)))
        (world.folder / "memory.json").write_bytes(world.agent.runtime.state.durable.to_bytes())
    for event_type in ("parcel_deposited", "pin_refused", "pin_accepted", "collect_abandoned", "parcel_collected"):
        assert event_type in happened
    assert DEVICE in lines.getvalue(), "diagnostics were written"
    (world.folder / "diagnostics.json").write_text(lines.getvalue())
    return {
        "pin": pin,
        "wrong pin": WRONG,
        "qr": qr,
        "courier code": courier,
        "name": NAME,
        "mail": MAIL,
        "phone": PHONE,
    }


async def _flows(world: LockerWorld, lines: io.StringIO) -> dict[str, str]:
    """A drop-off, a parcel nobody announced, a dispute, technicians; names and numbers held under the scanner."""
    secrets = {
        "sender's code": pickup_code(21, 61, audience=HERE, at_ms=T0_MS, operation=Operation.DROP_OFF),
        "courier's code": courier_code(22, audience=HERE, at_ms=T0_MS),
        "technician's code": technician_code(23, audience=HERE, at_ms=T0_MS),
        "second technician's code": technician_code(24, "tech:ben", audience=HERE, at_ms=T0_MS),
        "other locker's code": pickup_code(25, 62, audience="locker:locker-9999", at_ms=T0_MS),
        "recipient's code": pickup_code(26, 77, audience=HERE, at_ms=T0_MS),
        "name": NAME, "mail": MAIL, "phone": PHONE,
    }  # fmt: skip

    async def does(*acts: str) -> None:
        for act in acts:
            getattr(world.agent, "press" if act.isascii() and ":" in act and act[0].islower() else "scan")(act)
            await asyncio.sleep(0.4)
            for no, door in world.cabinet.doors.items():
                if door.open and world.step == "door_open":
                    door.parcels = door.parcels or [f"x{no}"]
                    await asyncio.sleep(0.3)
                    door.open = False
                    await asyncio.sleep(0.6)

    async with world.running():
        world.restore(reservations=[RESERVATION], limits={"openings_per_minute": 100})
        await asyncio.sleep(0.1)
        await does(secrets["sender's code"], "size:400x200x500")
        await asyncio.sleep(70)
        await does(
            secrets["courier's code"], NAME, PHONE, "PW-UNKNOWN", "size:400x200x500", str(RESERVATION["parcel_id"])
        )
        world.agent.press("done")
        await asyncio.sleep(70)
        await does(secrets["other locker's code"])
        world.agent.scan(secrets["recipient's code"])
        await asyncio.sleep(0.5)
        world.agent.press("damaged")
        await asyncio.sleep(0.3)
        for door in world.cabinet.doors.values():
            door.open = False
        await asyncio.sleep(70)
        world.agent.scan(secrets["technician's code"])
        await asyncio.sleep(0.3)
        world.agent.press("open_all")
        await asyncio.sleep(0.3)
        for held in (NAME, MAIL, secrets["second technician's code"]):
            await does(held)
        await asyncio.sleep(5)
        structlog.get_logger().info("state", state=repr(world.agent.runtime.state), view=world.agent.view())
        happened = {f"{name} {data.get('origin', '')}".strip() for name, data in world.events()}
        (world.folder / "view.json").write_text(repr(world.agent.view()))
        (world.folder / "unpacked.bin").write_bytes(b"\n".join(world.log.store.read_tail(0)))
    for name in ("parcel_deposited drop_off", "parcel_deposited unannounced", "parcel_disputed", "visit_joined",
                 "qr_refused", "label_refused"):  # fmt: skip
        assert name in happened, (name, happened)
    (world.folder / "diagnostics.json").write_text(lines.getvalue())
    return secrets


@pytest.fixture
def diagnostics() -> Iterator[io.StringIO]:
    lines = io.StringIO()
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()],
        logger_factory=structlog.WriteLoggerFactory(LossyStream(lines)),  # type: ignore[arg-type]
    )
    yield lines
    structlog.reset_defaults()


def test_no_code_name_or_number_is_in_any_file_of_a_device_that_was_used(
    tmp_path: Path, diagnostics: io.StringIO
) -> None:
    world = LockerWorld(tmp_path / "device")
    world.give_pin_key()
    world.snapshot_every_events = 1
    secrets = run_virtual(_life(world, diagnostics))
    assert found_in(world.folder, secrets) == []


def test_no_code_name_or_number_is_in_any_file_after_every_other_kind_of_visit(
    tmp_path: Path, diagnostics: io.StringIO
) -> None:
    world = LockerWorld(tmp_path / "device", doors=4)
    world.give_pin_key()
    secrets = run_virtual(_flows(world, diagnostics))
    assert found_in(world.folder, secrets) == []


@pytest.mark.parametrize("form", ["raw", "reversed", "base64", "hex", "wide"])
def test_search_finds_a_code_that_was_written(tmp_path: Path, form: str) -> None:
    pin = "731908463"
    written = {
        "raw": pin.encode(), "reversed": pin[::-1].encode(), "base64": base64.b64encode(b"x" + pin.encode() + b"yz"),
        "hex": pin.encode().hex().encode(), "wide": pin.encode("utf-16-le"),
    }[form]  # fmt: skip
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "events.db").write_bytes(b"\0some" + written + b"bytes\0")
    assert found_in(tmp_path, {"pin": pin}) == ["pin in events.db"]
