"""Driver of a KERONG CU48 lock board (48 locks; nothing answers an unlock)."""

from __future__ import annotations

from edge.drivers.board import BoardStatus
from edge.drivers.board_bus import Answer, BoardBus, Exchange
from edge.drivers.board_config import BoardConfig
from edge.drivers.coil_duty import Coil
from edge.ports import PulseReply
from edge.wire.frames import kerong_cu48

QUERY_ATTEMPTS = 2


class KerongCu48Driver:
    """One board. Every pulse gives NO_REPLY: the door sensor tells what it did."""

    def __init__(self, config: BoardConfig, bus: BoardBus) -> None:
        self.config = config
        self._bus = bus

    async def pulse(self, number: int) -> PulseReply:
        def judge(frame: kerong_cu48.StatusReply) -> Answer[PulseReply] | None:
            return None

        request = kerong_cu48.encode_unlock(self.config.address, number)
        coil = Coil(self.config.module, number, self.config.coil_rest_ms)
        await self._bus.pulse(Exchange(request, kerong_cu48.reply_decoder(), judge, timeout_ms=0), coil)
        return PulseReply.NO_REPLY

    async def read_status(self) -> BoardStatus | None:
        def judge(frame: kerong_cu48.StatusReply) -> Answer[BoardStatus] | None:
            if frame.board != self.config.address:
                return None
            wired = frame.closed[: self.config.inputs]
            return Answer(BoardStatus(tuple(bit == self.config.bit_when_closed for bit in wired)))

        exchange = Exchange(
            kerong_cu48.encode_status(self.config.address),
            kerong_cu48.reply_decoder(),
            judge,
            self.config.query_timeout_ms,
        )
        return await self._bus.query(exchange, attempts=QUERY_ATTEMPTS)
