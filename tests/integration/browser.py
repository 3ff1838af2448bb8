"""A real Chromium for tests, and the accessibility judge."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.async_api import Page as AsyncPage
from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "EN-301-549"]
SCREENSHOTS = Path(__file__).resolve().parents[2] / "docs" / "screenshots"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless. Absent: a failure that names the package."""
    path = shutil.which("chromium")
    if path is None:
        pytest.fail("chromium is missing. Remedy: apt-get install chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


_LOADED = "typeof window.axe !== 'undefined'"
_JUDGE = "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})"


def accessibility_findings(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA and EN 301 549: rule and first place, a line each."""
    if not page.evaluate(_LOADED):
        page.evaluate(AXE.read_text("utf-8"))  # through the debugger, so the page's CSP stays as strict as it is
    return _lines(page.evaluate(_JUDGE, AXE_TAGS))


async def accessibility_findings_of(page: AsyncPage) -> list[str]:
    """The same for a page of the asynchronous interface."""
    if not await page.evaluate(_LOADED):
        await page.evaluate(AXE.read_text("utf-8"))
    return _lines(await page.evaluate(_JUDGE, AXE_TAGS))


def _lines(result: dict[str, Any]) -> list[str]:
    return [f"{item['id']}: {item['nodes'][0]['html'][:120]}" for item in result["violations"]]


def small_targets(page: Page, least_px: int) -> list[str]:
    """Visible buttons and links smaller than `least_px` in either direction."""
    script = """least => [...document.querySelectorAll('button, a, input, select')]
        .filter(e => e.offsetParent !== null)
        .map(e => [e.textContent.trim() || e.name, e.getBoundingClientRect()])
        .filter(([, box]) => box.width < least || box.height < least)
        .map(([name, box]) => `${name} ${Math.round(box.width)}x${Math.round(box.height)}`)"""
    found: list[str] = page.evaluate(script, least_px)
    return found


def screenshot(page: Page, name: str) -> None:
    """Write a screenshot under docs, where the guides show it."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
