"""The queues before the workers: order within a device, none between devices, and a bound on all of it.

A device that waits long for an answer says the same again, byte for byte. While the first still waits here, the repeat
is only more work for a bridge that is behind already, so it is left out.
"""

from __future__ import annotations

import asyncio
from collections import deque
from enum import StrEnum

from edge.wire.topics import Channel


class Fate(StrEnum):
    """What became of a message on arrival; the words are those of the counters."""

    RECEIVED = "received"
    REPEATED = "repeated"
    SHED = "shed"


class DeviceLanes:
    """Waiting messages by device: one device's are worked on one after another, devices side by side."""

    def __init__(self, max_waiting: int) -> None:
        self._lanes: dict[str, deque[tuple[str, bytes]]] = {}
        self._ready: asyncio.Queue[str] = asyncio.Queue()
        self._waiting = 0
        self._max_waiting = max_waiting

    def put(self, device_id: str, channel: str, payload: bytes) -> Fate:
        """Queue one message, unless the same one waits already or too much does: nothing has been promised yet."""
        lane = self._lanes.get(device_id)
        if self._waiting >= self._max_waiting:
            return Fate.SHED
        if lane and _is_repeat(lane, channel, payload):
            return Fate.REPEATED
        self._waiting += 1
        if lane is None:
            self._lanes[device_id] = deque([(channel, payload)])
            self._ready.put_nowait(device_id)
        else:
            lane.append((channel, payload))
        return Fate.RECEIVED

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


def _is_repeat(lane: deque[tuple[str, bytes]], channel: str, payload: bytes) -> bool:
    """Of presence every word counts, because the last one does."""
    return channel == Channel.UP and (channel, payload) in lane
