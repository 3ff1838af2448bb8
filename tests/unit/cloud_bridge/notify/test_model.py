"""The rule of retry and fallback: it ends, and a refusal moves on at once."""

from __future__ import annotations

from dataclasses import astuple
from string import Formatter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_bridge.notify.model import RETRY_MS, Outcome, Progress, State, after_try
from cloud_bridge.notify.templates import KINDS, LANGUAGES, TEXTS, render

NOW_MS = 1_790_000_000_000
START = Progress(State.WAITING, 0, 0, NOW_MS)
FACTS = {
    "name": "Ann", "parcel": "PW-1", "locker": "North\r\nBcc: x", "address": "Street", "deadline": "soon",
    "link": "https://x/p/y", "amount": "EUR 5.00",
}  # fmt: skip


def test_refusal_goes_to_the_next_channel_at_once_and_bounces_after_the_last() -> None:
    second = after_try(START, Outcome.REFUSED, 2, NOW_MS)
    assert (second.state, second.place, second.next_at_ms) == (State.WAITING, 1, NOW_MS)
    assert after_try(second, Outcome.REFUSED, 2, NOW_MS).state is State.BOUNCED


def test_failure_waits_longer_each_time() -> None:
    progress, waits = START, []
    for _ in range(len(RETRY_MS) - 1):
        progress = after_try(progress, Outcome.LATER, 1, NOW_MS)
        waits.append(progress.next_at_ms - NOW_MS)
    assert waits == list(RETRY_MS[:-1]) and waits == sorted(waits)
    assert after_try(progress, Outcome.LATER, 1, NOW_MS).state is State.FAILED


@settings(max_examples=60)
@given(st.integers(1, 3), st.lists(st.sampled_from(Outcome), min_size=40, max_size=40))
def test_any_course_of_tries_comes_to_an_end(channels: int, outcomes: list[Outcome]) -> None:
    progress = START
    for outcome in outcomes:
        if progress.state is not State.WAITING:
            break
        progress = after_try(progress, outcome, channels, NOW_MS)
        assert 0 <= progress.place < channels
    assert progress.state is not State.WAITING


@pytest.mark.parametrize("language", [*LANGUAGES, "xx"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_message_exists_and_no_fact_breaks_a_header(kind: str, language: str) -> None:
    text = render(kind, language, FACTS)
    assert ("PW-1" in text.body or FACTS["link"] in text.body) and len(text.short) <= 160
    assert "\n" not in text.subject and "\r" not in text.body


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same_facts_as_english_in_each_part_of_a_message(language: str) -> None:
    def facts(words: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(words)} - {None}

    assert TEXTS[language].keys() == TEXTS["en"].keys()
    for kind, text in TEXTS[language].items():
        for said, meant in zip(astuple(text)[:3], astuple(TEXTS["en"][kind])[:3], strict=True):
            assert facts(said) == facts(meant), (kind, said)
