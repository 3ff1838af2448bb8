from __future__ import annotations

import pytest

from edge.wire.errors import Malformed
from edge.wire.event_types import PARCEL
from edge.wire.pickup_claims import drop_off_parcel_id


def test_drop_off_parcel_id_is_a_parcel_id_made_from_its_pickup() -> None:
    made = drop_off_parcel_id("0a" * 16)
    assert made == "D-" + "0A" * 16 and PARCEL.check(made)


@pytest.mark.parametrize("pickup_id", ["", "0A" * 16, "0a" * 15, "../" + "0a" * 16])
def test_drop_off_parcel_id_of_no_pickup_is_malformed(pickup_id: str) -> None:
    with pytest.raises(Malformed):
        drop_off_parcel_id(pickup_id)
