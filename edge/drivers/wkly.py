"""Driver of a WKLY lock board."""

from __future__ import annotations

from edge.drivers.board import BoardStatus
from edge.drivers.board_bus import Answer, BoardBus, Exchange
from edge.drivers.board_config import BoardConfig
from edge.drivers.board_family import UnlockAnswer
from edge.drivers.coil_duty import Coil
from edge.ports import PulseReply
from edge.wire.frames import wkly

QUERY_ATTEMPTS = 2
OPTIONAL_WAIT_MS = 800


class WklyDriver:
    """One board. It says whether it drove the coil, and what the door contact said just then.

    "Failed" is a refusal. "Done" counts as an acknowledgement only together with an open door; with a closed one the
    latch may still be on its way, so that is no answer and the door's sensor decides. Door changes that the board
    tells by itself pass by: they are no answers, and the next reading tells the same.
    """

    def __init__(self, config: BoardConfig, bus: BoardBus) -> None:
        self.config = config
        self._bus = bus

    async def pulse(self, number: int) -> PulseReply:
        def judge(frame: wkly.Reply) -> Answer[PulseReply] | None:
            if not isinstance(frame, wkly.ChannelReply) or frame.command != wkly.UNLOCK:
                return None
            if frame.board != self.config.address or frame.channel != number:
                return None
            if not frame.done:
                return Answer(PulseReply.REFUSED)
            return Answer(PulseReply.ACKED if self._says_open(frame, number) else PulseReply.NO_REPLY)

        exchange = Exchange(
            wkly.encode_unlock(self.config.address, number), wkly.reply_decoder(), judge, self._patience_ms()
        )
        coil = Coil(self.config.module, number, self.config.coil_rest_ms)
        return await self._bus.pulse(exchange, coil) or PulseReply.NO_REPLY

    async def read_status(self) -> BoardStatus | None:
        def judge(frame: wkly.Reply) -> Answer[BoardStatus] | None:
            if not isinstance(frame, wkly.StatusReply) or frame.board != self.config.address:
                return None
            wired = frame.door_bits[: self.config.inputs]
            if len(wired) < self.config.inputs:
                return None
            return Answer(BoardStatus(tuple(bool(bit) == self.config.bit_when_closed for bit in wired)))

        exchange = Exchange(
            wkly.encode_query_all(self.config.address), wkly.reply_decoder(), judge, self.config.query_timeout_ms
        )
        return await self._bus.query(exchange, attempts=QUERY_ATTEMPTS)

    def _says_open(self, frame: wkly.ChannelReply, number: int) -> bool:
        closed = (bool(frame.door_bit) == self.config.bit_when_closed) != (number in self.config.inverted)
        return not closed and self.config.input_of(number) == number

    def _patience_ms(self) -> int:
        match self.config.answer:
            case UnlockAnswer.EXPECTED:
                return self.config.unlock_timeout_ms
            case UnlockAnswer.OPTIONAL:
                return min(OPTIONAL_WAIT_MS, self.config.unlock_timeout_ms)
            case UnlockAnswer.NEVER:
                return 0
