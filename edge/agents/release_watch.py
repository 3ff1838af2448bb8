"""The agent's side of updates: tells the updater how it is, and the log how the updater fares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from edge.agents.locker import LockerAgent
from edge.agents.programs import image_version, program_slots
from edge.agents.status_file import in_use, up_for_s, write_busy, write_health
from edge.config import AgentConfig
from edge.core.locker.model import ReleaseTold, RunningTold
from edge.core.locker.state import LockerState
from edge.core.release.machine import Health, Update
from edge.core.release.record import decode_update, record_name
from edge.errors import EdgeError
from edge.ports import Clock
from edge.release_config import ReleaseConfig
from edge.storage.document_file import DocumentFiles
from edge.wire.errors import WireError
from edge.wire.release import ReleaseKind

WATCH_EVERY_S = 2
_log = structlog.get_logger()


class ReleaseWatch:
    """Runs beside the agent on a device that is updated. `boards_answer`: whether a board answers now."""

    def __init__(
        self, config: AgentConfig, release: ReleaseConfig, agent: LockerAgent, clock: Clock,
        boards_answer: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._release = release
        self._agent = agent
        self._clock = clock
        self._boards_answer = boards_answer
        self._records = DocumentFiles(release.folder)
        self._told: dict[ReleaseKind, Update] = {}
        self._busy: bool | None = None
        slots = release.slot_a is not None
        image = str(image_version(release.label_file)) if slots else "none"
        program = str(program_slots(config, release).version())
        self._running = RunningTold(release.product, release.board, image, program)

    def changed(self, state: LockerState) -> None:
        """Say at once that somebody came, or that the last one went."""
        busy = in_use(state)
        if busy is not self._busy:
            self._busy = busy
            write_busy(self._release.run_dir, busy)

    async def run(self) -> None:
        """Watch until cancelled."""
        self._agent.runtime.feed(self._running)
        while True:
            self._tell_health()
            for kind in ReleaseKind:
                self._tell_record(kind)
            await asyncio.sleep(WATCH_EVERY_S)

    def _tell_health(self) -> None:
        state = self._agent.runtime.state
        self.changed(state)
        health = Health(True, state.writable, self._boards_answer(), state.nonce is not None)
        write_health(self._release.run_dir, health, self._clock.now().at_ms, up_for_s())

    def _tell_record(self, kind: ReleaseKind) -> None:
        try:
            data = self._records.load(record_name(kind))
            update = Update() if data is None else decode_update(data)
        except (EdgeError, WireError) as error:  # the updater says so itself, and begins anew
            _log.error("the update's record cannot be read", kind=kind.value, error=str(error))
            return
        if self._told.get(kind, Update()) != update:
            self._told[kind] = update
            self._agent.runtime.feed(ReleaseTold(update))
