"""Twins: sections of the desired document."""

from __future__ import annotations

import json

import pytest

from cloud_bridge.errors import InvalidData
from cloud_bridge.fleet import twins
from tests.cloud_world import CloudWorld, make_world

DEVICE = "locker-0001"


@pytest.fixture
async def world() -> CloudWorld:
    return await make_world()


async def test_sections_set_together_make_one_version_and_leave_the_others_alone(world) -> None:
    await world.db.write(lambda conn: twins.set_desired(conn, DEVICE, "limits", {"a": 1}))
    await world.db.write(lambda conn: twins.set_desired(conn, DEVICE, "revoked", ["aa"]))
    sections = {"reservations": [1], "revoked": None, "audiences": ["b"]}
    twin = await world.db.write(lambda conn: twins.set_sections(conn, DEVICE, sections))
    assert (twin.version, json.loads(twin.doc)) == (3, {"audiences": ["b"], "limits": {"a": 1}, "reservations": [1]})


@pytest.mark.parametrize("sections", [{}, {"revoked": ["aa"]}, {"absent": None}, {"revoked": ["aa"], "absent": None}])
async def test_sections_that_change_nothing_make_no_version(world, sections) -> None:
    await world.db.write(lambda conn: twins.set_desired(conn, DEVICE, "revoked", ["aa"]))
    assert (await world.db.write(lambda conn: twins.set_sections(conn, DEVICE, sections))).version == 1


@pytest.mark.parametrize("bad", [0.5, "x" * twins.MAX_DOC_BYTES], ids=["float", "too-large"])
async def test_sections_of_which_one_is_refused_change_nothing(world, bad) -> None:
    before = await world.db.write(lambda conn: twins.set_desired(conn, DEVICE, "revoked", ["aa"]))
    with pytest.raises(InvalidData):
        await world.db.write(lambda conn: twins.set_sections(conn, DEVICE, {"revoked": [], "other": bad}))
    assert await world.db.read(lambda conn: twins.load_twin(conn, DEVICE)) == before
