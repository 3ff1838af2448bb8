"""The generated pages say what the code says: whatever is missing in them fails here."""

from __future__ import annotations

import ast
import json

import pytest

from edge.core.locker.steps import SESSION_MOVES, Step
from edge.core.sync.model import Phase
from edge.wire.envelope import Kind
from tests.architecture.pages.configuration import FILES, keys
from tests.architecture.pages.key_meanings import MEANINGS
from tests.architecture.pages.machines import decide, leads_to
from tests.architecture.pages.topics import MESSAGES
from tests.architecture.reference_pages import FOLDER, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_page_is_what_the_code_says(name: str) -> None:
    written = (FOLDER / name).read_text("utf-8") if (FOLDER / name).exists() else ""
    made = PAGES[name]()
    missing = sorted(set(made.splitlines()) - set(written.splitlines()))[:5]
    assert written == made, f"run `make docs`; missing are: {missing}"


def test_every_message_travels_on_exactly_one_channel() -> None:
    placed = [kind for kinds in MESSAGES.values() for kind in kinds]
    assert sorted(placed) == sorted(Kind)


def test_every_meaning_belongs_to_a_key() -> None:
    for _, model, _, _ in FILES:
        known = {
            "".join(part.partition("[")[0] + "." for part in name.split(".")).rstrip(".") for name, _, _ in keys(model)
        }
        assert set(MEANINGS[model.__name__]) == known


def test_asyncapi_names_only_what_it_defines() -> None:
    document = json.loads(PAGES["asyncapi.json"]())
    defined = {f"#/components/messages/{name}" for name in document["components"]["messages"]}
    used = {item["$ref"] for channel in document["channels"].values() for item in channel["messages"].values()}
    assert used == defined
    assert {item["channel"]["$ref"] for item in document["operations"].values()} == {
        f"#/channels/{name}" for name in document["channels"]
    }


def test_every_step_of_the_session_is_in_the_table_and_can_be_reached() -> None:
    assert set(SESSION_MOVES) == set(Step)
    assert frozenset().union(*SESSION_MOVES.values()) == set(Step)


def test_rules_that_ask_for_the_phase_are_followed_there_only() -> None:
    assert leads_to("_connect", Phase.OFFLINE) == {Phase.KNOCKING}
    assert leads_to("_append", Phase.OFFLINE) == frozenset()
    assert Phase.KNOCKING in leads_to("_append", Phase.STREAMING)
    test = ast.parse("state.phase in (Phase.OFFLINE, Phase.REFUSED)", mode="eval").body
    assert [decide(test, phase) for phase in (Phase.OFFLINE, Phase.STREAMING)] == [True, False]
