"""The fleet's tables."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Table

from cloud_bridge.storage.schema import Bytes, Whole, Words, metadata

devices = Table(
    "devices",
    metadata,
    Column("device_id", Words, primary_key=True),
    Column("kind", Words, nullable=False),
    Column("tenant", Words, nullable=False, index=True),
    Column("site", Words, nullable=False),
    Column("log_public", Bytes, nullable=False),
    Column("wrap_public", Bytes, nullable=False),
    Column("state", Words, nullable=False),
    Column("state_reason", Words, nullable=False),
    Column("state_at_ms", Whole, nullable=False),
)

state_changes = Table(
    "device_state_changes",
    metadata,
    Column("change_no", Whole, primary_key=True, autoincrement=True),
    Column("device_id", Words, nullable=False, index=True),
    Column("state", Words, nullable=False),
    Column("actor", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("at_ms", Whole, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("device_id", Words, primary_key=True),
    Column("nonce", Bytes, nullable=False),
    Column("confirmed_at_ms", Whole, nullable=False),
    Column("pending", Bytes, nullable=False),
    Column("pending_at_ms", Whole, nullable=False),
    Column("welcome_stream", Words, nullable=False),
    Column("welcome_cursor", Whole, nullable=False),
    Column("welcome_root", Bytes, nullable=False),
)

presence = Table(
    "presence",
    metadata,
    Column("device_id", Words, primary_key=True),
    Column("online", Boolean, nullable=False),
    Column("changed_at_ms", Whole, nullable=False),
    Column("seen_at_ms", Whole, nullable=False),
    Column("agent", Words, nullable=False),
)

twins = Table(
    "twins",
    metadata,
    Column("device_id", Words, primary_key=True),
    Column("epoch", Whole, nullable=False),
    Column("version", Whole, nullable=False),
    Column("doc", Bytes, nullable=False),
    Column("doc_sha256", Bytes, nullable=False),
    Column("reported_epoch", Whole, nullable=False),
    Column("reported_version", Whole, nullable=False),
    Column("reported_at_ms", Whole, nullable=False),
    Column("refused_reason", Words, nullable=False),
    Column("pushed_epoch", Whole, nullable=False),
    Column("pushed_version", Whole, nullable=False),
)

secrets = Table(
    "device_secrets",
    metadata,
    Column("device_id", Words, primary_key=True),
    Column("name", Words, primary_key=True),
    Column("version", Whole, primary_key=True, autoincrement=False),
    Column("secret", Bytes, nullable=False),
    Column("made_at_ms", Whole, nullable=False),
    Column("confirmed_at_ms", Whole),
)

commands = Table(
    "commands",
    metadata,
    Column("command_id", Words, primary_key=True),
    Column("device_id", Words, nullable=False, index=True),
    Column("type", Words, nullable=False),
    Column("args", Words, nullable=False),
    Column("actor", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("issued_at_ms", Whole, nullable=False),
    Column("expires_at_ms", Whole, nullable=False),
    Column("state", Words, nullable=False),
    Column("outcome", Words, nullable=False),
    Column("changed_at_ms", Whole, nullable=False),
)

alarms = Table(
    "alarms",
    metadata,
    Column("alarm_no", Whole, primary_key=True, autoincrement=True),
    Column("device_id", Words, nullable=False),
    Column("alarm", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Column("severity", Words, nullable=False),
    Column("detail", Words, nullable=False),
    Column("raised_at_ms", Whole, nullable=False),
    Column("event_id", Words, nullable=False, index=True),
    Column("settled", Boolean, nullable=False),
    Column("repeats", Whole, nullable=False),
    Column("cleared_at_ms", Whole),
    Column("cleared_by", Words, nullable=False),
    Column("acked_at_ms", Whole),
    Column("acked_by", Words, nullable=False),
)
Index(
    "uq_alarms_active",
    alarms.c.device_id,
    alarms.c.alarm,
    alarms.c.subject,
    unique=True,
    sqlite_where=alarms.c.cleared_at_ms.is_(None),
    postgresql_where=alarms.c.cleared_at_ms.is_(None),
)
