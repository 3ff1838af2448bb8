"""Every flow at the kiosk's page, in front of the shipped locker process over simulated boards, with the cloud dead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.integration.browser import chromium
from tests.integration.screen.flows import FLOWS, ROLES
from tests.integration.screen.locker_stand import LockerStand
from tests.integration.screen.visitor import Visitor

pytestmark = pytest.mark.browser
KIOSK = {"width": 1280, "height": 800}
LANGUAGES = ("en", "de", "fr", "es", "pl", "ar")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def goes_through(browser: Browser, folder: Path, name: str, language: str = "en", modes: tuple[str, ...] = ()) -> None:
    flow = FLOWS[name]
    stand = LockerStand(folder, flow.doors)
    page: Page = browser.new_page(viewport=KIOSK)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        page.goto(stand.url)
        page.locator(".offline").wait_for()
        flow.act(Visitor(page, stand, language, modes))
    finally:
        page.close()
        stand.stop()
    assert complaints == []


@pytest.mark.parametrize(("name", "language"), [("collect-by-keypad-alone", "en"), ("deposit-too-big", "ar")])
def test_flow_of_every_day_ends_as_it_should(browser: Browser, tmp_path: Path, name: str, language: str) -> None:
    goes_through(browser, tmp_path, name, language)


@pytest.mark.slow
@pytest.mark.parametrize("name", FLOWS)
def test_flow_at_the_kiosk_ends_as_it_should_and_no_screen_has_a_fault(
    browser: Browser, tmp_path: Path, name: str
) -> None:
    goes_through(browser, tmp_path, name)


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES[1:])
@pytest.mark.parametrize("name", ROLES)
def test_flow_of_each_role_in_every_language_says_everything_in_it(
    browser: Browser, tmp_path: Path, name: str, language: str
) -> None:
    goes_through(browser, tmp_path, name, language)


@pytest.mark.slow
@pytest.mark.parametrize("name", ROLES)
def test_flow_of_each_role_in_large_text_with_low_controls_has_no_fault(
    browser: Browser, tmp_path: Path, name: str
) -> None:
    goes_through(browser, tmp_path, name, "de", ("contrast", "large_text", "reach"))
