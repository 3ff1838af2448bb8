"""Follows the registry file that provisioning publishes: a device revoked there is refused here at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import structlog
from sqlalchemy import Connection

from cloud_bridge.errors import CloudError, Conflict
from cloud_bridge.fleet import store
from cloud_bridge.fleet.model import Device
from cloud_bridge.fleet.registry_file import parse_registry
from cloud_bridge.ports import Clock
from cloud_bridge.storage.engine import Database

logger = structlog.get_logger("registry")
LOOK_EVERY_S = 1.0
Stamp = tuple[int, int, int]


class RegistryWatch:
    """`tenant`: of devices that the file gives none."""

    def __init__(self, db: Database, file: Path, tenant: str, clock: Clock) -> None:
        self._db = db
        self._file = file
        self._tenant = tenant
        self._clock = clock
        self._seen: Stamp | None = None

    async def run(self) -> None:
        """Until cancelled. A file that is missing or wrong changes nothing; it is looked at again when it changes."""
        while True:
            try:
                await self.look()
            except (CloudError, OSError) as error:
                logger.error("registry kept as it was", what=str(error), where=str(self._file))
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> int:
        """Take over what the file says, if it is another one than last time; how many devices are new.

        Raises:
            InvalidData: the file is no registry. OSError: it cannot be read.
        """
        try:
            status = self._file.stat()
        except FileNotFoundError:
            return 0
        stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        if stamp == self._seen:
            return 0
        self._seen = stamp
        found = parse_registry(await asyncio.to_thread(self._file.read_bytes))
        fresh, refused = await self._db.write(lambda conn: self._take_over(conn, found))
        for error in refused:
            logger.error("device not registered", what=str(error), remedy=error.remedy)
        logger.info("registry taken over", devices=len(found), new=fresh)
        return fresh

    def _take_over(self, conn: Connection, found: list[Device]) -> tuple[int, list[Conflict]]:
        """One device with other keys keeps out itself and nobody else."""
        now_ms, fresh = self._clock.now_ms(), 0
        refused: list[Conflict] = []
        for item in found:
            try:
                fresh += store.register_device(conn, replace(item, tenant=item.tenant or self._tenant), now_ms)
            except Conflict as error:
                refused.append(error)
        return fresh, refused
