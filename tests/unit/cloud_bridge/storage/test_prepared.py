"""What a prepared statement refuses, and what it keeps."""

from __future__ import annotations

import pytest
from sqlalchemy import bindparam, select

from cloud_bridge.errors import StoreFailed
from cloud_bridge.fleet.tables import presence
from cloud_bridge.storage.inline import InlineDatabase
from cloud_bridge.storage.prepared import Prepared
from cloud_bridge.storage.schema import metadata


def test_prepared_statement_with_a_changing_number_of_values_is_refused_at_its_first_use() -> None:
    statement = Prepared(select(presence).where(presence.c.device_id.in_(["a", "b"])))
    with InlineDatabase() as db, pytest.raises(TypeError, match="one value"):
        db.write_now(statement.all)


def test_prepared_statement_on_a_table_that_is_not_there_fails_as_a_store_failure() -> None:
    statement = Prepared(select(presence))
    with InlineDatabase() as db:
        with pytest.raises(StoreFailed, match="no such table"):
            db.write_now(statement.all)
        db.write_now(metadata.create_all)
        assert db.write_now(statement.all) == []


def test_prepared_statement_with_literal_values_keeps_them() -> None:
    statement = Prepared(select(bindparam("given", type_=presence.c.agent.type), presence.c.agent + "x").limit(1))
    with InlineDatabase() as db:
        db.write_now(metadata.create_all)
        db.write_now(
            lambda conn: conn.execute(presence.insert(), {"device_id": "d", "online": False, "changed_at_ms": 0,
                                                          "seen_at_ms": 0, "agent": "a"})
        )  # fmt: skip
        assert db.write_now(lambda conn: statement.all(conn, {"given": "g"})) == [("g", "ax")]
