"""A fleet in virtual time: the shipped rollouts over a real database, and the updater's own machine on every device."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from cloud_bridge.fleet import store as fleet
from cloud_bridge.fleet import twins
from cloud_bridge.fleet.model import Device
from cloud_bridge.fleet.software_store import SoftwareProjection
from cloud_bridge.ledger.model import StoredEvent
from cloud_bridge.rollouts import store
from cloud_bridge.rollouts.model import Asked, Gates, Rollout, Share, Target
from cloud_bridge.rollouts.service import Rollouts
from cloud_bridge.storage.inline import InlineDatabase
from cloud_bridge.storage.schema import metadata
from edge.core.locker.reporting import EVENTS
from edge.core.release.machine import (
    Commit,
    FallBack,
    Health,
    Install,
    Seen,
    Try,
    Update,
    Wish,
    committed,
    installed,
    step,
)
from edge.core.release.record import wish_of
from edge.wire.release import ReleaseKind, Version, parse_version
from tests.cloud_world import NOW_MS, CountingRandom

PRODUCT, BOARD, TENANT = "parcelworks-locker", "rpi-arm64", "acme"
OLD, NEW = parse_version("1.0.0"), parse_version("1.1.0")
TARGET = Target(PRODUCT, BOARD, ReleaseKind.IMAGE, NEW)
QUICK = Gates(
    max_failed_permille=20, max_silent_permille=100, silent_after_s=7_200, soak_s=600, offline_after_s=864_000
)
PHASES = (Share(count=1), Share(percent=10), Share(percent=100))
WELL = Health(True, True, True, True)


class VirtualDevice:
    """Two slots, a firmware that starts one of them, and the updater's machine. `bad`: releases unwell here."""

    def __init__(self, device_id: str, bad: Iterable[Version] = ()) -> None:
        self.device_id = device_id
        self.bad = frozenset(bad)
        self.slots = {"a": OLD, "b": OLD}
        self.running = self.committed = "a"
        self.update = Update()

    @property
    def version(self) -> Version:
        return self.slots[self.running]

    def look(self, asked: Wish | None, up_for_s: int) -> list[tuple[str, dict[str, Any]]]:
        """One run of the updater; what the agent's log tells of it."""
        before, ran = self.update, self.version
        well = WELL if self.version not in self.bad else Health()
        seen = Seen(self.running, self.committed, self.version, False, up_for_s, well, asked)
        self.update, action = step(self.update, seen)
        if isinstance(action, Install):
            self.slots[action.slot] = action.wish.version
            self.update = installed(action.wish, action.slot)
        elif isinstance(action, Try):
            self.running = action.slot
        elif isinstance(action, FallBack):
            self.running = self.committed
        elif isinstance(action, Commit):
            self.committed = action.slot
            self.update = committed(self.update)
        return [*self._record(before), *(self.report() if self.version != ran else [])]

    def _record(self, before: Update) -> list[tuple[str, dict[str, Any]]]:
        wish, name = self.update.wish, EVENTS.get(self.update.phase)
        if self.update.phase is before.phase or name is None or wish is None:
            return []
        told = {"kind": wish.kind.value, "version": str(wish.version), "attempt": wish.attempt}
        return [(name, {**told, "reason": self.update.reason} if self.update.reason else told)]

    def report(self) -> list[tuple[str, dict[str, Any]]]:
        told = {"product": PRODUCT, "board": BOARD, "image": str(self.version), "agent": str(self.version)}
        return [("release_reported", told)]


class RolloutWorld:
    """`devices` of one tenant, all seen now, each of which has told what it runs."""

    def __init__(self, devices: int) -> None:
        self.db = InlineDatabase()
        self.now_ms = NOW_MS
        self.positions = itertools.count(1)
        self.projection = SoftwareProjection()
        self.wished: set[str] = set()
        self.restart()
        self.devices = {f"locker-{no:04d}": VirtualDevice(f"locker-{no:04d}") for no in range(1, devices + 1)}
        self.db.write_now(metadata.create_all)
        self.db.write_now(self._register)

    def restart(self) -> None:
        """The bridge's process begins anew: what it knew is in the database."""
        self.rollouts = Rollouts(CountingRandom(), twins.desired_doc, self._set_desired)

    def _set_desired(self, conn: Any, device_id: str, section: str, value: Any) -> None:
        self.wished.add(device_id)
        twins.set_desired(conn, device_id, section, value)

    def _register(self, conn: Any) -> None:
        for device_id, device in self.devices.items():
            fleet.register_device(conn, Device(device_id, "locker", TENANT, "", b"k" * 32, b"w" * 32), self.now_ms)
            fleet.mark_seen(conn, device_id, self.now_ms, "test")
            self._tell(conn, device_id, device.report())

    def make(self, target: Target = TARGET, phases: tuple[Share, ...] = PHASES, gates: Gates = QUICK) -> Rollout:
        return self.db.write_now(
            lambda conn: self.rollouts.make(conn, TENANT, target, phases, gates, actor="ann", now_ms=self.now_ms)
        )

    def do(self, word: str, rollout: Rollout) -> Rollout:
        """`pause`, `resume`, `retry` or `abort`."""
        work = getattr(self.rollouts, word)
        done: Rollout = self.db.write_now(lambda conn: work(conn, TENANT, rollout.rollout_id, self.now_ms))
        return done

    def pass_time(self, seconds: int, *, steps: int = 1) -> None:
        """Time goes by; in each step every device with a wish looks once, then the rollouts do."""
        for _ in range(steps):
            self.now_ms += seconds * 1000
            self.db.write_now(self._step)

    def _step(self, conn: Any) -> None:
        for device_id in sorted(self.wished):
            section = twins.desired_doc(conn, device_id).get("release")
            asked = None if section is None else wish_of(section, where="desired.release")
            self._tell(conn, device_id, self.devices[device_id].look(asked, (self.now_ms - NOW_MS) // 1000))
        self.rollouts.run(conn, self.now_ms)

    def _tell(self, conn: Any, device_id: str, events: list[tuple[str, dict[str, Any]]]) -> None:
        for name, data in events:
            position = next(self.positions)
            self.projection.apply(conn, StoredEvent(
                position, device_id, "11" * 16, position, 1, name, self.now_ms, self.now_ms, "synced", False, data, b""
            ))  # fmt: skip

    # --- looking ---------------------------------------------------------------------------------------------

    def found(self, rollout: Rollout) -> Rollout:
        return self.db.write_now(lambda conn: store.require_rollout(conn, TENANT, rollout.rollout_id))

    def asked(self, rollout: Rollout) -> dict[str, Asked]:
        return self.db.write_now(lambda conn: store.asked_of(conn, rollout.rollout_id))

    def wish(self, device_id: str) -> Any:
        return self.db.write_now(lambda conn: twins.desired_doc(conn, device_id).get("release"))

    def versions(self) -> dict[Version, int]:
        """How many devices run which version."""
        counts: dict[Version, int] = {}
        for device in self.devices.values():
            counts[device.version] = counts.get(device.version, 0) + 1
        return counts
