"""What the messages say, in each language. They hold the link to the codes and never a code."""

from __future__ import annotations

from collections.abc import Mapping

from cloud_bridge.notify.text import Text
from cloud_bridge.notify.texts import ar, de, en, es, fr, pl

__all__ = ["KINDS", "LANGUAGES", "TEXTS", "Text", "render"]

TEXTS: Mapping[str, Mapping[str, Text]] = {
    "en": en.TEXTS, "de": de.TEXTS, "fr": fr.TEXTS, "es": es.TEXTS, "pl": pl.TEXTS, "ar": ar.TEXTS
}  # fmt: skip
LANGUAGES = tuple(TEXTS)
KINDS = tuple(en.TEXTS)


def render(kind: str, language: str, facts: Mapping[str, str]) -> Text:
    """Fill a message in; a language without texts falls back to English. Line breaks in facts become spaces."""
    text = TEXTS[language if language in LANGUAGES else "en"][kind]
    clean = {name: " ".join(value.split()) for name, value in facts.items()}
    return Text(
        text.subject.format_map(clean), text.body.format_map(clean), text.short.format_map(clean), kind, clean
    )  # fmt: skip
