"""Somebody in front of the kiosk's page: reads and presses in one language, and finds fault with every screen."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page

from edge.screen.sentences import Sentences
from edge.screen.server import DIST
from tests.integration.browser import accessibility_findings, out_of_sight, overflowing, small_targets
from tests.integration.screen.locker_stand import LockerStand

TARGET_PX = 64
SENTENCES = Sentences(DIST)
_CODE = re.compile(r"\b[a-z]+_[a-z_]+\b|[{}]|undefined|null")
_TEXTS = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
        const text = walker.currentNode.textContent.trim(), home = walker.currentNode.parentElement;
        if (text && home.checkVisibility() && !home.closest('[lang]:not(html)')) found.push(text);
    }
    return found;
}"""


def english() -> frozenset[str]:
    """Whatever the page may say in English, numbers left out."""
    table = SENTENCES._table("en")
    forms = [form for text in table.values() for form in ([text] if isinstance(text, str) else text.values())]
    return frozenset(map(_bare, forms))


def _bare(text: str) -> str:
    return re.sub(r"\{\w+\}|[0-9]+|[⁦⁩]", "#", text).strip()


ENGLISH = english()


def untranslated(page: Page, language: str) -> list[str]:
    """Words on the page that nobody has translated: codes, open slots, and English in another language."""
    texts: list[str] = page.evaluate(_TEXTS)
    same = {_bare(form) for form in _forms(language)}
    foreign = [text for text in texts if language != "en" and _bare(text) in ENGLISH - same]
    return foreign + [text for text in texts if _CODE.search(text)]


def _forms(language: str) -> list[str]:
    table = SENTENCES._table(language)
    return [form for text in table.values() for form in ([text] if isinstance(text, str) else text.values())]


def faults(page: Page, language: str, *, axe: bool = True) -> list[str]:
    """Everything that is wrong with what the page shows now."""
    found = [f"too small: {item}" for item in small_targets(page, TARGET_PX)]
    found += [f"overflows: {item}" for item in overflowing(page)]
    found += [f"not translated: {item}" for item in untranslated(page, language)]
    if page.evaluate("!document.documentElement.hasAttribute('data-large')"):
        found += [f"out of sight: {item}" for item in out_of_sight(page)]
    return found + (accessibility_findings(page) if axe else [])


class Visitor:
    """Waits for words, presses what the page offers by that name, and judges each screen once.

    Args:
        modes: what is switched on for each visit, by its name on the page of languages and display.
    """

    def __init__(self, page: Page, stand: LockerStand, language: str = "en", modes: tuple[str, ...] = ()) -> None:
        self.page, self.stand, self.language = page, stand, language
        self._modes = modes
        self._judged: set[str] = set()

    def say(self, key: str, **numbers: int) -> str:
        """The page's own sentence; a missing translation is the test's failure."""
        text = SENTENCES.text(self.language, key, {name: str(value) for name, value in numbers.items()})
        assert text, f"no words for {key} in {self.language}"
        return text

    def comes(self) -> None:
        """Chooses the language and the display at the first screen."""
        self.page.wait_for_selector("[data-screen=idle]")
        if self.language != "en" or self._modes:
            self.page.locator("button.display").click()
            self.page.locator(f"[data-choice={self.language}]").click()
            for mode in self._modes:
                self.page.locator(f"[data-choice={mode}]").click()
            self._look("options")
            self.page.locator("[data-choice=back]").click()
        self.sees("idle", "welcome")
        assert self.page.evaluate("document.documentElement.dir") == ("rtl" if self.language == "ar" else "ltr")

    def sees(self, step: str, *keys: str, **numbers: int) -> None:
        """Waits for the step and for these sentences on it, then looks for faults."""
        self.page.wait_for_selector(f"main[data-step={step}]", timeout=15_000)
        for key in keys:
            words = self._isolated(self.say(key, **numbers))
            self.page.locator(".words, .warning").get_by_text(words).first.wait_for(timeout=10_000)
        self._look("-".join([step, *keys]))

    def _isolated(self, text: str) -> Any:
        """Numbers may stand between marks of direction."""
        parts = [re.escape(part) for part in re.split(r"[0-9]+", text)]
        numbers = re.findall(r"[0-9]+", text)
        pattern = parts[0]
        for number, part in zip(numbers, parts[1:], strict=True):
            pattern += f"[⁦⁩]*{number}[⁦⁩]*{part}"
        return re.compile(pattern)

    def _look(self, name: str) -> None:
        if name in self._judged:
            return
        self._judged.add(name)
        found = faults(self.page, self.language)
        assert found == [], f"{name} in {self.language} {self._modes}: {found}"

    def press(self, choice: str) -> None:
        """Touches what is offered under that name."""
        self.page.locator(f'[data-choice="{choice}"]').click()

    def keys(self, keys: str) -> None:
        """Presses keys of the wired keypad, one after the other."""
        for key in keys:
            self.stand.key(key)
            self.page.wait_for_timeout(60)

    def offers(self, *choices: str) -> None:
        """Exactly these may be pressed now."""
        found = self.page.locator("[data-choice]").evaluate_all("all => all.map(e => e.dataset.choice)")
        assert sorted(item for item in found if item != "more_time") == sorted(choices)
