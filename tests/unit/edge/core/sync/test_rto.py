import hashlib
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from edge.core.sync.rto import MAX_MS, MIN_MS, Rto, full_jitter


def test_rto_unmeasured_is_three_seconds() -> None:
    assert Rto().timeout_ms == 3_000


def test_rto_first_sample_follows_rfc_6298() -> None:
    assert Rto().sampled(2_000).timeout_ms == 2_000 + 4 * 1_000


def test_rto_second_sample_follows_rfc_6298() -> None:
    # RTTVAR = 3/4·1000 + 1/4·|2000 − 4000| = 1250; SRTT = 7/8·2000 + 1/8·4000 = 2250
    assert Rto().sampled(2_000).sampled(4_000).timeout_ms == 2_250 + 4 * 1_250


def test_rto_steady_samples_settle_near_the_round_trip() -> None:
    rto = Rto()
    for _ in range(100):
        rto = rto.sampled(5_000)
    assert 5_000 <= rto.timeout_ms <= 5_020


@given(st.lists(st.integers(-10, 10**9), max_size=40), st.integers(0, 10**6))
def test_rto_any_samples_stay_between_one_and_sixty_seconds(samples: list[int], attempts: int) -> None:
    rto = Rto()
    for sample in samples:
        rto = rto.sampled(sample)
    wait = rto.wait(attempts)
    assert wait.delay_ms >= MIN_MS and wait.jitter_ms >= 0 and wait.delay_ms + wait.jitter_ms <= MAX_MS


@given(st.integers(0, 10**6), st.integers(1, 10**5), st.integers(0, 10**4))
def test_full_jitter_any_attempt_stays_within_its_bound(attempts: int, first_ms: int, min_ms: int) -> None:
    wait = full_jitter(attempts, first_ms=first_ms, min_ms=min_ms)
    assert wait.delay_ms >= 0 and wait.jitter_ms >= 0 and wait.delay_ms + wait.jitter_ms <= max(MAX_MS, min_ms)


def test_full_jitter_ten_thousand_devices_come_back_spread_out() -> None:
    wait = full_jitter(0, first_ms=10_000)
    draws = (int.from_bytes(hashlib.sha256(b"%d" % device).digest()[:4], "big") / 2**32 for device in range(10_000))
    seconds = Counter(int(wait.delay_ms + draw * wait.jitter_ms) // 1000 for draw in draws)
    assert max(seconds.values()) <= 1_150 and len(seconds) == 10
