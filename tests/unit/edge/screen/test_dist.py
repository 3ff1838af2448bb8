"""The built page that ships is the one of these sources, so that running a locker needs no Node."""

from __future__ import annotations

import gzip
import hashlib

from edge.screen.server import DIST
from tests.public_vectors import ROOT

WEB = ROOT / "edge" / "screen" / "web"
KIOSK_BUDGET_BYTES = 25_000


def test_built_page_is_of_the_sources_that_stand_here() -> None:
    sources = sorted((path for path in (WEB / "src").rglob("*") if path.is_file()), key=lambda path: str(path))
    names = sorted([str(path.relative_to(WEB)) for path in sources] + ["package-lock.json", "tsconfig.json"])
    digest = hashlib.sha256(b"".join((WEB / name).read_bytes() for name in names)).hexdigest()
    assert (DIST / "built-from.txt").read_text().strip() == digest, "run `make pages`"


def test_built_page_keeps_its_budget() -> None:
    assert len(gzip.compress((DIST / "kiosk.js").read_bytes())) <= KIOSK_BUDGET_BYTES


def test_lock_file_of_the_page_names_no_registry() -> None:
    assert '"resolved"' not in (WEB / "package-lock.json").read_text()
