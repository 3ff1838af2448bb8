"""Driver of a KERONG CU lock board."""

from __future__ import annotations

from edge.drivers.board import BoardStatus
from edge.drivers.board_bus import Answer, BoardBus, Exchange
from edge.drivers.board_config import BoardConfig, UnlockAnswer
from edge.ports import PulseReply
from edge.wire.frames import kerong_cu

QUERY_ATTEMPTS = 2
OPTIONAL_WAIT_MS = 500


class KerongCuDriver:
    """One board. Some firmwares answer an unlock with a status, some never: the latter always gives NO_REPLY.

    A status that still shows the hook locked says nothing about this pulse (it may be an older one, or the coil is
    still on its way), so only an open hook counts as an answer.
    """

    def __init__(self, config: BoardConfig, bus: BoardBus) -> None:
        self.config = config
        self._bus = bus

    async def pulse(self, number: int) -> PulseReply:
        def judge(frame: kerong_cu.StatusReply) -> Answer[PulseReply] | None:
            if frame.board != self.config.address or self._closed(frame)[number - 1]:
                return None
            return Answer(PulseReply.ACKED)

        exchange = Exchange(
            kerong_cu.encode_unlock(self.config.address, number),
            kerong_cu.reply_decoder(),
            judge,
            self._patience_ms(),
        )
        return await self._bus.pulse(exchange) or PulseReply.NO_REPLY

    async def read_status(self) -> BoardStatus | None:
        def judge(frame: kerong_cu.StatusReply) -> Answer[BoardStatus] | None:
            if frame.board != self.config.address:
                return None
            wired = self.config.channels
            occupied = frame.occupied[:wired] if self.config.item_sensors else ()
            return Answer(BoardStatus(self._closed(frame)[:wired], occupied))

        exchange = Exchange(
            kerong_cu.encode_status(self.config.address),
            kerong_cu.reply_decoder(),
            judge,
            self.config.query_timeout_ms,
        )
        return await self._bus.query(exchange, attempts=QUERY_ATTEMPTS)

    def _patience_ms(self) -> int:
        match self.config.answer:
            case UnlockAnswer.EXPECTED:
                return self.config.unlock_timeout_ms
            case UnlockAnswer.OPTIONAL:
                return min(OPTIONAL_WAIT_MS, self.config.unlock_timeout_ms)
            case UnlockAnswer.NEVER:
                return 0

    def _closed(self, frame: kerong_cu.StatusReply) -> tuple[bool, ...]:
        return tuple(bit == bool(self.config.closed_bit) for bit in frame.locked)
