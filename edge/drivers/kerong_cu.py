"""Driver of a KERONG CU lock board: CU12, CU16, and CU24, which answers to two board numbers."""

from __future__ import annotations

from edge.drivers.board import BoardStatus
from edge.drivers.board_bus import Answer, BoardBus, Exchange
from edge.drivers.board_config import BoardConfig
from edge.drivers.board_family import KERONG_LOCKS_PER_ADDRESS, UnlockAnswer
from edge.drivers.coil_duty import Coil
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
        bank, index = divmod(number - 1, KERONG_LOCKS_PER_ADDRESS)
        address = self.config.addresses[bank]

        def judge(frame: kerong_cu.StatusReply) -> Answer[PulseReply] | None:
            if frame.board != address or self.config.input_of(number) != number:
                return None
            still_closed = (frame.locked[index] == self.config.bit_when_closed) != (number in self.config.inverted)
            return None if still_closed else Answer(PulseReply.ACKED)

        exchange = Exchange(
            kerong_cu.encode_unlock(address, index + 1),
            kerong_cu.reply_decoder(),
            judge,
            self._patience_ms(),
        )
        coil = Coil(self.config.module, number, self.config.coil_rest_ms)
        return await self._bus.pulse(exchange, coil) or PulseReply.NO_REPLY

    async def read_status(self) -> BoardStatus | None:
        closed: tuple[bool, ...] = ()
        occupied: tuple[bool, ...] = ()
        for address in self.config.addresses:
            frame = await self._read(address)
            if frame is None:
                return None
            closed += tuple(bit == self.config.bit_when_closed for bit in frame.locked)
            occupied += frame.occupied
        sensed = occupied[: self.config.channels] if self.config.item_sensors else ()
        return BoardStatus(closed[: self.config.inputs], sensed)

    async def _read(self, address: int) -> kerong_cu.StatusReply | None:
        def judge(frame: kerong_cu.StatusReply) -> Answer[kerong_cu.StatusReply] | None:
            return Answer(frame) if frame.board == address else None

        exchange = Exchange(
            kerong_cu.encode_status(address), kerong_cu.reply_decoder(), judge, self.config.query_timeout_ms
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
