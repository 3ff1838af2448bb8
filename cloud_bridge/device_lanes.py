"""The queues before the workers: order within a device, none between devices, and a bound on all of it."""

from __future__ import annotations

import asyncio
from collections import deque


class DeviceLanes:
    """Waiting messages by device: one device's are worked on one after another, devices side by side."""

    def __init__(self, max_waiting: int) -> None:
        self._lanes: dict[str, deque[tuple[str, bytes]]] = {}
        self._ready: asyncio.Queue[str] = asyncio.Queue()
        self._waiting = 0
        self._max_waiting = max_waiting

    def put(self, device_id: str, channel: str, payload: bytes) -> bool:
        """False when too much waits already: shed here, before anything is promised."""
        if self._waiting >= self._max_waiting:
            return False
        self._waiting += 1
        lane = self._lanes.get(device_id)
        if lane is None:
            self._lanes[device_id] = deque([(channel, payload)])
            self._ready.put_nowait(device_id)
        else:
            lane.append((channel, payload))
        return True

    async def take(self) -> tuple[str, str, bytes]:
        """The next message of a device that nobody works on; `done` must follow."""
        device_id = await self._ready.get()
        channel, payload = self._lanes[device_id].popleft()
        self._waiting -= 1
        return device_id, channel, payload

    def done(self, device_id: str) -> None:
        if self._lanes[device_id]:
            self._ready.put_nowait(device_id)
        else:
            del self._lanes[device_id]
