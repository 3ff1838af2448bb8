"""What the walk leaves behind: its pulses as events of the device's own log, its findings as a document."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from edge.agents.authority_clock import AuthorityClock
from edge.agents.layout import log_limits
from edge.agents.locker import Rebuilt
from edge.agents.system_random import SystemRandom
from edge.config import AgentConfig
from edge.core.wiring.findings import Findings
from edge.ports import PulseReply
from edge.storage.document_file import DocumentFiles
from edge.storage.event_log import InlineEventLog
from edge.storage.key_file import KeyFile
from edge.storage.opening import OpenedLog, Owner, Start, open_event_log
from edge.wire.event import EventDraft

FINDINGS = "wiring.json"
_FINDINGS = TypeAdapter(Findings)


@dataclass(frozen=True, slots=True)
class Journal:
    """The log stays open, and so locked, for the whole walk: no agent runs beside it."""

    opened: OpenedLog[InlineEventLog]
    clock: AuthorityClock
    random: SystemRandom
    documents: DocumentFiles

    @classmethod
    def open(cls, config: AgentConfig) -> Journal:
        """
        Raises:
            StorageFailed: the agent runs, or the log cannot be opened.
            ConfigError: the device's keys are damaged.
        """
        random = SystemRandom()
        owner = Owner(config.fleet, config.device_id, KeyFile(config.keys_dir, config.device_id))
        folder, limits = config.data_dir / "log", log_limits(config.storage)
        opened = open_event_log(folder, owner, Start(random, 0), InlineEventLog, limits)
        documents = DocumentFiles(config.data_dir / "documents")
        return cls(opened, AuthorityClock(opened.floor_at_ms), random, documents)

    def doors_with_parcels(self) -> tuple[int, ...]:
        """By the log's memory."""
        durable = Rebuilt.from_log(self.opened.head, self.opened.snapshot, self.opened.tail).durable
        return tuple(sorted(no for no, slot in durable.slots.items() if slot.held))

    async def authorise(self, module: str, output_no: int) -> str:
        """On record before the pulse; returns the pulse's id."""
        pulse_id = self.random.token(16).hex()
        await self._record("wiring_pulse_authorised", pulse_id=pulse_id, module=module, output_no=output_no)
        return pulse_id

    async def finish(self, pulse_id: str, reply: PulseReply | None, moved: tuple[int, ...]) -> None:
        """What came of it; `reply` None: it was not sent."""
        pulse = "not_sent" if reply is None else reply.value
        await self._record("wiring_pulse_finished", pulse_id=pulse_id, pulse=pulse, inputs_moved=len(moved))

    def load(self) -> Findings:
        """What an earlier walk found; nothing when there was none, or its document cannot be read."""
        stored = self.documents.load(FINDINGS)
        try:
            return Findings() if stored is None else _FINDINGS.validate_json(stored)
        except ValidationError:
            return Findings()

    def save(self, findings: Findings) -> None:
        self.documents.save(FINDINGS, _FINDINGS.dump_json(findings))

    async def close(self) -> None:
        await self.opened.log.close()

    async def _record(self, kind: str, **data: object) -> None:
        now = self.clock.now()
        await self.opened.log.append([EventDraft(kind, data, now.at_ms, now.clock)])
