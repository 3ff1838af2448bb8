"""Driver of an XOR "8A" lock board."""

from __future__ import annotations

from edge.drivers.board import BoardStatus
from edge.drivers.board_bus import Answer, BoardBus, Exchange
from edge.drivers.board_config import BoardConfig
from edge.drivers.coil_duty import Coil
from edge.ports import PulseReply
from edge.wire.frames import xor_8a

SETTLE_MS = 700
QUERY_ATTEMPTS = 2


class Xor8aDriver:
    """One board. Its answer to an unlock tells what the door contact says: open is success, closed is refusal.

    That holds where each door is felt by the input of its own number; on a remapped channel an answer about the door
    of another is no answer, and only "no reply" can be said.

    One of the two answers has the bytes of the request, and an adapter might echo although nobody said so. That
    answer is believed only when no other one follows within the time in which boards answer.
    """

    def __init__(self, config: BoardConfig, bus: BoardBus) -> None:
        self.config = config
        self._bus = bus

    async def pulse(self, number: int) -> PulseReply:
        def judge(frame: xor_8a.Reply) -> Answer[PulseReply] | None:
            if not isinstance(frame, xor_8a.UnlockReply) or not self._is_mine(frame.board, frame.channel, number):
                return None
            closed = (frame.status_set == self.config.bit_when_closed) != (number in self.config.inverted)
            if self.config.input_of(number) != number:
                return None
            certain = not frame.status_set or self._bus.config.echo
            return Answer(PulseReply.REFUSED if closed else PulseReply.ACKED, certain)

        coil = Coil(self.config.module, number, self.config.coil_rest_ms)
        exchange = Exchange(
            xor_8a.encode_unlock(self.config.address, number),
            xor_8a.reply_decoder(groups=self.config.groups),
            judge,
            self.config.unlock_timeout_ms,
            SETTLE_MS,
        )
        return await self._bus.pulse(exchange, coil) or PulseReply.NO_REPLY

    async def read_status(self) -> BoardStatus | None:
        def judge(frame: xor_8a.Reply) -> Answer[BoardStatus] | None:
            if not isinstance(frame, xor_8a.StatusReply) or frame.board != self.config.address:
                return None
            wired = frame.bits_set[: self.config.inputs]
            return Answer(BoardStatus(tuple(bit == self.config.bit_when_closed for bit in wired)))

        exchange = Exchange(
            xor_8a.encode_query_all(self.config.address),
            xor_8a.reply_decoder(groups=self.config.groups),
            judge,
            self.config.query_timeout_ms,
        )
        return await self._bus.query(exchange, attempts=QUERY_ATTEMPTS)

    def _is_mine(self, board: int, channel: int, number: int) -> bool:
        return board == self.config.address and channel == number
