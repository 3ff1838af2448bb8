"""The bridge's pages in a real Chromium: sign in, console with live feed, recipient's and courier's codes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright, expect

from cloud_bridge.access.model import Role
from edge.wire.keys import key_id
from edge.wire.pickup_courier import check_courier_claims, open_courier_action
from edge.wire.pickup_token import open_token
from tests.bridge_world import BridgeWorld, bridge_world
from tests.flow_world import flow_world
from tests.integration.browser import accessibility_findings_of

CHROMIUM = Path("/usr/bin/chromium")
SHOTS = Path(__file__).parents[2] / "docs/screenshots"
pytestmark = pytest.mark.browser


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if not CHROMIUM.exists():
        pytest.fail("chromium is missing. Remedy: apt-get install chromium")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield started
        await started.close()


@pytest.fixture
async def world() -> AsyncIterator[BridgeWorld]:
    async with bridge_world(public_url="http://127.0.0.1") as made:
        yield made


async def new_page(browser: Browser, *, phone: bool = False) -> tuple[Page, list[str]]:
    """A page and the list of everything its console complains about."""
    size = {"width": 390, "height": 844} if phone else {"width": 1280, "height": 900}
    page = await browser.new_page(viewport=size, device_scale_factor=2)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    return page, complaints


async def sign_in(world: BridgeWorld, page: Page, role: Role) -> None:
    secret = await world.bridge.db.write(
        lambda conn: world.bridge.access.make_login(
            conn, tenant="acme", role=role, actor="ann", now_ms=world.clock.at_ms
        )
    )
    await page.goto(str(world.client.make_url("/login")) + f"#{secret}")
    await page.click("#go")


def scan(shot: bytes) -> str:
    found = zxingcpp.read_barcodes(Image.open(BytesIO(shot)).convert("L"))
    assert found, "no code on the picture"
    return found[0].text


async def test_operator_signs_in_and_sees_events_arrive(world: BridgeWorld, browser: Browser) -> None:
    log = world.log()
    await world.session(log)
    await world.announce()
    page, complaints = await new_page(browser)
    await sign_in(world, page, Role.OPERATOR)
    await page.wait_for_selector("#live:has-text('live')")
    await world.deposit(log)
    await world.happen(log, "alarm_raised", alarm="door_left_open", subject="2")
    await page.wait_for_selector("#feed li:has-text('parcel_deposited')")
    await page.wait_for_selector("#parcels td:has-text('deposited')")
    await page.wait_for_selector("#alarms td:has-text('door_left_open')")
    SHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SHOTS / "console.png")
    assert await accessibility_findings_of(page) == []
    assert complaints == []
    await page.click("#out")
    await page.wait_for_url("**/login")


async def test_recipients_code_is_read_from_the_screen(world: BridgeWorld, browser: Browser) -> None:
    log = world.log()
    await world.session(log)
    await world.announce()
    await world.deposit(log)
    rows = await world.bridge.db.read(lambda conn: _active(conn))
    page, complaints = await new_page(browser, phone=True)
    await page.goto(str(world.client.make_url(f"/p/{world.bridge.pickups.link(rows[0])}")))
    claims = open_token(scan(await page.screenshot()), {key_id(world.fleet.pickup.public): world.fleet.pickup.public})
    assert claims.pickup_id == rows[0].pickup_id
    await page.screenshot(path=SHOTS / "recipient.png")
    assert await accessibility_findings_of(page) == []
    wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0 and complaints == []


@pytest.mark.parametrize(("role", "operation"), [(Role.COURIER, "deposit"), (Role.TECHNICIAN, "maintain")])
async def test_phone_of_courier_or_technician_signs_a_code_that_the_locker_accepts_without_network(
    world: BridgeWorld, browser: Browser, role: Role, operation: str
) -> None:
    page, complaints = await new_page(browser, phone=True)
    await page.clock.install(time=world.clock.at_ms / 1000)
    await sign_in(world, page, role)
    await page.wait_for_url("**/courier")
    await page.click("#fetch")
    await page.wait_for_selector("#make")
    await page.context.set_offline(True)
    await page.click("#make")
    await page.wait_for_selector("#qr svg")
    claims = open_courier_action(
        scan(await page.locator("#qr").screenshot()), {key_id(world.fleet.pickup.public): world.fleet.pickup.public}
    )
    check_courier_claims(claims, ("locker:locker-0001",), world.clock.at_ms + 30_000)
    assert claims.action.operation == operation and claims.grant.subject == "ann"
    if role is Role.COURIER:
        await page.screenshot(path=SHOTS / "courier.png", full_page=True)
    assert await accessibility_findings_of(page) == []
    assert complaints == []


@pytest.mark.slow
async def test_recipient_opens_takes_more_time_sends_somebody_and_complains_on_the_page(browser: Browser) -> None:
    async with flow_world(extension_price_minor=0) as flow:
        await flow.announce("PW-0001")
        link = await flow.deposit("PW-0001")
        page, complaints = await new_page(browser, phone=True)
        await page.goto(str(flow.world.client.make_url(f"/p/{link}")))
        await page.click("[data-open]")
        await expect(page.locator("#said")).to_contain_text("being opened")
        while not flow.commands():
            await page.wait_for_timeout(50)
        command_id = flow.commands()[0].command_id
        await flow.happen(
            "command_accepted", command_id=command_id, type="open_compartment", actor="pickup", reason="phone"
        )
        await flow.happen("command_finished", command_id=command_id, outcome="opened")
        await expect(page.locator("#said")).to_contain_text("is open")
        await page.click("[data-extend]")
        await page.wait_for_selector("[data-extend]", state="detached")
        await page.click("[data-proxy]")
        await page.wait_for_selector("input[readonly]")
        await page.click("summary")
        await page.screenshot(path=SHOTS / "recipient-more.png", full_page=True)
        assert await accessibility_findings_of(page) == []
        await page.click("[data-end]")
        await page.wait_for_selector("input[readonly]", state="detached")
        await page.click("summary")
        await page.click("[data-claim=damaged]")
        await expect(page.locator("#said")).to_contain_text("We look into it")
        assert [kind for kind, _, _ in await flow.tasks()] == ["dispute"] and len(flow.commands()) == 1
        assert complaints == []


async def test_api_page_lists_the_calls_and_tries_one(world: BridgeWorld, browser: Browser) -> None:
    page, complaints = await new_page(browser)
    await page.goto(str(world.client.make_url("/docs")))
    await page.click("summary:has-text('/healthz')")
    await page.click("details[open] button")
    await page.wait_for_selector('pre:has-text(\'"status": "ok"\')')
    await page.screenshot(path=SHOTS / "api.png")
    assert await accessibility_findings_of(page) == []
    assert complaints == []


def _active(conn):
    from cloud_bridge.lockers import reservation_store

    return reservation_store.active_reservations(conn, "locker-0001")
