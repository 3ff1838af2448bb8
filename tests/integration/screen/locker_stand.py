"""A whole locker with nobody in the cloud: the shipped process over simulated boards and a reader on real ptys."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from edge.agents.locker_process import LockerProcess
from edge.config import AgentConfig
from edge.core.locker.model import SessionChanged
from edge.wire import canonical
from edge.wire.event import parse_event
from edge.wire.messages import Command, Desired
from edge.wire.secrets import PIN_KEY, wrap_secret
from firmware_sim.config import LockerFile
from firmware_sim.faults import Fault, FaultName
from firmware_sim.pty_server import PtyServer
from hil.demo.folder import free_port
from tests.machine.playbook import START_AT_MS, hex_id
from tests.machine.visitors import FLEET

T = TypeVar("T")
DEVICE = "locker-1"
NONCE = b"n" * 16
SIZES_MM = {"S": (440, 110), "M": (440, 190), "L": (440, 390)}
COLUMN = "LMMSSSSMSSSS"  # of a module, from its lowest door on
PATIENCE_S = 20


def compartments(doors: tuple[int, int]) -> list[dict[str, Any]]:
    """Two modules: the first without, the second with sensors that see what is inside."""
    rows: list[dict[str, Any]] = []
    for module, count in zip("ab", doors, strict=True):
        sill_mm = 150
        for channel, size in enumerate(COLUMN[:count], 1):
            width_mm, height_mm = SIZES_MM[size]
            inside = {"width_mm": width_mm, "height_mm": height_mm, "depth_mm": 590, "sill_mm": sill_mm}
            rows.append({"no": len(rows) + 1, "module": module, "channel": channel, **inside})
            sill_mm += height_mm + 12
    return rows


class LockerStand:
    """Runs on a thread of its own until `stop`; each call lands on that thread's loop and returns when it is done."""

    def __init__(self, folder: Path, doors: tuple[int, int] = (12, 12)) -> None:
        self._folder, self._rows = folder, compartments(doors)
        self._version = 0
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        if not self._started.wait(30) or self._problem is not None:
            raise RuntimeError("the locker did not start") from self._problem
        self._on_loop(self._first_words_of_the_cloud)
        self.until("in service", lambda: self.view()["step"] == "idle")

    # --- the process and its boards --------------------------------------------------------------------------

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._run())
        with contextlib.suppress(asyncio.CancelledError):
            try:
                self._loop.run_until_complete(self._task)
            except BaseException as problem:
                self._problem = problem
        self._started.set()
        self._loop.close()

    async def _run(self) -> None:
        self._ptys = PtyServer(self._simulated().build(), self._folder / "ports")
        try:
            self._ptys.start()
            self.process = LockerProcess(self._config())
            await self.process.run(self._ready)
        finally:
            self._ptys.close()

    def _ready(self, url: str) -> None:
        self.url = url
        self._started.set()

    def _counts(self) -> dict[str, int]:
        return {module: sum(row["module"] == module for row in self._rows) for module in "ab"}

    def _simulated(self) -> LockerFile:
        counts = self._counts()
        boards = [
            {"module": "a", "family": "xor_8a", "address": 1, "channels": counts["a"], "unlock_reply_ms": 50},
            {"module": "b", "family": "kerong_cu", "address": 0, "channels": counts["b"], "unlock_reply_ms": 50},
        ]
        ports = [{"name": f"lock-{board['module']}", "boards": [board]} for board in boards]
        return LockerFile.model_validate({"ports": ports, "readers": [{"name": "reader"}]})

    def _config(self) -> AgentConfig:
        trust, ports, counts = self._folder / "trust.bundle", self._folder / "ports", self._counts()
        trust.write_bytes(FLEET.sealed_bundle)
        boards = (
            {"module": "a", "family": "xor_8a", "address": 1, "channels": counts["a"]},
            {"module": "b", "family": "kerong_cu", "address": 0, "channels": counts["b"], "item_sensors": True},
        )
        return AgentConfig.model_validate(
            {
                "device_id": DEVICE,
                "fleet": FLEET.name,
                "data_dir": self._folder,
                "keys_dir": self._folder / "keys",
                "root_public_hex": FLEET.root.public.hex(),
                "trust_file": trust,
                "mqtt": {"port": free_port(), "tls": False},  # nobody listens there
                "screen": {"port": 0},
                "bus": [{"port": str(ports / f"lock-{board['module']}"), "board": [board]} for board in boards],
                "scanner": {"port": str(ports / "reader")},
                "compartment": self._rows,
            }
        )

    def _first_words_of_the_cloud(self) -> None:
        """Once, before it went away: the time, the key of the PINs, and that nothing was here before."""
        agent, keys = self.process._agent, self.process._keys
        agent._clock_signed(START_AT_MS, 0)
        wrapped = wrap_secret(b"p" * 32, public=keys.wrap_public, device_id=DEVICE, name=PIN_KEY, version=1)
        keys.unwrap(PIN_KEY, 1, wrapped)
        stream = agent.runtime.state.stream
        self._deliver({"restore": {"stream": stream, "contents": [], "used": [], "wrong_in_row": 0}})

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join(10)

    def _on_loop(self, act: Callable[[], T]) -> T:
        async def run() -> T:
            return act()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(PATIENCE_S)

    def until(self, what: str, holds: Callable[[], Any]) -> Any:
        """The first true answer of `holds`."""
        ends = time.monotonic() + PATIENCE_S
        while not (found := holds()):
            if time.monotonic() > ends:
                raise AssertionError(f"not within {PATIENCE_S} s: {what}; the kiosk shows {self.view()}")
            time.sleep(0.02)
        return found

    # --- what the cloud said while it was there --------------------------------------------------------------

    def want(self, **sections: Any) -> None:
        """Another desired state; sections that are not named are empty again."""
        self._on_loop(functools.partial(self._deliver, sections))
        self.until("applied", lambda: self.process._agent._desired_version() == (1, self._version))

    def _deliver(self, sections: dict[str, Any]) -> None:
        self._version += 1
        self.process._agent._delivered(Desired(DEVICE, 1, self._version, canonical.encode(sections)))

    def command(self, kind: str, **args: Any) -> None:
        def tell() -> None:
            agent, at_ms = self.process._agent, self.now_ms
            agent.runtime.feed(SessionChanged(NONCE))
            agent._delivered(
                Command(hex_id(900), DEVICE, NONCE, kind, args, at_ms, at_ms + 60_000, "ops:1", "asked for")
            )
            agent.runtime.feed(SessionChanged(None))

        self._on_loop(tell)

    def travel(self, delay_ms: int) -> None:
        """Signed time moves on."""
        self._on_loop(lambda: self.process._agent._clock_signed(self.now_ms + delay_ms, 0))

    @property
    def now_ms(self) -> int:
        return self.process._clock.now().at_ms

    # --- people ----------------------------------------------------------------------------------------------

    def scan(self, text: str) -> None:
        """Hold a code under the reader."""
        self._on_loop(lambda: self._ptys.show("reader", text.encode()))

    def key(self, key: str) -> None:
        """A key of the wired keypad."""
        self._on_loop(lambda: self.process._key_pressed(key))

    def pin(self, pickup: int) -> str:
        """What the recipient's message says."""
        held = [code for code in self.process._agent.runtime.state.live_codes() if code[0] == hex_id(pickup)]
        return self.process._keys.pin(*held[0])

    def put(self, no: int) -> None:
        self._hand("put", no)

    def take(self, no: int) -> None:
        self._hand("take", no)

    def close(self, no: int) -> None:
        self._hand("close_by_hand", no)

    def _hand(self, what: str, no: int) -> None:
        row = self._rows[no - 1]
        cabinet = self._ptys.locker.cabinet(row["module"])
        self._on_loop(lambda: getattr(cabinet, what)(row["channel"], self._ptys.now_ms()))

    def jam(self, no: int) -> None:
        """Its latch does not move any more."""
        row = self._rows[no - 1]
        self._on_loop(lambda: self._ptys.set_fault(Fault(FaultName.JAM, row["module"], row["channel"])))

    def frees(self, no: int) -> None:
        """Somebody has mended that latch."""
        row = self._rows[no - 1]
        self._on_loop(lambda: self._ptys.locker.clear_fault(FaultName.JAM, row["module"], row["channel"]))

    # --- what came of it -------------------------------------------------------------------------------------

    def view(self) -> dict[str, Any]:
        return self._on_loop(self.process._agent.view)

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """The whole log."""
        batch = asyncio.run_coroutine_threadsafe(
            self.process._opened.log.read(0, 10_000, 10_000_000), self._loop
        ).result(PATIENCE_S)
        events = [] if batch is None else map(parse_event, batch.events)
        return [(event.type, dict(event.data)) for event in events]

    def recorded(self, event_type: str, **data: Any) -> dict[str, Any]:
        """The newest event of that type with these members, as soon as it is there."""

        def newest() -> dict[str, Any] | None:
            return next(
                (
                    found
                    for kind, found in reversed(self.events())
                    if kind == event_type and data.items() <= found.items()
                ),
                None,
            )

        found: dict[str, Any] = self.until(f"{event_type} {data}", newest)
        return found
