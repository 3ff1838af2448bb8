"""What the log last told of the device's software: kept, so that nothing is told twice, over any number of restarts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from edge.core.locker.durable import Durable, bounded

KEPT_PARTS = 256
RUNNING = "running"
Data = Mapping[str, Any]
RELEASE_EVENTS = (
    "release_installed", "release_tried", "release_committed", "release_fell_back", "release_refused",
)  # fmt: skip


def running_word(data: Data) -> str:
    return " ".join(str(data[name]) for name in ("product", "board", "image", "agent"))


def release_word(name: str, data: Data) -> str:
    return " ".join((name, *(str(data.get(member, "")) for member in ("version", "attempt", "reason"))))


def firmware_key(subject: str) -> str:
    return f"firmware/{subject}"


def _keep(state: Durable, key: str, word: str) -> Durable:
    return replace(state, software=bounded({**state.software, key: word}, KEPT_PARTS))


def _release(name: str) -> Callable[[Durable, Data, int], Durable]:
    return lambda state, data, _at_ms: _keep(state, data["kind"], release_word(name, data))


RULES: Mapping[str, Callable[[Durable, Data, int], Durable]] = {
    "release_reported": lambda state, data, _at_ms: _keep(state, RUNNING, running_word(data)),
    "firmware_reported": lambda state, data, _at_ms: _keep(state, firmware_key(data["subject"]), data["firmware"]),
    **{name: _release(name) for name in RELEASE_EVENTS},
}
