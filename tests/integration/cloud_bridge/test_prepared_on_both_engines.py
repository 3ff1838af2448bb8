"""A prepared statement says what SQLAlchemy's own execution says, on both engines."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from cloud_bridge.errors import StoreFailed
from cloud_bridge.fleet.tables import presence
from cloud_bridge.storage.prepared import Prepared
from cloud_bridge.storage.schema import metadata
from tests.engines import ENGINES, fresh_database, postgres_url  # noqa: F401  a fixture

NAMES = [column.name for column in presence.columns]
ADD = Prepared(insert(presence).values({name: bindparam(name) for name in NAMES}))
OF_AGENT = select(presence).where(presence.c.agent == bindparam("wanted"), presence.c.seen_at_ms > 5)
MOVE = (
    update(presence)
    .where(presence.c.agent == bindparam("wanted"))
    .values(seen_at_ms=presence.c.seen_at_ms + 1, agent="moved")
    .returning(presence.c.device_id, presence.c.seen_at_ms)
)


def row(device_id: str, seen_at_ms: int = 6) -> dict[str, object]:
    return {"device_id": device_id, "online": True, "changed_at_ms": 1, "seen_at_ms": seen_at_ms, "agent": "a/1"}


@pytest.mark.parametrize("engine", ENGINES)
async def test_prepared_statement_reads_and_writes_what_the_plain_one_does(request, engine, tmp_path: Path) -> None:
    def work(conn: Connection) -> None:
        assert [ADD.run(conn, row("d1")), ADD.run(conn, row("d2")), ADD.run(conn, row("d3", 5))] == [1, 1, 1]
        found = Prepared(OF_AGENT.order_by(presence.c.device_id)).all(conn, {"wanted": "a/1"})
        plain = conn.execute(OF_AGENT.order_by(presence.c.device_id), {"wanted": "a/1"}).all()
        assert [tuple(item) for item in found] == [tuple(item) for item in plain] and len(found) == 2
        assert (found[0].device_id, bool(found[0].online), found[1].device_id) == ("d1", True, "d2")
        assert sorted(Prepared(MOVE).all(conn, {"wanted": "a/1"})) == [("d1", 7), ("d2", 7), ("d3", 6)]
        assert Prepared(OF_AGENT).first(conn, {"wanted": "a/1"}) is None
        assert Prepared(OF_AGENT).scalar(conn, {"wanted": "none"}) is None
        assert Prepared(delete(presence).where(presence.c.agent == "moved")).run(conn) == 3

    async with fresh_database(request, engine, tmp_path) as db:
        await db.write(metadata.create_all)
        await db.write(work)


@pytest.mark.parametrize("engine", ENGINES)
async def test_prepared_statement_in_a_failed_transaction_leaves_nothing(request, engine, tmp_path: Path) -> None:
    def twice(conn: Connection) -> None:
        ADD.run(conn, row("d1"))
        with pytest.raises(IntegrityError):
            ADD.run(conn, row("d1"))
        raise IntegrityError("", None, ValueError())

    async with fresh_database(request, engine, tmp_path) as db:
        await db.write(metadata.create_all)
        with pytest.raises(StoreFailed):
            await db.write(twice)
        assert await db.read(lambda conn: conn.execute(select(presence)).all()) == []
