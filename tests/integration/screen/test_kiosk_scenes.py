"""Every screen of the page once, in every language and every way to display it: no fault in any."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.integration.browser import chromium, screenshot
from tests.integration.screen.scenes import SCENES
from tests.integration.screen.view_player import ViewPlayer
from tests.integration.screen.visitor import faults

pytestmark = pytest.mark.browser
LANGUAGES = ("en", "de", "fr", "es", "pl", "ar")
FAST = ("en", "de", "ar")  # the first, the longest words, from right to left
JUDGED = {"idle", "size", "deposit", "warning", "menu", "check", "refused"}  # those that axe sees every time
KIOSK, PORTRAIT = (1280, 800), (1080, 1920)
DISPLAYS = {
    "plain": (KIOSK, ()), "contrast": (KIOSK, ("contrast",)), "large": (KIOSK, ("large_text",)),
    "reach": (KIOSK, ("reach",)), "large-reach": (KIOSK, ("large_text", "reach")),
    "portrait": (PORTRAIT, ()), "portrait-all": (PORTRAIT, ("contrast", "large_text", "reach")),
}  # fmt: skip
# What the guide shows: scene, language, display.
PICTURES = {
    "kiosk-idle-ar": ("idle", "ar", "plain"), "kiosk-size": ("size", "en", "plain"),
    "kiosk-swap": ("swap", "en", "plain"),
    "kiosk-reopen": ("label", "pl", "plain"), "kiosk-confirm": ("confirm", "en", "plain"),
    "kiosk-several": ("collect", "fr", "plain"), "kiosk-warning": ("warning", "es", "plain"),
    "kiosk-menu": ("menu", "en", "plain"), "kiosk-second": ("second", "en", "plain"),
    "kiosk-check": ("check", "en", "plain"), "kiosk-contrast": ("deposit", "en", "contrast"),
    "kiosk-large": ("collect", "de", "large"), "kiosk-reach": ("retry", "en", "reach"),
    "kiosk-drop-off-ar": ("drop-off", "ar", "plain"), "kiosk-retrieve": ("retrieve-door", "en", "plain"),
}  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def player() -> Iterator[ViewPlayer]:
    running = ViewPlayer()
    yield running
    running.stop()


@contextmanager
def displayed(browser: Browser, player: ViewPlayer, language: str, display: str) -> Iterator[Page]:
    """A page of that language and display, chosen as a person does."""
    (width, height), modes = DISPLAYS[display]
    page = browser.new_page(viewport={"width": width, "height": height})
    try:
        player.show("idle", visit="courier")  # of a visit, so that the choices last
        page.goto(player.url)
        page.locator("button.display").click()
        for choice in (language, *modes, "back"):
            page.locator(f"[data-choice={choice}]").click()
        yield page
    finally:
        page.close()


def found_in_all_scenes(
    browser: Browser, player: ViewPlayer, language: str, display: str, axe: Collection[str]
) -> list[str]:
    """Faults of every scene, a line each."""
    found = []
    with displayed(browser, player, language, display) as page:
        for name, scene in SCENES.items():
            shows(page, player, {"visit": "courier", **scene})
            found += [f"{name}: {fault}" for fault in faults(page, language, axe=name in axe)]
    return found


def shows(page: Page, player: ViewPlayer, scene: dict[str, Any]) -> None:
    """The step is there, and its view has had the time to be drawn."""
    before = page.evaluate("performance.now()")
    player.show(**scene)
    page.wait_for_selector(f"main[data-step={scene['step']}]")
    page.wait_for_function("before => performance.now() > before + 60", arg=before)


@pytest.mark.parametrize("language", FAST)
def test_every_screen_says_all_of_it_within_its_buttons(browser: Browser, player: ViewPlayer, language: str) -> None:
    assert found_in_all_scenes(browser, player, language, "plain", JUDGED if language == "en" else ()) == []


@pytest.mark.slow
@pytest.mark.parametrize("display", DISPLAYS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_screen_in_every_language_and_display_is_accessible(
    browser: Browser, player: ViewPlayer, language: str, display: str
) -> None:
    assert found_in_all_scenes(browser, player, language, display, SCENES if language in ("en", "ar") else ()) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", PICTURES)
def test_picture_of_the_guide_is_taken(browser: Browser, player: ViewPlayer, name: str) -> None:
    scene, language, display = PICTURES[name]
    with displayed(browser, player, language, display) as page:
        shows(page, player, {"visit": "courier", **SCENES[scene]})
        screenshot(page, name)
