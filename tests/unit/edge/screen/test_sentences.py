"""The tables of words: every sentence in every language, with the same numbers and that language's own plurals."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from edge.core.locker.credentials import _REASONS
from edge.screen.requests import ACTIONS, ARGUMENTS
from edge.screen.sentences import LANGUAGES, PLURALS, Sentences
from edge.screen.server import DIST
from tests.public_vectors import ROOT

SOURCES = ROOT / "edge" / "screen" / "web" / "src"
TABLES: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text("utf-8")) for path in (SOURCES / "words").glob("*.json")
}
OTHERS = [language for language in LANGUAGES if language != "en"]
FORMS = {
    "en": {"one", "other"},
    "de": {"one", "other"},
    "fr": {"one", "many", "other"},
    "es": {"one", "many", "other"},
    "pl": {"one", "few", "many", "other"},
    "ar": {"zero", "one", "two", "few", "many", "other"},
}
SAME = {("fr", "menu")} | {(language, key) for language in ("de", "fr", "es", "pl") for key in ("ok", "size_short")}


def forms(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value.values())


def slots(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_tables_are_those_of_the_languages() -> None:
    assert set(TABLES) == set(LANGUAGES)


@pytest.mark.parametrize("language", OTHERS)
def test_table_has_every_sentence_in_the_same_order(language: str) -> None:
    assert list(TABLES[language]) == list(TABLES["en"])


@pytest.mark.parametrize("language", OTHERS)
def test_table_leaves_nothing_empty_or_in_english(language: str) -> None:
    english = TABLES["en"]
    left = [
        key for key, value in TABLES[language].items()
        if not all(text.strip() for text in forms(value))
        or ((language, key) not in SAME and set(forms(value)) & set(forms(english[key])))
    ]  # fmt: skip
    assert left == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_table_counts_with_the_plural_forms_of_its_language(language: str) -> None:
    for key, value in TABLES[language].items():
        assert isinstance(value, str) == isinstance(TABLES["en"][key], str), key
        if not isinstance(value, str):
            assert set(value) == FORMS[language], key


@pytest.mark.parametrize("language", LANGUAGES)
def test_table_names_the_same_numbers_in_every_language(language: str) -> None:
    for key, value in TABLES[language].items():
        wanted = set().union(*map(slots, forms(TABLES["en"][key])))
        # A form for exactly none, one or two may say the number in words.
        assert set().union(*map(slots, forms(value))) == wanted, key
        if not isinstance(value, str):
            assert slots(value["other"]) == wanted, key


def test_arabic_table_is_in_arabic_letters() -> None:
    latin = {
        key: text for key, value in TABLES["ar"].items() for text in forms(value)
        if re.search(r"[A-Za-z]", re.sub(r"\{\w+\}|QR", "", text)) or re.search("[٠-٩۰-۹]", text)
    }  # fmt: skip
    assert latin == {}


def test_every_press_has_its_words() -> None:
    names = {f"act_{name}" for name in ACTIONS | ARGUMENTS.keys() - {"size", "found"}}
    names |= {f"act_found_{answer}" for answer in ("as_expected", "empty", "other")}
    assert names <= set(TABLES["en"])


_SAYS = {"refuse", "await_label", "to_menu", "_say", "end_visit", "wait_to_retry", "_label_refused"}
_REASON = {"str | None", "tuple[int, ...] | str", "Credential | str"}
# These tell the log and the cloud, and nobody at the kiosk.
_UNSAID = {"settle", "ready_to_pulse", "commands.py", "vacancy.py", "pin_limits.py"}


def texts_of(node: ast.AST) -> set[str]:
    """String literals that the expression may come to; what it compares is none of them."""
    if isinstance(node, ast.Compare):
        return set()
    own = {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()
    return own.union(*map(texts_of, ast.iter_child_nodes(node)))


def _gives_reasons(rule: ast.FunctionDef) -> bool:
    return rule.returns is not None and ast.unparse(rule.returns) in _REASON and rule.name not in _UNSAID


def messages_of_the_machine() -> set[str]:
    """What a step's `message` may be: every such argument, and every reason that a rule gives a visitor."""
    found = {reason for _, reason in _REASONS}
    for path in (ROOT / "edge" / "core" / "locker").glob("*.py"):
        if path.name in _UNSAID:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            said: list[ast.AST] = []
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                said += [word.value for word in node.keywords if word.arg == "message"]
                said += node.args[3:] if name == "end_visit" else node.args[1:2] if name in _SAYS else []
            elif isinstance(node, ast.FunctionDef) and _gives_reasons(node):
                said += [part.value for part in ast.walk(node) if isinstance(part, ast.Return) and part.value]
            found = found.union(*map(texts_of, said))
    return found


