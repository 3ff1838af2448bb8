"""Broker and wires between devices and cloud: loses, doubles, delays, reorders, cuts, and lets somebody listen."""

from __future__ import annotations

import random
from collections.abc import Callable

from cloud_bridge.errors import LinkDown as CloudLinkDown
from cloud_bridge.fleet.model import Outgoing
from edge.errors import LinkDown
from tests.simulation.oracle import Oracle
from tests.simulation.weather import Weather
from tests.virtual_loop import VirtualLoop

ToCloud = Callable[[str, str, bytes], None]
ToDevice = Callable[[str, bytes, bool], None]


class Network:
    """One broker. A message in flight is lost when the broker or that device's connection dies before it arrives."""

    def __init__(self, weather: Weather, loop: VirtualLoop, dice: random.Random, oracle: Oracle) -> None:
        self.weather, self.loop, self.dice, self.oracle = weather, loop, dice, oracle
        self.to_cloud: ToCloud = lambda device_id, channel, payload: None
        self.wires: dict[str, Wire] = {}
        self.up = True
        self.boot = 0
        self.retained: dict[str, bytes] = {}
        self.calm = False

    def wire(self, device_id: str) -> Wire:
        self.wires[device_id] = Wire(self, device_id)
        return self.wires[device_id]

    async def publish(self, message: Outgoing) -> None:
        """What the cloud says to one device."""
        if not self.up:
            raise CloudLinkDown("the broker is down", where=message.device_id)
        if message.retain:
            self.retained[message.device_id] = message.payload
        self.wires[message.device_id].say(message.channel, message.payload)

    def crash(self) -> None:
        """All connections drop; what it had not delivered is gone, and half of the time its retained messages too."""
        self.up = False
        self.boot += 1
        if self.dice.random() < 0.5:
            self.retained.clear()
        for wire in self.wires.values():
            wire.drop(0.0)

    def restart(self) -> None:
        self.up = True
        for wire in self.wires.values():
            wire.try_connect()

    def delays_s(self) -> list[float]:
        """When the copies of one message arrive; none when it is lost."""
        weather, dice = self.weather, self.dice
        if self.calm:
            return [0.05]
        if weather.loss and dice.random() < weather.loss:
            return []
        count = 2 if weather.duplicate and dice.random() < weather.duplicate else 1
        low, high = weather.delay_ms
        delays = [dice.uniform(low, high) / 1000 for _ in range(count)]
        if weather.slow and dice.random() < weather.slow:
            delays[-1] = dice.uniform(1, 60)
        return delays


class Wire:
    """One device's connection. `listener` is set while its agent runs."""

    def __init__(self, network: Network, device_id: str) -> None:
        self._net, self._device_id = network, device_id
        self.connected = False  # what the broker thinks
        self.cut = False
        self.powered = False
        self.connection = 0
        self.listener: ToDevice | None = None
        self.on_up: Callable[[], None] = lambda: None
        self.on_down: Callable[[], None] = lambda: None
        self._thinks_up = False  # what the device thinks
        self._last_s = {"up": 0.0, "down": 0.0}

    # --- device → cloud --------------------------------------------------------------------------------------

    def send(self, channel: str, payload: bytes) -> None:
        """Raises LinkDown when the device knows that the link is down; a link that died unnoticed swallows."""
        if not self._thinks_up:
            raise LinkDown("no connection", where=self._device_id)
        if not self.connected:
            return
        for delay_s in self._net.delays_s():
            self._at(delay_s, "up", self._arrive_up, self._net.boot, channel, payload)
        self._overhear(payload, self._arrive_up, self._net.boot, channel, payload)

    def _arrive_up(self, boot: int, channel: str, payload: bytes) -> None:
        if self._net.up and boot == self._net.boot:
            self._net.to_cloud(self._device_id, channel, payload)

    # --- cloud → device --------------------------------------------------------------------------------------

    def say(self, channel: str, payload: bytes) -> None:
        for delay_s in self._net.delays_s():
            self._at(delay_s, "down", self._arrive_down, self.connection, channel, payload, False)
        self._overhear(payload, self._arrive_down, None, channel, payload, self._net.dice.random() < 0.3)

    def _arrive_down(self, connection: int | None, channel: str, payload: bytes, retained: bool) -> None:
        if self.connected and connection in (None, self.connection) and self.listener is not None:
            self.listener(channel, payload, retained)

    def _at(self, delay_s: float, way: str, call: Callable[..., None], *args: object) -> None:
        at_s = self._net.loop.time() + delay_s
        if not self._net.weather.reorder:
            at_s = self._last_s[way] = max(at_s, self._last_s[way])
        self._net.loop.call_at(at_s, call, *args)

    def _overhear(self, payload: bytes, call: Callable[..., None], *args: object) -> None:
        """Somebody on the path keeps a message and brings it out again, minutes to hours later."""
        replayed = self._net.weather.replayed
        if replayed and not self._net.calm and self._net.dice.random() < replayed:
            self._net.oracle.stats["replayed"] += 1
            self._net.loop.call_later(self._net.dice.choice((5, 40, 90, 900, 7_200)), call, *args)

    # --- connection ------------------------------------------------------------------------------------------

    def power(self, on: bool) -> None:
        self.powered = on
        if on:
            self._net.loop.call_later(self._net.dice.uniform(0.5, 5), self.try_connect)
        else:
            self.listener = None
            self._thinks_up = False
            self._lose()

    def cut_now(self) -> None:
        self.cut = True
        self.drop(0.0 if self._net.dice.random() < 0.5 else self._net.dice.uniform(1, 90))

    def mend(self) -> None:
        self.cut = False
        self._net.loop.call_later(self._net.dice.uniform(0.5, 30), self.try_connect)

    def drop(self, noticed_after_s: float) -> None:
        """The connection is gone; the device finds out now or some time later."""
        if not self.connected:
            return
        self._lose()
        self._net.loop.call_later(noticed_after_s, self._notice, self.connection)

    def _lose(self) -> None:
        if self.connected:
            self.connected = False
            self.connection += 1
            self._net.loop.call_later(1.0, self._last_will, self.connection)

    def _last_will(self, connection: int) -> None:
        if connection == self.connection and not self.connected and self._net.up:
            self._net.to_cloud(self._device_id, "presence", b"offline")

    def _notice(self, connection: int) -> None:
        if connection == self.connection and self._thinks_up:
            self._thinks_up = False
            self.on_down()
            self._net.loop.call_later(self._net.dice.uniform(0.5, 10), self.try_connect)

    def try_connect(self) -> None:
        if self.connected or self._thinks_up or self.cut or not self.powered or not self._net.up:
            return
        self.connected = self._thinks_up = True
        self._net.oracle.note(self._device_id, "connected")
        self._net.to_cloud(self._device_id, "presence", b"online")
        self.on_up()
        retained = self._net.retained.get(self._device_id)
        if retained is not None:
            self._at(0.02, "down", self._arrive_down, self.connection, "desired", retained, True)
