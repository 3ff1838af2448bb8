"""`python -m tests.architecture.reference_pages`: write the generated pages of docs/reference."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from tests.architecture.pages.commands import commands
from tests.architecture.pages.configuration import configuration
from tests.architecture.pages.errors import errors
from tests.architecture.pages.events import events
from tests.architecture.pages.http import http
from tests.architecture.pages.machines import machines
from tests.architecture.pages.topics import asyncapi, topics
from tests.architecture.pages.wiring import PICTURES
from tests.architecture.tracked import ROOT

FOLDER = ROOT / "docs" / "reference"
PAGES: Mapping[str, Callable[[], str]] = {
    "events.md": events,
    "topics.md": topics,
    "asyncapi.json": asyncapi,
    "configuration.md": configuration,
    "commands.md": commands,
    "errors.md": errors,
    "http.md": http,
    "state-machines.md": machines,
    **PICTURES,
}


def main() -> None:
    """Write what differs, and say which."""
    for name, make in PAGES.items():
        file, text = FOLDER / name, make()
        if not file.exists() or file.read_text("utf-8") != text:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, "utf-8")
            sys.stdout.write(f"docs/reference/{name}\n")


if __name__ == "__main__":
    main()
