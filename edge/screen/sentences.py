"""The page's own sentences, for reading aloud: a sentence is named by language, key and numbers, never sent as text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

LANGUAGES = ("en", "de", "fr", "es", "pl", "ar")
_SLOT = re.compile(r"\{(\w+)\}")
_NUMBER = re.compile(r"[0-9]{1,5}\Z")
Table = Mapping[str, str | Mapping[str, str]]


class Sentences:
    """The tables as the page was built with them; each is read when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables: dict[str, Table] = {}

    def text(self, language: str, key: str, numbers: Mapping[str, str]) -> str | None:
        """The sentence with its numbers, or None: no such language, key, or other numbers than the sentence has."""
        found = self._table(language).get(key)
        if found is None or not all(_NUMBER.match(value) for value in numbers.values()):
            return None
        if isinstance(found, str):
            sentence, slots = found, set(_SLOT.findall(found))
        else:
            if "n" not in numbers:
                return None
            sentence = found.get(PLURALS[language](int(numbers["n"])), found["other"])
            slots = {"n"}.union(*(_SLOT.findall(form) for form in found.values()))
        if slots != numbers.keys():
            return None
        return _SLOT.sub(lambda slot: str(int(numbers[slot.group(1)])), sentence)

    def _table(self, language: str) -> Table:
        if language not in LANGUAGES:
            return {}
        if language not in self._tables:
            try:
                self._tables[language] = json.loads((self._folder / f"words-{language}.json").read_text("utf-8"))
            except (OSError, ValueError):
                return {}
        return self._tables[language]


# --- which form goes with a whole number (Unicode CLDR, plural rules) ------------------------------------------


def _one_or_other(count: int) -> str:
    return "one" if count == 1 else "other"


def _french(count: int) -> str:
    return "one" if count in (0, 1) else "other"


def _polish(count: int) -> str:
    if count == 1:
        return "one"
    few = count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14)
    return "few" if few else "many"


def _arabic(count: int) -> str:
    if count <= 2:
        return ("zero", "one", "two")[count]
    if 3 <= count % 100 <= 10:
        return "few"
    return "many" if count % 100 >= 11 else "other"


PLURALS: Mapping[str, Callable[[int], str]] = {
    "en": _one_or_other,
    "de": _one_or_other,
    "fr": _french,
    "es": _one_or_other,
    "pl": _polish,
    "ar": _arabic,
}
