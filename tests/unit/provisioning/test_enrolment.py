from __future__ import annotations

import pytest

from provisioning.enrolment import Keys, Verdict, fingerprint, judge
from provisioning.errors import Conflict
from provisioning.party import Issued, Party
from provisioning.profiles import Kind
from tests.unit.provisioning.devices import DAY_MS, T0_MS

LOG, WRAP, TLS = "aa" * 32, "bb" * 32, "cc" * 32
OTHER = "dd" * 32
KEYS = Keys(LOG, WRAP, TLS)
ISSUED = Issued(serial="01", tls_key=TLS, not_before_ms=T0_MS, not_after_ms=T0_MS + 90 * DAY_MS, pem="")
PARTY = Party(party_id="locker-0001", kind=Kind.LOCKER, log_public=LOG, wrap_public=WRAP, certificates=(ISSUED,))
BRIDGE = Party(party_id="bridge.1", kind=Kind.BRIDGE, certificates=(ISSUED,))
REVOKED = PARTY.revoked("lost", T0_MS + 1, Keys(LOG, WRAP, TLS).fingerprints())


def verdict(party: Party | None, keys: Keys, day: float = 1, *, replace: bool = False, authority: int = 1) -> Verdict:
    name, kind = (party.party_id, party.kind) if party else ("locker-0001", Kind.LOCKER)
    return judge(party, name, kind, keys, T0_MS + int(day * DAY_MS), authority=authority, replace=replace)


@pytest.mark.parametrize(
    ("party", "keys", "day", "expected"),
    [
        (None, KEYS, 0, Verdict.ENROLLED),
        (PARTY, KEYS, 0, Verdict.KEPT),
        (PARTY, KEYS, 51, Verdict.KEPT),
        (PARTY, KEYS, 51.1, Verdict.RENEWED),
        (PARTY, KEYS, 60, Verdict.RENEWED),
        (PARTY, KEYS, 400, Verdict.RENEWED),
        (PARTY, Keys(LOG, WRAP, OTHER), 0, Verdict.RENEWED),
        (PARTY, Keys(LOG, WRAP, OTHER), 400, Verdict.RENEWED),
        (BRIDGE, Keys("", "", TLS), 1, Verdict.KEPT),
        (BRIDGE, Keys("", "", TLS), 100, Verdict.RENEWED),
    ],
    ids=[
        "new",
        "again",
        "not-yet-due",
        "earliest-jitter",
        "two-thirds",
        "expired",
        "new-tls-key",
        "expired-and-new-tls-key",
        "server-again",
        "server-expired",
    ],
)
def test_judge_request_in_order_gives(party: Party | None, keys: Keys, day: float, expected: Verdict) -> None:
    assert verdict(party, keys, day) is expected


def test_judge_certificate_of_the_former_authority_is_renewed_before_it_is_due() -> None:
    assert verdict(PARTY, KEYS, authority=2) is Verdict.RENEWED


@pytest.mark.parametrize(
    ("party", "keys"),
    [
        (PARTY, Keys(OTHER, WRAP, TLS)),
        (PARTY, Keys(LOG, OTHER, TLS)),
        (BRIDGE, Keys("", "", OTHER)),
        (REVOKED, Keys(OTHER, "ee" * 32, "ff" * 32)),
    ],
    ids=["log-key", "wrap-key", "server-key", "revoked"],
)
def test_judge_other_identity_needs_replace(party: Party, keys: Keys) -> None:
    with pytest.raises(Conflict, match=r"is enrolled with other keys|is revoked") as caught:
        verdict(party, keys)
    assert "--replace" in caught.value.remedy
    assert verdict(party, keys, replace=True) is Verdict.REPLACED


@pytest.mark.parametrize(
    "keys",
    [KEYS, Keys(LOG, OTHER, OTHER), Keys(OTHER, WRAP, OTHER), Keys(OTHER, OTHER, TLS)],
    ids=["all", "log", "wrap", "tls"],
)
@pytest.mark.parametrize("replace", [False, True])
def test_judge_any_retired_key_is_refused_for_ever(keys: Keys, replace: bool) -> None:
    with pytest.raises(Conflict, match="lost its trust"):
        verdict(REVOKED, keys, replace=replace)


def test_judge_other_kind_is_refused() -> None:
    with pytest.raises(Conflict, match="enrolled as a locker"):
        judge(PARTY, PARTY.party_id, Kind.HANDHELD, KEYS, T0_MS, authority=1, replace=True)


def test_fingerprints_of_raw_keys_are_their_sha256() -> None:
    assert KEYS.fingerprints() == (fingerprint(b"\xaa" * 32), fingerprint(b"\xbb" * 32), TLS)
