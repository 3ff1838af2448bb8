from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.errors import StorageFailed
from provisioning.party import Issued, Party
from provisioning.profiles import Kind
from tests.unit.provisioning.devices import DAY_MS, T0_MS

OLD = Issued(serial="01", tls_key="aa" * 32, not_before_ms=T0_MS, not_after_ms=T0_MS + 90 * DAY_MS, pem="x")
NEW = Issued(serial="02", tls_key="bb" * 32, not_before_ms=T0_MS, not_after_ms=T0_MS + 180 * DAY_MS, pem="y")
PARTY = Party(
    party_id="locker-0001", kind=Kind.LOCKER, log_public="cc" * 32, wrap_public="dd" * 32, certificates=(OLD,)
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda item: st.lists(item, max_size=3)
)


def test_record_encoded_and_parsed_is_the_same() -> None:
    party = PARTY.with_certificate(NEW, T0_MS).revoked("lost", T0_MS, ["ee" * 32])
    assert Party.parse(party.encode(), where="test") == party


def test_certificate_added_long_after_forgets_the_expired() -> None:
    assert PARTY.with_certificate(NEW, T0_MS + 90 * DAY_MS).certificates == (OLD, NEW)
    assert PARTY.with_certificate(NEW, T0_MS + 92 * DAY_MS).certificates == (NEW,)


def test_revoked_record_retires_every_key_and_keeps_the_first_moment() -> None:
    party = PARTY.revoked("lost", T0_MS + 1, ["ee" * 32]).revoked("again", T0_MS + 2, [])
    assert party.certificates[0].revoked_at_ms == T0_MS + 1
    assert set(party.retired_keys) == {"aa" * 32, "ee" * 32}


@settings(max_examples=100, deadline=None)
@given(member=st.sampled_from(sorted(json.loads(PARTY.encode()))), value=JSON)
def test_parse_member_of_any_other_form_is_refused_or_kept(member: str, value: object) -> None:
    members = {**json.loads(PARTY.encode()), member: value}
    try:
        parsed = Party.parse(json.dumps(members).encode(), where="test")
    except StorageFailed:
        return
    assert json.loads(parsed.encode())[member] == value


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\x00", b'{"format":1,"extra":2}'])
def test_parse_damaged_record_names_the_file(data: bytes) -> None:
    with pytest.raises(StorageFailed) as caught:
        Party.parse(data, where="parties/x.json")
    assert caught.value.where == "parties/x.json"
