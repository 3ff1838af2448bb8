"""The one `MetaData` all contexts declare their tables on, and the column types both dialects share.

A context's tables stand in its `store.py`; `tables.py` imports them all, for migrations and tests.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, LargeBinary, MetaData, Text

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

Whole = BigInteger().with_variant(Integer(), "sqlite")
"""Whole numbers: counters, sizes and Unix milliseconds. On SQLite it must read INTEGER to be a rowid."""

Bytes = LargeBinary
"""Verbatim bytes."""

Words = Text
"""Text; lengths are checked where data enters, not here."""