def test_every_message_of_the_machine_has_its_words() -> None:
    silent = re.search(r"const SILENT = new Set\(\[(.*?)\]\)", (SOURCES / "screen.ts").read_text("utf-8"), re.DOTALL)
    assert silent is not None
    known = set(TABLES["en"]) | set(re.findall(r'"(\w*)"', silent.group(1)))
    messages = messages_of_the_machine()
    assert len(messages) > 50
    assert messages - known == set()


def test_built_tables_are_those_of_the_sources() -> None:
    assert {
        language: json.loads((DIST / f"words-{language}.json").read_text("utf-8")) for language in LANGUAGES
    } == TABLES


# --- what is read aloud ----------------------------------------------------------------------------------------


@pytest.fixture
def sentences() -> Sentences:
    return Sentences(DIST)


@pytest.mark.parametrize(
    ("language", "key", "numbers", "text"),
    [
        ("en", "welcome", {}, "Pick up or drop off a parcel"),
        ("en", "door_open", {"no": "7"}, "Door 7 is open"),
        ("de", "seconds_left", {"n": "1"}, "noch 1 Sekunde"),
        ("de", "seconds_left", {"n": "30"}, "noch 30 Sekunden"),
        ("fr", "seconds_left", {"n": "0"}, "encore 0 seconde"),
        ("pl", "tries_left", {"n": "2"}, "jeszcze 2 próby"),
        ("pl", "tries_left", {"n": "12"}, "jeszcze 12 prób"),
        ("ar", "tries_left", {"n": "2"}, "بقيت محاولتان"),
        ("es", "check", {"n": "3", "no": "12"}, "Debería haber 3 paquetes tras la puerta 12"),
        ("en", "door_open", {"no": "007"}, "Door 7 is open"),
    ],
)
def test_sentence_is_said_with_its_numbers(
    sentences: Sentences, language: str, key: str, numbers: dict[str, str], text: str
) -> None:
    assert sentences.text(language, key, numbers) == text


@pytest.mark.parametrize(
    ("language", "key", "numbers"),
    [
        ("xx", "welcome", {}), ("../en", "welcome", {}), ("en", "nothing", {}), ("en", "", {}),
        ("en", "door_open", {}), ("en", "door_open", {"no": "seven"}), ("en", "door_open", {"no": "-1"}),
        ("en", "door_open", {"no": "٧"}), ("en", "door_open", {"no": "123456"}), ("en", "door_open", {"no": "7\n"}),
        ("en", "door_open", {"no": "7", "text": "1"}), ("en", "welcome", {"n": "1"}),
        ("en", "seconds_left", {"no": "1"}),
    ],
    ids=range(13),
)  # fmt: skip
def test_sentence_that_is_not_in_the_table_is_not_said(
    sentences: Sentences, language: str, key: str, numbers: dict[str, str]
) -> None:
    assert sentences.text(language, key, numbers) is None


def test_sentences_of_an_empty_folder_are_none(tmp_path: Path) -> None:
    assert Sentences(tmp_path).text("en", "welcome", {}) is None


@given(st.sampled_from(LANGUAGES), st.text(max_size=12), st.dictionaries(st.text(max_size=4), st.text(max_size=6)))
@settings(max_examples=50)
def test_sentence_of_anything_is_a_table_sentence_or_none(language: str, key: str, numbers: dict[str, str]) -> None:
    said = Sentences(DIST).text(language, key, numbers)
    assert said is None or key in TABLES[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_plural_of_every_count_is_a_form_of_the_language(language: str) -> None:
    assert {PLURALS[language](count) for count in range(1000)} <= FORMS[language]
