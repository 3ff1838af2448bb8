"""Commands: what was sent to whom by whom, and what became of it. The only SQL on that table."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from cloud_bridge.errors import NotFound
from cloud_bridge.fleet.model import CommandRecord, CommandState
from cloud_bridge.fleet.tables import commands
from edge.wire.messages import Command


def record_sent(conn: Connection, command: Command) -> None:
    """Keep a command before it leaves."""
    conn.execute(insert(commands), {
        "command_id": command.command_id, "device_id": command.device_id, "type": command.type,
        "args": json.dumps(dict(command.args), sort_keys=True), "actor": command.actor, "reason": command.reason,
        "issued_at_ms": command.issued_at_ms, "expires_at_ms": command.expires_at_ms,
        "state": CommandState.SENT.value, "outcome": "", "changed_at_ms": command.issued_at_ms,
    })  # fmt: skip


def record_outcome(conn: Connection, device_id: str, command_id: str, state: CommandState, outcome: str,
                   at_ms: int) -> None:  # fmt: skip
    """Fold what the device says in; a finished or refused command stays so."""
    conn.execute(
        update(commands)
        .where(
            commands.c.command_id == command_id,
            commands.c.device_id == device_id,
            commands.c.state.in_([CommandState.SENT.value, CommandState.ACCEPTED.value]),
        )
        .values(state=state.value, outcome=outcome, changed_at_ms=at_ms)
    )


def get_command(conn: Connection, command_id: str, now_ms: int) -> CommandRecord:
    """One command as it stands now.

    Raises:
        NotFound: no such command.
    """
    row = conn.execute(select(commands).where(commands.c.command_id == command_id)).one_or_none()
    if row is None:
        raise NotFound(f"no command {command_id}", where="commands")
    return _record(row, now_ms)


def list_commands(conn: Connection, device_id: str, now_ms: int, limit: int = 50) -> list[CommandRecord]:
    """A device's commands, newest first."""
    query = select(commands).where(commands.c.device_id == device_id)
    rows = conn.execute(query.order_by(commands.c.issued_at_ms.desc()).limit(limit))
    return [_record(row, now_ms) for row in rows]


def _record(row: Row[Any], now_ms: int) -> CommandRecord:
    state = CommandState(row.state)
    if state is CommandState.SENT and now_ms >= row.expires_at_ms:
        state = CommandState.EXPIRED
    return CommandRecord(
        row.command_id, row.device_id, row.type, json.loads(row.args), row.actor, row.reason, row.issued_at_ms,
        row.expires_at_ms, state, row.outcome, row.changed_at_ms,
    )  # fmt: skip
