from __future__ import annotations

import pytest

from provisioning.claim import Claim, secret_hash
from provisioning.errors import Denied, StorageFailed
from provisioning.profiles import Kind
from tests.unit.provisioning.devices import DAY_MS, T0_MS

CLAIM = Claim(
    claim_id="00112233aabbccdd",
    kind=Kind.LOCKER,
    limit=2,
    expires_at_ms=T0_MS + DAY_MS,
    secret_sha256=secret_hash("s3"),
)


def test_claim_counts_each_device_once_up_to_its_limit() -> None:
    one = CLAIM.used("locker-0001", Kind.LOCKER, T0_MS)
    assert one.used("locker-0001", Kind.LOCKER, T0_MS) is one
    both = one.used("locker-0002", Kind.LOCKER, T0_MS)
    assert both.used_by == ("locker-0001", "locker-0002")
    with pytest.raises(Denied, match="its 2 devices"):
        both.used("locker-0003", Kind.LOCKER, T0_MS)
    assert both.used("locker-0002", Kind.LOCKER, T0_MS) is both


@pytest.mark.parametrize(
    ("claim", "kind", "at_ms", "message"),
    [
        (CLAIM, Kind.HANDHELD, T0_MS, "for a locker"),
        (CLAIM, Kind.LOCKER, T0_MS + DAY_MS, "expired"),
        (CLAIM.revoked(T0_MS), Kind.LOCKER, T0_MS, "revoked"),
    ],
    ids=["kind", "expired", "revoked"],
)
def test_claim_beyond_its_scope_is_denied_even_to_a_device_that_used_it(
    claim: Claim, kind: Kind, at_ms: int, message: str
) -> None:
    used = claim.model_copy(update={"used_by": ("locker-0001",)})
    with pytest.raises(Denied, match=message) as caught:
        used.used("locker-0001", kind, at_ms)
    assert caught.value.remedy


@pytest.mark.parametrize("secret", ["", "s", "s33", "S3", "s3 ", "\udcff", "ß"])
def test_claim_is_proved_by_its_own_secret_only(secret: str) -> None:
    assert CLAIM.proved_by("s3") and not CLAIM.proved_by(secret)


def test_claim_at_rest_is_read_back_and_damage_is_reported() -> None:
    assert Claim.parse(CLAIM.encode(), where="x") == CLAIM
    with pytest.raises(StorageFailed, match=r"claims/x\.json"):
        Claim.parse(b"{}", where="claims/x.json")
