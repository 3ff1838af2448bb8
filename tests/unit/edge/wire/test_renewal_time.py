"""When a certificate's successor is asked for: at two thirds, spread over a tenth of the life."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.enrolment import renew_at_ms, renewal_jitter

LIFE_MS = 90 * 86_400_000


def test_fleet_enrolled_in_one_moment_renews_over_days() -> None:
    times = [renew_at_ms(0, LIFE_MS, renewal_jitter(number.to_bytes(4, "big"))) for number in range(2000)]
    assert max(times) <= LIFE_MS * 2 // 3 and min(times) >= LIFE_MS * 2 // 3 - LIFE_MS // 10
    hours = [time // 3_600_000 for time in times]
    assert max(hours.count(hour) for hour in set(hours)) < 40, "216 hours for 2,000 devices"


@settings(max_examples=50)
@given(st.binary(max_size=100))
def test_draw_of_a_certificate_is_the_same_every_time(certificate: bytes) -> None:
    assert 0 <= renewal_jitter(certificate) < 1
    assert renewal_jitter(certificate) == renewal_jitter(certificate)
