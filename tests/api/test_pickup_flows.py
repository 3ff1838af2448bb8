"""What a recipient can do until the deadline: wait longer, pay, send somebody else, open from the phone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from cloud_bridge.access.model import Role
from cloud_bridge.console.words import WORDS
from cloud_bridge.lockers.paying import PENDING_AFTER_MS
from cloud_bridge.lockers.pickup_link import token_jti
from cloud_bridge.lockers.proxies import MAX_PROXIES, USE_MS
from cloud_bridge.lockers.site_time import local, time_zone
from edge.wire.keys import key_id
from edge.wire.pickup_token import open_token
from tests.flow_world import ANN, BOB, DAY_MS, HOUR_MS, LOCKER, ZONE, FlowWorld, flow_world

ANNS = "pickup:"


@pytest.fixture
async def flow() -> AsyncIterator[FlowWorld]:
    async with flow_world() as made:
        yield made


async def test_deadline_reminder_extension_and_end_follow_the_sites_calendar(flow: FlowWorld) -> None:
    await flow.announce("PW-0001")
    link = await flow.deposit("PW-0001")
    first = await flow.call("GET", f"/v1/pickups/{link}")
    deadline_ms = first["collect_by_ms"]
    assert flow.now_ms + 3 * DAY_MS <= deadline_ms <= flow.now_ms + 4 * DAY_MS
    assert local(deadline_ms, time_zone(ZONE)).strftime("%H:%M") == "00:00"
    assert "23:59 Uhr" in await flow.page(f"/p/{link}", "de")
    (offer,) = first["offers"]
    assert (offer["price_minor"], offer["currency"], offer["collect_by_ms"]) == (199, "EUR", deadline_ms + 2 * DAY_MS)

    await flow.pass_time(deadline_ms - DAY_MS - 1000)
    assert await flow.told() == [("ready", "PW-0001")]
    await flow.pass_time(deadline_ms - DAY_MS)
    await flow.pass_time(deadline_ms - HOUR_MS)
    assert await flow.told() == [("ready", "PW-0001"), ("reminder", "PW-0001")]

    agreed = {"price_minor": 199, "currency": "EUR"}
    await flow.call("POST", f"/v1/pickups/{link}/extend", {"price_minor": 0}, status=409)
    for _ in range(2):
        taken = await flow.call("POST", f"/v1/pickups/{link}/extend", agreed, status=201, key="extend-once")
        assert taken["collect_by_ms"] == deadline_ms + 2 * DAY_MS
    await flow.call("POST", f"/v1/pickups/{link}/extend", agreed, status=409)
    assert (await flow.desired())["collect_by"] == {(await flow.plan("PW-0001")).pickup_id: deadline_ms + 2 * DAY_MS}

    await flow.pass_time(deadline_ms)
    assert (await flow.call("GET", f"/v1/pickups/{link}"))["state"] == "waiting"
    await flow.pass_time(deadline_ms + 2 * DAY_MS - 1)
    assert "<svg" in await flow.page(f"/p/{link}") and await flow.tasks(kind="retrieve") == []
    await flow.pass_time(deadline_ms + 2 * DAY_MS)
    over = await flow.call("GET", f"/v1/pickups/{link}")
    assert (over["state"], over["doors"], over["offers"]) == ("overdue", [], [])
    assert "<svg" not in await flow.page(f"/p/{link}")
    assert await flow.tasks(kind="retrieve") == [("retrieve", "PW-0001", ["overdue"])]
    assert (await flow.desired())["retrievals"] == ["PW-0001"]

    await flow.happen("parcel_retrieved", parcel_id="PW-0001", compartment_no=1, visit_id="ab" * 16, reason="expired")
    assert await flow.tasks(kind="retrieve") == [] and "retrievals" not in await flow.desired()
    assert [kind for kind, _ in await flow.told()] == ["ready", "reminder", "extension", "reminder", "expired"]
    await flow.call("POST", "/v1/parcels/PW-0001/returned", role=Role.COURIER)
    assert (await flow.call("GET", "/v1/parcels/PW-0001"))["state"] == "returned"


async def test_declined_payment_gives_nothing_and_a_free_extension_costs_nothing() -> None:
    for price, status in ((213, 409), (0, 201)):
        async with flow_world(extension_price_minor=price, extensions_most=2) as flow:
            await flow.announce("PW-0001")
            link = await flow.deposit("PW-0001")
            before = await flow.call("GET", f"/v1/pickups/{link}")
            body = {"price_minor": price, "currency": "EUR"} if price else {"price_minor": 0}
            for place in range(2):
                await flow.call("POST", f"/v1/pickups/{link}/extend", body, status=status)
                days = 0 if price else 2 * (place + 1)
                after = await flow.call("GET", f"/v1/pickups/{link}")
                assert after["collect_by_ms"] == before["collect_by_ms"] + days * DAY_MS
            assert await flow.tasks(kind="refund") == []


@pytest.mark.parametrize("in_time", [True, False], ids=["in time", "after the deadline"])
async def test_payment_whose_answer_was_lost_is_asked_for_again_and_gives_what_it_paid_for_or_a_refund(
    in_time: bool,
) -> None:
    async with flow_world(extension_price_minor=214) as flow:
        await flow.announce("PW-0001")
        link = await flow.deposit("PW-0001")
        deadline_ms = (await flow.call("GET", f"/v1/pickups/{link}"))["collect_by_ms"]
        agreed = {"price_minor": 214, "currency": "EUR"}
        unknown = await flow.call("POST", f"/v1/pickups/{link}/extend", agreed, status=409)
        assert unknown["code"] == "not_possible_now"
        busy = await flow.call("POST", f"/v1/pickups/{link}/extend", agreed, status=409)
        assert "under way" in busy["detail"]
        await flow.pass_time(flow.now_ms + PENDING_AFTER_MS if in_time else deadline_ms)
        await flow.pass_time(flow.now_ms + PENDING_AFTER_MS)
        later_ms = (await flow.call("GET", f"/v1/pickups/{link}"))["collect_by_ms"]
        assert later_ms == deadline_ms + (2 * DAY_MS if in_time else 0)
        assert [reasons for _, _, reasons in await flow.tasks(kind="refund")] == ([] if in_time else [["extension"]])


async def test_parcels_of_one_contact_share_a_code_and_what_is_paid_on_delivery_stands_alone(flow: FlowWorld) -> None:
    first, second = await flow.announce("PW-0001"), await flow.announce("PW-0002")
    paid = await flow.announce("PW-0003", cod_minor=1250, cod_currency="EUR")
    assert first.pickup_id == second.pickup_id != paid.pickup_id
    await flow.deposit("PW-0001")
    link = await flow.deposit("PW-0002")
    both = await flow.call("GET", f"/v1/pickups/{link}")
    assert [row["parcel_id"] for row in both["parcels"]] == ["PW-0001", "PW-0002"] and both["doors"] == [1, 2]

    owing = await flow.deposit("PW-0003")
    page = await flow.page(f"/p/{owing}")
    assert "<svg" not in page and "EUR 12.50" in page
    shown = await flow.call("GET", f"/v1/pickups/{owing}")
    assert (shown["state"], shown["to_pay_minor"], shown["doors"]) == ("to_pay", 1250, [])
    await flow.call("POST", f"/v1/pickups/{owing}/openings", {"compartment_no": 3}, status=409)
    await flow.call("POST", f"/v1/pickups/{owing}/proxies", status=409)
    await flow.call("POST", f"/v1/pickups/{owing}/pay", {"amount_minor": 1, "currency": "EUR"}, status=409)
    wish = {"amount_minor": 1250, "currency": "EUR"}
    for _ in range(2):
        done = await flow.call("POST", f"/v1/pickups/{owing}/pay", wish, status=201, key="pay-once")
        assert done["state"] == "waiting"
    await flow.call("POST", f"/v1/pickups/{owing}/pay", wish, status=409)
    assert "<svg" in await flow.page(f"/p/{owing}")
    parcel = await flow.call("GET", "/v1/parcels/PW-0003")
    assert (parcel["cod_minor"], parcel["cod_due_minor"]) == (1250, 0)
    assert [kind for kind, about in await flow.told() if about == "PW-0003"] == ["ready", "ready_to_pay"]


async def test_payment_booked_elsewhere_counts_once_and_never_more_than_is_due(flow: FlowWorld) -> None:
    await flow.announce("PW-0001", cod_minor=1000, cod_currency="EUR")
    path, body = "/v1/parcels/PW-0001/payments", {"amount_minor": 600, "currency": "EUR", "reference": "till-7"}
    for _ in range(2):
        await flow.call("POST", path, body, status=201, key="booked-once", role=Role.CARRIER)
    await flow.call("POST", path, body, status=409)
    await flow.call("POST", path, {**body, "currency": "USD", "amount_minor": 1}, status=409)
    assert (await flow.call("GET", "/v1/parcels/PW-0001"))["cod_due_minor"] == 400


async def test_proxy_collects_once_by_its_own_code_and_its_link_ends_ten_minutes_later(flow: FlowWorld) -> None:
    await flow.announce("PW-0001")
    link = await flow.deposit("PW-0001")
    made = await flow.call("POST", f"/v1/pickups/{link}/proxies", status=201)
    proxy = made["proxies"][0]["url"].rpartition("/")[2]
    signer = flow.world.fleet.pickup.public
    pickups, db = flow.world.bridge.pickups, flow.world.bridge.db
    holder = await db.read(lambda conn: pickups.holder(conn, proxy, flow.now_ms))
    shown = await db.read(lambda conn: pickups.show_to(conn, holder, flow.now_ms))
    plan = await flow.plan("PW-0001")
    claims = open_token(shown.qr, {key_id(signer): signer})
    assert claims.pickup_id == plan.pickup_id and claims.jti != token_jti(b"k" * 32, plan.pickup_id, plan.generation)
    page = await flow.page(f"/p/{proxy}")
    assert 'class="pin"' not in page and 'data-proxy="new"' not in page and shown.pin == ""
    for path in ("extend", "pay", "proxies"):
        await flow.call("POST", f"/v1/pickups/{proxy}/{path}", {"price_minor": 0}, status=404)

    await flow.happen("visit_started", visit_id="cd" * 16, kind="recipient", jti=claims.jti, pickup_id=plan.pickup_id)
    assert "<svg" not in await flow.page(f"/p/{proxy}")
    await flow.pass_time(flow.now_ms + USE_MS)
    await flow.page(f"/p/{proxy}", status=404)


async def test_proxy_is_taken_back_by_the_recipient_and_ends_when_everything_is_collected(flow: FlowWorld) -> None:
    await flow.announce("PW-0001")
    link = await flow.deposit("PW-0001")
    for _ in range(MAX_PROXIES):
        made = await flow.call("POST", f"/v1/pickups/{link}/proxies", status=201)
    await flow.call("POST", f"/v1/pickups/{link}/proxies", status=409)
    gone, kept = made["proxies"][0], made["proxies"][1]
    assert len({row["url"] for row in made["proxies"]}) == MAX_PROXIES
    await flow.call("DELETE", f"/v1/pickups/{link}/proxies/{gone['proxy_id']}")
    await flow.page("/p/" + gone["url"].rpartition("/")[2], status=404)
    assert len((await flow.desired())["revoked"]) == 1
    await flow.call("DELETE", f"/v1/pickups/{link}/proxies/{gone['proxy_id']}", status=404)
    other = await flow.announce("PW-0002", BOB)
    await flow.call("DELETE", f"/v1/pickups/{await flow.link('PW-0002')}/proxies/{kept['proxy_id']}", status=404)
    assert other is not None
    await flow.page("/p/" + kept["url"].rpartition("/")[2])
    await flow.collected("PW-0001", 1)
    await flow.page("/p/" + kept["url"].rpartition("/")[2], status=404)
    assert "was collected" in await flow.page(f"/p/{link}")


async def test_door_opens_from_the_phone_for_who_may_and_for_nothing_else(flow: FlowWorld) -> None:
    await flow.announce("PW-0001")
    link = await flow.deposit("PW-0001")
    opened = await flow.call("POST", f"/v1/pickups/{link}/openings", {"compartment_no": 1}, status=201, key="open-once")
    again = await flow.call("POST", f"/v1/pickups/{link}/openings", {"compartment_no": 1}, status=201, key="open-once")
    (command,) = flow.commands()
    pickup_id = (await flow.plan("PW-0001")).pickup_id
    assert opened == again and command.command_id == opened["command_id"]
    assert (command.type, command.args) == ("open_compartment", {"compartment_no": 1, "purpose": "collect"})
    assert command.actor == ANNS + pickup_id
    await flow.call("POST", f"/v1/pickups/{link}/openings", {"compartment_no": 2}, status=409)
    await flow.announce("PW-0002", BOB)
    bobs = await flow.deposit("PW-0002")
    await flow.call("GET", f"/v1/pickups/{bobs}/openings/{opened['command_id']}", status=404)
    assert (await flow.call("GET", f"/v1/pickups/{link}/openings/{opened['command_id']}"))["state"] == "sent"

    proxy = (await flow.call("POST", f"/v1/pickups/{link}/proxies", status=201))["proxies"][0]["url"].rpartition("/")[2]
    await flow.call("POST", f"/v1/pickups/{proxy}/openings", {"compartment_no": 1}, status=201)
    assert flow.commands()[-1].actor == ANNS + pickup_id and len((await flow.desired())["revoked"]) == 1
    assert "<svg" not in await flow.page(f"/p/{proxy}")
    await flow.pass_time((await flow.call("GET", f"/v1/pickups/{link}"))["collect_by_ms"])
    await flow.call("POST", f"/v1/pickups/{link}/openings", {"compartment_no": 1}, status=409)


async def test_opening_at_an_offline_locker_uses_up_no_proxy() -> None:
    async with flow_world() as flow:
        await flow.announce("PW-0001")
        link = await flow.deposit("PW-0001")
        made = await flow.call("POST", f"/v1/pickups/{link}/proxies", status=201)
        proxy = made["proxies"][0]["url"].rpartition("/")[2]
        await flow.world.bridge.fleet.retire(LOCKER, actor="ann", reason="moved away")
        await flow.call("POST", f"/v1/pickups/{proxy}/openings", {"compartment_no": 1}, status=409)
        assert flow.commands() == [] and "revoked" not in await flow.desired()
        assert "<svg" in await flow.page(f"/p/{proxy}")


async def test_support_opens_with_actor_and_reason_on_the_command(flow: FlowWorld) -> None:
    await flow.announce("PW-0001")
    await flow.deposit("PW-0001")
    body = {"compartment_no": 1, "purpose": "collect", "reason": "phone is dead, identity checked"}
    path = f"/v1/devices/{LOCKER}/open"
    await flow.call("POST", path, {**body, "reason": "x"}, status=400, role=Role.SUPPORT)
    await flow.call("POST", path, body, status=403, role=Role.COURIER)
    await flow.call("POST", path, body, status=201, role=Role.SUPPORT, actor="sue")
    (command,) = flow.commands()
    assert (command.actor, command.reason, command.args["purpose"]) == ("support:sue", body["reason"], "collect")


async def test_recipients_page_speaks_every_language_in_every_state(flow: FlowWorld) -> None:
    await flow.announce("PW-0001")
    link = await flow.link("PW-0001")
    states: dict[str, set[str]] = {}

    async def look(state: str) -> None:
        for spoken in WORDS:
            page = await flow.page(f"/p/{link}", spoken)
            assert f'lang="{spoken}"' in page and (' dir="rtl"' in page) == (spoken == "ar")
            assert not re.search(r"\{[a-z]+\}", page.replace("{no}", ""))
            states.setdefault(state, set()).add(re.search("<h1>(.*?)</h1>", page)[1])

    await look("on_its_way")
    await flow.deposit("PW-0001")
    await look("waiting")
    await flow.pass_time((await flow.call("GET", f"/v1/pickups/{link}"))["collect_by_ms"])
    await look("overdue")
    assert all(len(heads) == len(WORDS) for heads in states.values())
    assert ANN["name"] not in await flow.page(f"/p/{link}")
