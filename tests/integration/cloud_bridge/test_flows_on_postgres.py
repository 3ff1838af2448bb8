"""The flows that ask the database most again on PostgreSQL; on SQLite all run among the tests of the API."""

# ruff: noqa: F401  imported tests are run here

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.test_pickup_flows import (  # the same tests, another database
    test_deadline_reminder_extension_and_end_follow_the_sites_calendar,
    test_door_opens_from_the_phone_for_who_may_and_for_nothing_else,
    test_parcels_of_one_contact_share_a_code_and_what_is_paid_on_delivery_stands_alone,
    test_proxy_is_taken_back_by_the_recipient_and_ends_when_everything_is_collected,
)
from tests.api.test_sending_flows import (
    test_parcel_nobody_announced_is_agreed_to_afterwards_and_gets_its_person_by_a_later_manifest,
    test_return_without_a_label_waits_for_the_courier_and_for_no_recipient,
)
from tests.api.test_upkeep_flows import (
    test_courier_sees_only_retrievals_and_one_of_them_takes_each,
    test_locker_is_taken_away_emptied_and_keeps_its_history,
    test_locker_is_walked_through_every_week_and_what_is_not_as_expected_becomes_a_task,
    test_recipient_says_empty_or_damaged_and_support_decides,
    test_zone_out_of_its_limits_spoils_what_lay_in_it_and_nothing_else,
)
from tests.engines import ENGINES, fresh_database, postgres_url
from tests.flow_world import FlowWorld, flow_world


@pytest.fixture(params=ENGINES[1:])
async def flow(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[FlowWorld]:
    async with fresh_database(request, request.param, tmp_path) as db, flow_world(db) as made:
        yield made
