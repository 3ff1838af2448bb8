"""A kiosk port that shows one view after the other: for what no single run of the machine passes through."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any

from edge.screen.server import ScreenServer
from edge.screen.speech import Speech

MODULES = {
    "a": (110, 110, 110, 190, 190, 390, 590),
    "b": (190, 190, 190, 390, 390, 390),
    "c": (110,) * 6 + (190,) * 4 + (390,),
}
PLINTH_MM, WIDTH_MM = 150, 440


def cabinet(**changed: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """Three modules, 24 doors stacked without gaps; `doors={7: {"door": "open"}}` changes some."""
    doors: list[dict[str, Any]] = []
    for module, heights in MODULES.items():
        sill_mm = PLINTH_MM + sum(heights)
        for height_mm in heights:
            sill_mm -= height_mm
            size = {"width_mm": WIDTH_MM, "height_mm": height_mm - 12, "sill_mm": sill_mm}
            doors.append({"no": len(doors) + 1, "module": module, "door": "closed", **size})
    for door in doors:
        door.update(changed.get("doors", {}).get(door["no"], {}))
    return doors


def shown(step: str, **members: Any) -> dict[str, Any]:
    """A view of that step, as the machine gives it."""
    return {
        "device_id": "locker-1", "step": step, "message": "", "visit": "", "purpose": "", "compartment_no": None,
        "tries_left": 3, "more_doors": 0, "wait_s": 0, "reopen_no": None, "reopen_left_s": 0, "idle_left_s": None,
        "expected": 0, "online": True, "pin_ready": True, "accessible": False, "sizes": [], "actions": [],
        "compartments": cabinet(),
    } | members  # fmt: skip


class ViewPlayer:
    """Serves the page on a thread of its own and remembers what it asked for."""

    def __init__(self, speech: Speech | None = None) -> None:
        self._now = shown("idle")
        self.asked: list[tuple[str, str]] = []
        self._loop = asyncio.new_event_loop()
        self._server = ScreenServer(self, "127.0.0.1", 0, speech=speech)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the page's server did not start")

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)

        def ready(url: str) -> None:
            self.url = url
            self._ready.set()

        self._task = self._loop.create_task(self._server.run(ready))
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)
        self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(5)

    def show(self, step: str, **members: Any) -> None:
        self._now = shown(step, **members)
        self._loop.call_soon_threadsafe(self._server.changed)

    def key(self, key: str) -> None:
        """A key of the keypad that is wired to the agent."""
        self._loop.call_soon_threadsafe(self._server.key, key)

    # --- what the server drives ------------------------------------------------------------------------------

    def view(self) -> dict[str, Any]:
        return self._now

    def scan(self, text: str) -> None:
        self.asked.append(("scan", text))

    def enter_pin(self, pin: str) -> None:
        self.asked.append(("pin", pin))

    def press(self, action: str) -> None:
        self.asked.append(("press", action))
