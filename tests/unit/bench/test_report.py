"""The page of benchmark results, and what the runner offers."""

from __future__ import annotations

from tests.bench.__main__ import available, main
from tests.bench.report import number, page

ROW = {
    "name": "append", "value": 1234.5, "unit": "commits/s", "limit": 2000, "ratio": 0.617, "goal": "ratio >= 0.8",
    "met": False, "machine": "2 × something", "seconds": 3.0, "note": "one event a commit", "spread": [0.6, 0.7],
    "table": {"1 KiB": {"log": 4000, "plain_rows": 3000}}, "measured_on": "2026-11-25",
}  # fmt: skip


def test_page_says_of_a_missed_goal_that_it_is_missed() -> None:
    text = page([ROW])
    assert "| `append` | 1,234 commits/s | 2,000 | 0.617 | ratio >= 0.8 | **no** | 3 |" in text
    assert "| 1 KiB | 4,000 | 3,000 |" in text
    assert "spread: 0.6 to 0.7" in text


def test_number_absent_is_a_dash() -> None:
    assert number(None) == "–"


def test_runner_finds_the_benchmarks_and_not_what_they_share() -> None:
    assert {"append", "bytes_per_event", "ingest"} <= set(available())
    assert not {"device_log", "ingest_load", "report", "__main__"} & set(available())


def test_runner_asked_for_nothing_known_says_what_there_is() -> None:
    try:
        main(["no_such_benchmark"])
    except SystemExit as end:
        assert end.code == 2
    else:
        raise AssertionError("it ran")
