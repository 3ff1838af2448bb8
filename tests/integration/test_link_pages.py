"""The pages behind links and the courier's day, as phones show them: codes, doors, more time, somebody else, claims."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page

from cloud_bridge.access.model import Role
from cloud_bridge.console.words import WORDS
from edge.wire.keys import key_id
from edge.wire.pickup_token import open_token
from tests.flow_world import FlowWorld, flow_world
from tests.integration.browser import accessibility_findings_of, overflowing_in, screenshot_of
from tests.integration.test_bridge_pages import browser, scan, sign_in  # noqa: F401

pytestmark = pytest.mark.browser
ANN_DE = {"name": "Ann Example", "email": "ann@example.org", "language": "de"}
DROP_OFF = {
    "locker_id": "locker-0001", "width_mm": 300, "height_mm": 80, "depth_mm": 200, "weight_g": 900,
    "sender": ANN_DE,
}  # fmt: skip


@pytest.fixture
async def flow() -> AsyncIterator[FlowWorld]:
    async with flow_world(public_url="http://127.0.0.1") as made:
        yield made


async def phone(browser: Browser, language: str) -> tuple[Page, list[str]]:  # noqa: F811
    """A phone set to that language, and what its console complains about."""
    context = await browser.new_context(viewport={"width": 390, "height": 844}, locale=language, device_scale_factor=2)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    return page, complaints


async def faults(page: Page, language: str) -> list[str]:
    """What is wrong with the page as it stands, at its own size and with text twice as large."""
    found = [f"axe: {item}" for item in await accessibility_findings_of(page)]
    found += [f"overflows: {item}" for item in await overflowing_in(page)]
    await page.evaluate("document.documentElement.style.fontSize = '200%'")
    found += [f"overflows at 200 %: {item}" for item in await overflowing_in(page)]
    await page.evaluate("document.documentElement.style.fontSize = ''")
    shown = await page.evaluate("[document.documentElement.lang, document.documentElement.dir]")
    if shown != [language, "rtl" if language == "ar" else "ltr"]:
        found.append(f"is {shown}, not {language}")
    small = await page.evaluate(
        "[...document.querySelectorAll('button')].filter(e => e.checkVisibility() && e.offsetHeight < 44)"
        ".map(e => e.textContent)"
    )
    return found + [f"small: {item}" for item in small]


async def goes_through_the_states(flow: FlowWorld, browser: Browser, language: str) -> None:  # noqa: F811
    page, complaints = await phone(browser, language)
    words = WORDS[language]
    await flow.announce("PW-0001")
    url = str(flow.world.client.make_url(f"/p/{await flow.link('PW-0001')}"))
    deadline_ms = 0
    for state in ("on_its_way", "waiting", "overdue"):
        if state == "waiting":
            await flow.deposit("PW-0001")
            deadline_ms = (await flow.call("GET", f"/v1/pickups/{await flow.link('PW-0001')}"))["collect_by_ms"]
        elif state == "overdue":
            await flow.pass_time(deadline_ms)
        await page.goto(url)
        assert await page.text_content("h1") == words[state]
        assert await faults(page, language) == [], state
        if state == "waiting":
            await page.locator("details summary").click()
            assert await faults(page, language) == [], "complaint"
            if language in ("de", "ar"):
                await screenshot_of(page, f"recipient-{language}", whole=True)
    assert complaints == []


@pytest.mark.parametrize("language", ["de", "ar"])
async def test_recipients_page_has_no_fault_in_any_state(flow: FlowWorld, browser: Browser, language: str) -> None:  # noqa: F811
    await goes_through_the_states(flow, browser, language)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "fr", "es", "pl"])
async def test_recipients_page_has_no_fault_in_any_other_language(
    flow: FlowWorld, browser: Browser, language: str  # noqa: F811
) -> None:  # fmt: skip
    await goes_through_the_states(flow, browser, language)


async def test_recipient_opens_takes_more_time_sends_somebody_and_complains(flow: FlowWorld, browser: Browser) -> None:  # noqa: F811
    page, complaints = await phone(browser, "en")
    await flow.announce("PW-0001")
    await flow.deposit("PW-0001")
    link = await flow.link("PW-0001")
    await page.goto(str(flow.world.client.make_url(f"/p/{link}")))

    await page.locator("[data-open]").click()
    await page.wait_for_selector("#said:has-text('is being opened')")
    for _ in range(100):
        if flow.commands():
            break
        await page.wait_for_timeout(50)
    (command,) = flow.commands()
    await flow.happen("command_finished", command_id=command.command_id, outcome="opened")
    await page.wait_for_selector("#said:has-text('Door 1 is open')")

    before = (await flow.call("GET", f"/v1/pickups/{link}"))["collect_by_ms"]
    shown = await page.text_content(".deadline strong")
    assert "1.99" in (await page.text_content("[data-extend]") or "")
    await page.locator("[data-extend]").click()
    await page.wait_for_function(
        "before => document.querySelector('.deadline strong').textContent !== before", arg=shown
    )
    assert (await flow.call("GET", f"/v1/pickups/{link}"))["collect_by_ms"] == before + 2 * 86_400_000

    await page.locator("[data-proxy]").click()
    proxy = await page.locator("input[readonly]").input_value()
    assert await faults(page, "en") == []
    other, _ = await phone(browser, "pl")
    await other.goto(str(flow.world.client.make_url("/p/" + proxy.rpartition("/")[2])))
    await other.get_by_text(WORDS["pl"]["proxy_shown"]).wait_for()
    claims = open_token(scan(await other.locator(".qr").screenshot()), keys(flow))
    assert claims.operation == "collect" and await other.locator("[data-proxy]").count() == 0
    assert await faults(other, "pl") == []
    await page.locator("[data-end]").click()
    await page.wait_for_selector("[data-end]", state="detached")

    await page.locator("details summary").click()
    await page.locator("[data-claim=damaged]").click()
    await page.wait_for_selector("#said:has-text('We look into it')")
    assert [row["kind"] for row in (await flow.call("GET", "/v1/claims"))["claims"]] == ["damaged"]
    assert complaints == []


def keys(flow: FlowWorld) -> dict[bytes, bytes]:
    public = flow.world.fleet.pickup.public
    return {key_id(public): public}


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_senders_page_has_the_code_and_then_the_receipt(flow: FlowWorld, browser: Browser, language: str) -> None:  # noqa: F811
    made = await flow.call("POST", "/v1/drop-offs", DROP_OFF, status=201)
    link = (await flow.call("GET", f"/v1/parcels/{made['parcel_id']}/drop-off"))["url"].rpartition("/")[2]
    page, complaints = await phone(browser, language)
    await page.goto(str(flow.world.client.make_url(f"/d/{link}")))
    assert await page.text_content("h1") == WORDS[language]["d_expected"]
    claims = open_token(scan(await page.locator(".qr").screenshot()), keys(flow))
    assert claims.operation == "drop_off"
    assert await faults(page, language) == []
    if language == "en":
        await screenshot_of(page, "sender")
    await flow.deposit(made["parcel_id"], origin="drop_off")
    await page.reload()
    assert await page.text_content("h1") == WORDS[language]["d_dropped"]
    assert await faults(page, language) == [] and complaints == []


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_couriers_page_lists_what_to_bring_and_take_and_hands_a_retrieval_over(
    flow: FlowWorld, browser: Browser, language: str  # noqa: F811
) -> None:  # fmt: skip
    page, complaints = await phone(browser, language)
    await page.clock.install(time=flow.now_ms / 1000)
    await flow.announce("PW-0001")
    await flow.deposit("PW-0001")
    await flow.pass_time((await flow.call("GET", f"/v1/pickups/{await flow.link('PW-0001')}"))["collect_by_ms"])
    await flow.announce("PW-0002")
    await page.clock.set_fixed_time(flow.now_ms / 1000)
    await sign_in(flow.world, page, Role.COURIER)
    await page.wait_for_url("**/courier")
    await page.click("#fetch")
    await page.wait_for_selector("[data-deed=claim]")
    rows = await page.locator("#today li").all_text_contents()
    assert ["PW-0002" in rows[0], "PW-0001" in rows[1]] == [True, True]
    assert await faults(page, language) == []
    await page.locator("[data-deed=claim]").click()
    await page.wait_for_selector("[data-deed=not_there]")
    if language == "en":
        await screenshot_of(page, "courier-today", whole=True)
    assert await faults(page, language) == []
    await page.locator("[data-deed=not_there]").click()
    await page.wait_for_selector("[data-deed]", state="detached")
    assert complaints == []
