"""A device is updated as in the field: repository over HTTP, updater and agent as processes, the firmware played.

One world for the whole module: the tests build on each other in this order.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from edge.wire.release import ReleaseKind
from hil.demo.clients import CourierPhone
from hil.demo.folder import DEVICE_ID, Folder
from hil.errors import ProcessFailed
from tests.integration.fullstack import stack
from tests.integration.fullstack.release_stack import TRIAL_S, ReleaseStack, program_bundle

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ReleaseStack]:
    made = ReleaseStack(Folder(tmp_path_factory.mktemp("releases")), lambda text: None)
    try:
        await made.start()
        await stack.ready(made)
        yield made
    finally:
        await made.stop()


async def life(world: ReleaseStack, *expected: str) -> None:
    """The ledger's newest events of updates are these, each once: what happened, the version, why.

    Two of them may come in either order: the agent that stops may still have told of a trial, or the one that starts.
    """
    seen: list[str] = []

    async def told() -> bool:
        seen[:] = [_line(event) for event in await world.told()][-len(expected) :]
        return sorted(seen) == sorted(expected)

    try:
        await stack.until("the log tells it", told, 20)
    except AssertionError:
        assert seen == list(expected)


def _line(event: dict[str, Any]) -> str:
    data = event["data"]
    words = ("image", "agent") if event["type"] == "release_reported" else ("kind", "version", "reason")
    return " ".join([event["type"].removeprefix("release_"), *(data[word] for word in words if word in data)])


async def healthy(world: ReleaseStack) -> None:
    """The agent's word for the updater is there, and says that all is well."""

    async def well() -> bool:
        path = world.place / "run" / "health.json"
        return path.exists() and "false" not in path.read_text()

    await stack.until("the agent calls itself well", well)


async def test_good_image_is_tried_and_kept_and_the_ledger_tells_its_life(world: ReleaseStack) -> None:
    world.releases.release("1.1.0")
    await world.wish("1.1.0")
    await healthy(world)
    assert (await world.update(), world.asked()) == ({"image": "trying"}, ["trial"])
    await world.boot(trial=True)
    await healthy(world)
    assert await world.update() == {"image": "committed", "agent": "idle"}
    await world.boot()
    assert (world.slot(), world.version()) == ("b", "1.1.0")
    await life(world, "reported 1.0.0 1.0.0", "tried image 1.1.0", "reported 1.1.0 1.1.0", "committed image 1.1.0")


async def test_bad_image_falls_back_by_its_deadline(world: ReleaseStack) -> None:
    world.releases.release("1.2.0")
    world.broken.add("1.2.0")
    await world.wish("1.2.0")
    assert await world.update() == {"image": "trying"}
    await world.boot(trial=True)
    assert (world.version(), await world.update()) == ("1.2.0", {"image": "on_trial"})
    await asyncio.sleep(TRIAL_S)
    world.asked()
    assert (await world.update(), world.asked()) == ({"image": "falling_back:unhealthy:agent_up"}, ["committed"])
    await world.boot()
    assert (world.slot(), world.version()) == ("b", "1.1.0")
    assert await world.update() == {"image": "fell_back", "agent": "idle"}
    await life(world, "tried image 1.2.0", "fell_back image 1.2.0 unhealthy:agent_up")


async def test_release_waits_for_the_end_of_a_visit_and_not_at_all_once_its_wish_is_withdrawn(
    world: ReleaseStack,
) -> None:
    world.releases.release("1.3.0")
    phone = CourierPhone()
    await phone.fetch_grant(world.courier, [DEVICE_ID])
    await world.kiosk.do("scan", phone.code(DEVICE_ID), lambda view: view["step"] == "label")
    await world.wish("1.3.0")
    assert (await world.update(), world.asked()) == ({"image": "in_use"}, [])
    await life(world, "installed image 1.3.0")
    await world.wish(None)
    assert (await world.update(), world.asked()) == ({"image": "withdrawn", "agent": "idle"}, [])
    await world.kiosk.do("press", "done", lambda view: view["step"] in ("idle", "done"))
    assert (await world.update(), world.asked(), world.slot()) == ({"image": "idle", "agent": "idle"}, [], "b")


async def test_program_alone_is_tried_and_kept_and_a_broken_one_is_not(world: ReleaseStack, tmp_path: Path) -> None:
    world.releases.release("1.4.0", ReleaseKind.AGENT, program_bundle(tmp_path / "good.tar.gz"))
    world.releases.release("1.5.0", ReleaseKind.AGENT, program_bundle(tmp_path / "bad.tar.gz", broken=True))
    await world.wish("1.4.0", ReleaseKind.AGENT)
    assert await world.update() == {"image": "idle", "agent": "trying"}
    assert world.asked() == ["agent"]
    await world.restart_agent()
    assert str(world.place / "releases" / "program" / "a" / "site") in world.agent_environment()
    await healthy(world)
    assert (await world.update())["agent"] == "committed"
    await life(world, "tried agent 1.4.0", "committed agent 1.4.0", "reported 1.1.0 1.4.0")

    await world.wish("1.5.0", ReleaseKind.AGENT)
    assert (await world.update())["agent"] == "trying"
    with pytest.raises(ProcessFailed, match="ended with code"):
        await world.restart_agent()
    await world.restart_agent()  # systemd does: the trial was used up by the first start
    assert str(world.place / "releases" / "program" / "a" / "site") in world.agent_environment()
    assert (await world.update())["agent"] == "once_more"
    assert (await world.update())["agent"] == "trying"
    with pytest.raises(ProcessFailed, match="ended with code"):
        await world.restart_agent()
    await world.restart_agent()
    assert (await world.update())["agent"] == "fell_back"
    await life(world, "fell_back agent 1.5.0 did_not_start")
    stack.assert_gapless(await stack.ledger(world))
