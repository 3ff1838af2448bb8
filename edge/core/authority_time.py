"""Authority time: the last signed cloud time, advanced by the monotonic clock; a wall clock never enters.

Before the first signed time of a boot it runs on from the persisted floor and says `floor`: never 1970, never
ahead of what the cloud has signed plus the time the device has been up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edge.ports import Now

FLOOR_STEP_MS = 60_000
DRIFT_DIVISOR = 1_000  # no crystal gains more than a thousandth


@dataclass(frozen=True, slots=True)
class AuthorityTime:
    """`base_at_ms` held true at `base_mono_ms`; `floor_at_ms` is what is persisted."""

    base_at_ms: int
    base_mono_ms: int
    floor_at_ms: int
    synced: bool = False

    @classmethod
    def at_boot(cls, floor_at_ms: int, mono_ms: int) -> AuthorityTime:
        return cls(floor_at_ms, mono_ms, floor_at_ms)

    def now(self, mono_ms: int) -> Now:
        """Authority time at this reading of the monotonic clock."""
        at_ms = self.base_at_ms + (mono_ms - self.base_mono_ms)
        return Now(mono_ms, at_ms, "synced" if self.synced else "floor")

    def signed(self, cloud_at_ms: int, mono_ms: int) -> AuthorityTime:
        """Take a verified signed cloud time. Below the present reading it counts only as far as the monotonic clock
        may have gained: a message held back or sent again must not turn time back and an expired command live."""
        if cloud_at_ms < self.floor_at_ms:
            return self
        passed_ms = mono_ms - self.base_mono_ms
        least_at_ms = self.base_at_ms + passed_ms - passed_ms // DRIFT_DIVISOR
        at_ms = max(cloud_at_ms, least_at_ms)
        return replace(self, base_at_ms=at_ms, base_mono_ms=mono_ms, floor_at_ms=cloud_at_ms, synced=True)

    def floor_due(self, persisted_at_ms: int) -> bool:
        """Whether the floor has moved far enough since it was last persisted to be written again."""
        return self.floor_at_ms - persisted_at_ms >= FLOOR_STEP_MS
