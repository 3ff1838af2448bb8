"""What the pages of recipients and senders say, in each language, and which language a reader gets."""

from __future__ import annotations

from collections.abc import Mapping

from cloud_bridge.console.speech import ar, de, en, es, fr, pl

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": en.WORDS, "de": de.WORDS, "fr": fr.WORDS, "es": es.WORDS, "pl": pl.WORDS, "ar": ar.WORDS
}  # fmt: skip
RIGHT_TO_LEFT = frozenset({"ar"})


def language_of(accepted: str, fallback: str) -> str:
    """The first of ours that the browser asks for, else the locker's, else English."""
    for part in accepted.lower().split(","):
        if part.strip()[:2] in WORDS:
            return part.strip()[:2]
    return fallback if fallback in WORDS else "en"


def direction(language: str) -> str:
    return "rtl" if language in RIGHT_TO_LEFT else "ltr"
