from __future__ import annotations

import pytest

from edge.core.authority_time import AuthorityTime

T0_MS = 1_795_000_000_000
HOUR_MS = 3_600_000


def test_authority_time_at_boot_runs_on_from_the_floor_and_says_so() -> None:
    now = AuthorityTime.at_boot(T0_MS, 500).now(2_500)
    assert (now.at_ms, now.clock) == (T0_MS + 2_000, "floor")


def test_authority_time_signed_moves_forward_and_is_synced() -> None:
    now = AuthorityTime.at_boot(T0_MS, 0).signed(T0_MS + HOUR_MS, 1_000).now(3_000)
    assert (now.at_ms, now.clock) == (T0_MS + HOUR_MS + 2_000, "synced")


def test_authority_time_below_the_floor_changes_nothing() -> None:
    time = AuthorityTime.at_boot(T0_MS, 0).signed(T0_MS + HOUR_MS, 0)
    assert time.signed(T0_MS, 10) == time


def test_authority_time_newest_signed_time_sent_again_an_hour_later_does_not_turn_back() -> None:
    time = AuthorityTime.at_boot(T0_MS, 0).signed(T0_MS, 0)
    again = time.signed(T0_MS, HOUR_MS)
    assert again.now(HOUR_MS).at_ms == T0_MS + HOUR_MS - HOUR_MS // 1000


@pytest.mark.parametrize("behind_ms", [0, 300, 3_000], ids=["exact", "a little fast", "as fast as a crystal gets"])
def test_authority_time_of_a_fast_monotonic_clock_is_corrected_back(behind_ms: int) -> None:
    time = AuthorityTime.at_boot(T0_MS, 0).signed(T0_MS, 0)
    cloud_at_ms = T0_MS + HOUR_MS - behind_ms
    assert time.signed(cloud_at_ms, HOUR_MS).now(HOUR_MS).at_ms == cloud_at_ms


def test_authority_time_held_back_message_keeps_the_better_reading() -> None:
    time = AuthorityTime.at_boot(T0_MS, 0).signed(T0_MS, 0)
    assert time.signed(T0_MS + 1_000, 61_000).now(61_000).at_ms == T0_MS + 61_000 - 61
