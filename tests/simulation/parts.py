"""The code under test as the simulation puts it together; a planted fault swaps exactly one of these."""

from __future__ import annotations

from dataclasses import dataclass

from cloud_bridge.storage.inline import InlineDatabase
from edge.agents.locker import LockerAgent
from edge.storage.event_log import InlineEventLog


@dataclass(frozen=True, slots=True)
class Parts:
    agent: type[LockerAgent] = LockerAgent
    log: type[InlineEventLog] = InlineEventLog
    database: type[InlineDatabase] = InlineDatabase
