"""One serial port as a bus of lock boards: one request in flight, each answer matched to its request.

A request is written once. Whether a lack of answer may be followed by another writing is the caller's decision:
queries may be asked again, an unlock is never.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from edge.drivers.board_config import BusConfig
from edge.drivers.coil_duty import Coil, CoilDuty
from edge.errors import LineLost
from edge.ports import SerialLine
from edge.wire.frames.frame import EchoFilter, FrameDecoder, Garbage

T = TypeVar("T")
F = TypeVar("F")

OpenLine = Callable[[str, int], SerialLine]
"""Opens a port by path and speed; raises LineLost."""

DRAIN_MAX_MS = 500


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A frame that answers the request. Unless `certain`, a later frame within the time-out may correct it."""

    value: T
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Exchange(Generic[F, T]):
    """A request, and how to know its answer.

    Args:
        judge: the answer in a frame, or None when the frame answers something else.
        settle_ms: how long an answer that is not certain may be corrected.
    """

    request: bytes
    decoder: FrameDecoder[F]
    judge: Callable[[F], Answer[T] | None]
    timeout_ms: int
    settle_ms: int = 0


class BoardBus:
    """Owns one port: opens it by path, loses it, and finds it again."""

    def __init__(self, config: BusConfig, open_line: OpenLine) -> None:
        self.config = config
        self.garbage_bytes = 0
        self._open_line = open_line
        self._line: SerialLine | None = None
        self._turn = asyncio.Lock()
        self._duty = CoilDuty(config.coil_rest_ms, config.wait_max_ms)
        self._unsettled_until_s: float | None = None
        self._reopen_at_s = 0.0
        self._quiet_since_s = 0.0

    @property
    def is_open(self) -> bool:
        return self._line is not None

    async def query(self, exchange: Exchange[F, T], *, attempts: int = 1) -> T | None:
        """Ask up to `attempts` times; None when nothing answered. Raises LineLost."""
        for _ in range(attempts):
            async with self._turn:
                answer = await self._perform(exchange)
            if answer is not None:
                return answer
        return None

    async def pulse(self, exchange: Exchange[F, T], coil: Coil) -> T | None:
        """Write one unlock request exactly once, when coil and supply have rested; None when nothing answered.

        Pulses wait in their order, and questions go on meanwhile.

        Raises:
            LineLost: the request was not handed to the port; no lock moves because of it.
            CoilBusy: it would have to wait so long that whoever asked may be gone.
        """
        async with self._duty.turn(coil), self._turn:
            line = await self._ready_line()
            self._duty.tire(coil)
            await self._write(line, exchange)
            with contextlib.suppress(LineLost):  # it may have moved the lock: the same as silence
                return await self._await_answer(line, exchange)
            return None

    async def close(self) -> None:
        async with self._turn:
            await self._drop_line()

    async def _perform(self, exchange: Exchange[F, T]) -> T | None:
        line = await self._ready_line()
        await self._write(line, exchange)
        return await self._await_answer(line, exchange)

    async def _ready_line(self) -> SerialLine:
        if self._line is None:
            self._line = self._reopen()
        if self._unsettled_until_s is not None:
            await self._outwait(self._line, self._unsettled_until_s)
        self._line.discard_input()
        return self._line

    def _reopen(self) -> SerialLine:
        now_s = asyncio.get_running_loop().time()
        if now_s < self._reopen_at_s:
            raise LineLost("the port is gone", where=self.config.port, remedy="Plug the adapter in again.")
        self._reopen_at_s = now_s + self.config.reopen_ms / 1000
        return self._open_line(self.config.port, self.config.speed_baud)

    async def _write(self, line: SerialLine, exchange: Exchange[F, T]) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._quiet_since_s + self.config.gap_ms / 1000 - loop.time()))
        # Whoever is cancelled between here and the answer leaves the line unsettled: the next one outwaits it.
        self._unsettled_until_s = loop.time() + exchange.timeout_ms / 1000
        self._quiet_since_s = loop.time()
        try:
            await line.write(exchange.request)
        except LineLost:
            await self._drop_line()
            raise

    async def _await_answer(self, line: SerialLine, exchange: Exchange[F, T]) -> T | None:
        listener = _Listener(exchange, EchoFilter(exchange.request) if self.config.echo else None)
        try:
            try:
                async with asyncio.timeout(exchange.timeout_ms / 1000) as patience:
                    await self._listen(line, listener, patience)
            except TimeoutError:
                listener.end()
            answered = listener.answer is not None and listener.answer.certain
            if not answered:
                await self._drain(line)
        except LineLost:
            await self._drop_line()
            raise
        finally:
            self.garbage_bytes += listener.garbage_bytes
            self._quiet_since_s = asyncio.get_running_loop().time()
        self._unsettled_until_s = None
        return None if listener.answer is None else listener.answer.value

    async def _listen(self, line: SerialLine, listener: _Listener[F, T], patience: asyncio.Timeout) -> None:
        loop = asyncio.get_running_loop()
        while True:
            first = listener.answer is None
            listener.hear(await line.read())
            if listener.answer is not None and listener.answer.certain:
                return
            if first and listener.answer is not None:
                patience.reschedule(loop.time() + listener.exchange.settle_ms / 1000)

    async def _drain(self, line: SerialLine) -> None:
        """Let a late or broken answer run out, so that the next request is not met by it."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + DRAIN_MAX_MS / 1000
        with contextlib.suppress(TimeoutError):
            while loop.time() < until_s:
                async with asyncio.timeout(self.config.quiet_ms / 1000):
                    self.garbage_bytes += len(await line.read())

    async def _outwait(self, line: SerialLine, until_s: float) -> None:
        """Hear out an exchange that its caller gave up, so that its answer is not taken for the next one's."""
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(until_s):
                    while True:
                        self.garbage_bytes += len(await line.read())
            await self._drain(line)
        except LineLost:
            await self._drop_line()
            raise
        self._unsettled_until_s = None

    async def _drop_line(self) -> None:
        line, self._line = self._line, None
        self._unsettled_until_s = None
        if line is not None:
            await line.close()


class _Listener(Generic[F, T]):
    """Bytes of one exchange on their way to an answer; the newest matching frame counts."""

    def __init__(self, exchange: Exchange[F, T], echo: EchoFilter | None) -> None:
        self.exchange = exchange
        self.answer: Answer[T] | None = None
        self.garbage_bytes = 0
        self._echo = echo

    def hear(self, data: bytes) -> None:
        self.exchange.decoder.receive_data(self._echo.receive_data(data) if self._echo else data)
        self._judge()

    def end(self) -> None:
        """No more bytes come: a frame hidden behind a false start shows up now."""
        self.exchange.decoder.receive_quiet()
        self._judge()

    def _judge(self) -> None:
        while (seen := self.exchange.decoder.next_frame()) is not None:
            if isinstance(seen, Garbage):
                self.garbage_bytes += len(seen.data)
                continue
            judged = self.exchange.judge(seen)
            if judged is not None and not (self.answer is not None and self.answer.certain):
                self.answer = judged
