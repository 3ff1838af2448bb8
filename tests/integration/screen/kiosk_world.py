"""A kiosk page over the real server and the real locker machine; the test plays boards, doors and the log."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from edge.core.locker.desired import Compartment
from edge.core.locker.model import CheckPin, ChooseCounter, CounterChosen, PinChecked, PinEntered, Pressed, Scanned
from edge.core.locker.view import view
from edge.ports import Channel, DoorState, PulseReply
from edge.screen.server import ScreenServer
from tests.integration.screen.view_player import cabinet
from tests.machine.playbook import Playbook


class KioskWorld:
    """Runs the page's server on a thread of its own; every call lands on that thread's loop."""

    def __init__(self, play: Playbook) -> None:
        layout = {
            door["no"]: Compartment(
                door["no"],
                Channel(door["module"], door["no"]),
                door["width_mm"],
                door["height_mm"],
                590,
                door["sill_mm"],
            )
            for door in cabinet()
        }
        play.state = replace(play.state, layout=layout)
        self.play = play
        self.known_pickup: str | None = None
        self.port = 0
        self.start()

    def start(self) -> None:
        """Serve the page, on the same port as before."""
        self._loop = asyncio.new_event_loop()
        self._server = ScreenServer(self, "127.0.0.1", self.port)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the page's server did not start")

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)

        def ready(url: str) -> None:
            self.url, self.port = url, self._server.port
            self._ready.set()

        self._task = self._loop.create_task(self._server.run(ready))
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)
        self._loop.close()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join(5)

    def do(self, act: Callable[[Playbook], Any]) -> None:
        """Let something happen at the locker, on the server's thread."""
        done = threading.Event()

        def run() -> None:
            try:
                act(self.play)
                self._answer()
            finally:
                self._server.changed()
                done.set()

        self._loop.call_soon_threadsafe(run)
        if not done.wait(5):
            raise RuntimeError("the machine did not answer")

    def key(self, key: str) -> None:
        """A key of the keypad that is wired to the agent."""
        self._loop.call_soon_threadsafe(self._server.key, key)

    def door(self, no: int, door: DoorState, occupied: bool | None = None) -> None:
        self.do(lambda play: play.door(no, door, occupied))

    def board_says(self, reply: PulseReply) -> None:
        self.do(lambda play: play.board_says(reply))

    # --- what the server drives: the machine, with the log's and key store's answers at once -------------------

    def view(self) -> dict[str, Any]:
        return view(self.play.state, self.play.now)

    def scan(self, text: str) -> None:
        self._take(Scanned(text, self.play.fresh()))

    def enter_pin(self, pin: str) -> None:
        self._take(PinEntered(pin, self.play.fresh()))

    def press(self, action: str) -> None:
        self._take(Pressed(action, self.play.fresh()))

    def _take(self, event: Any) -> None:
        self.play.when(event)
        self._answer()
        self._server.changed()

    def _answer(self) -> None:
        """Answer the key store's questions as the runtime does."""
        effects = list(self.play.effects)
        self.play.effects = [item for item in effects if not isinstance(item, CheckPin | ChooseCounter)]
        for effect in effects:
            if isinstance(effect, CheckPin):
                self.play.when(PinChecked(effect.attempt_id, self.known_pickup, self.play.fresh()))
            elif isinstance(effect, ChooseCounter):
                self.play.when(CounterChosen(effect.request_id, 0, self.play.fresh()))
