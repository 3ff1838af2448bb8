"""A real Chromium for tests, and the accessibility judge."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from PIL import Image
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
    _keep(page.screenshot(), name)


async def screenshot_of(page: AsyncPage, name: str, *, whole: bool = False) -> None:
    """The same for a page of the asynchronous interface; `whole`: what has to be scrolled to, too."""
    _keep(await page.screenshot(full_page=whole, scale="css"), name)


def _keep(picture: bytes, name: str) -> None:
    """Few colours keep the repository small."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    taken = Image.open(BytesIO(picture))
    path = SCREENSHOTS / f"{name}.png"
    taken.convert("RGB").quantize(48, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size <= 60_000, f"{path.name} has {path.stat().st_size} bytes"


_OVERFLOWS = """() => {
    const shown = e => e.checkVisibility({checkVisibilityCSS: true});
    const found = [];
    const root = document.documentElement;
    if (root.scrollWidth > innerWidth) found.push(`page is ${root.scrollWidth - innerWidth} px too wide`);
    for (const main of document.querySelectorAll('main')) {
        const excess = main.scrollWidth - main.clientWidth;
        if (excess > 1) found.push(`main is ${excess} px too wide`);
    }
    for (const e of document.querySelectorAll('button, output, h1, p, li, strong, small, em, kbd')) {
        if (!shown(e) || e.closest('.unseen')) continue;
        const name = `${e.tagName.toLowerCase()} "${e.textContent.trim().slice(0, 40)}"`;
        const box = e.getBoundingClientRect();
        if (box.left < -1 || box.right > innerWidth + 1) found.push(`${name} leaves the page`);
        if (e.scrollWidth > e.clientWidth + 2 && e.clientWidth > 0) found.push(`${name} is too wide`);
        if (e.tagName !== 'BUTTON') continue;
        if (e.scrollHeight > e.clientHeight + 2) found.push(`${name} is too high`);
        for (const part of e.querySelectorAll('span, strong, small, em, kbd')) {
            const inner = part.getBoundingClientRect();
            if (shown(part) && (inner.left < box.left - 1 || inner.right > box.right + 1 || inner.top < box.top - 1 ||
                inner.bottom > box.bottom + 1)) found.push(`${name}: "${part.textContent}" leaves it`);
        }
    }
    const seen = e => {
        const {left, right, top, bottom} = e.getBoundingClientRect();
        const frame = (e.closest('main') ?? root).getBoundingClientRect();
        return {left, right, top: Math.max(top, frame.top), bottom: Math.min(bottom, frame.bottom)};
    };
    const buttons = [...document.querySelectorAll('button')].filter(shown).map(e => [e, seen(e)]);
    buttons.forEach(([one, a], at) => buttons.slice(at + 1).forEach(([two, b]) => {
        if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
            found.push(`buttons "${one.textContent}" and "${two.textContent}" overlap`);
    }));
    return found;
}"""


def overflowing(page: Page) -> list[str]:
    """Text that leaves its button or the page, and buttons that cover each other."""
    found: list[str] = page.evaluate(_OVERFLOWS)
    return found


async def overflowing_in(page: AsyncPage) -> list[str]:
    """The same for a page of the asynchronous interface."""
    found: list[str] = await page.evaluate(_OVERFLOWS)
    return found


_OUT_OF_SIGHT = """() => [...document.querySelectorAll('button')]
    .map(e => [e.textContent.trim(), e.getBoundingClientRect(), e.checkVisibility()])
    .filter(([, box, shown]) => shown && (box.top < -1 || box.bottom > innerHeight + 1))
    .map(([name]) => name)"""


def out_of_sight(page: Page) -> list[str]:
    """Buttons that are reached by scrolling only."""
    found: list[str] = page.evaluate(_OUT_OF_SIGHT)
    return found
