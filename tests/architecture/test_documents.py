"""What the documents name exists: tests, files, goals, decisions and the targets of links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.tracked import ROOT, tracked

DOCUMENTS = tuple(path for path in tracked() if path.suffix == ".md" and path.parts[0] in ("README.md", "docs"))
THREATS = (ROOT / "docs/THREAT_MODEL.md").read_text("utf-8")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PATH = re.compile(r"`((?:edge|cloud_bridge|firmware_sim|provisioning|hil|tests|docs)/[\w./-]+\.\w+)`")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@pytest.mark.parametrize(("file", "name"), _TEST.findall(THREATS), ids=lambda part: part.rpartition("/")[2])
def test_threat_models_proof_exists(file: str, name: str) -> None:
    assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE), (
        f"{file} has no {name}"
    )


def test_threat_model_states_every_goal_once_with_its_proof() -> None:
    sections = re.split(r"^### (T\d+)$", THREATS, flags=re.MULTILINE)
    goals = dict(zip(sections[1::2], sections[2::2], strict=True))
    assert list(goals) == [f"T{number}" for number in range(1, 25)]
    for goal, text in goals.items():
        state = re.search(r"State: \*\*(proved|partly|open)\*\*", text)
        assert state, f"{goal} has no state"
        assert bool(_TEST.search(text)) is (state[1] != "open"), f"{goal} is {state[1]}"
        assert f"| [{goal}](#{goal.lower()}) | {state[1]} |" in THREATS


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_link_of_a_document_leads_somewhere(path: Path) -> None:
    text = (ROOT / path).read_text("utf-8")
    for target in _LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (ROOT / path.parent / file).resolve() if file else ROOT / path
        assert found.exists(), f"{path}: {target}"
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found.read_text("utf-8")), f"{path}: {target}"


def anchors(text: str) -> set[str]:
    """The anchors that a Markdown page has for its headings."""
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in _HEADING.findall(text)}


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path.name != "CHANGELOG.md"], ids=str)
def test_file_that_a_document_names_exists(path: Path) -> None:
    missing = [name for name in _PATH.findall((ROOT / path).read_text("utf-8")) if not (ROOT / name).exists()]
    assert not missing, f"{path} names {missing}"


def test_every_decision_is_listed_with_its_own_number() -> None:
    index = (ROOT / "docs/adr/README.md").read_text("utf-8")
    files = sorted(path.name for path in (ROOT / "docs/adr").glob("0*.md"))
    assert [name[:4] for name in files] == [f"{number:04d}" for number in range(1, len(files) + 1)]
    for name in files:
        text = (ROOT / "docs/adr" / name).read_text("utf-8")
        assert text.startswith(f"# {name[:4]}: ")
        assert all(f"## {part}" in text for part in ("Context", "Decision", "Consequences"))
        assert name in index


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in reached or not page.exists():
            continue
        reached.add(page)
        if page.suffix == ".md":
            links = (target.partition("#")[0] for target in _LINK.findall(page.read_text("utf-8")))
            todo += [(page.parent / link).resolve() for link in links if link and not re.match(r"[a-z]+:", link)]
    unreached = [str(path) for path in DOCUMENTS if (ROOT / path).resolve() not in reached]
    assert not unreached, f"link these from the README or a page below it: {unreached}"
