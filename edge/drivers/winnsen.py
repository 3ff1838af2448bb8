"""Driver of a Winnsen lock board."""

from __future__ import annotations

from edge.drivers.board import BoardStatus
from edge.drivers.board_bus import Answer, BoardBus, Exchange
from edge.drivers.board_config import BoardConfig
from edge.drivers.coil_duty import Coil
from edge.ports import PulseReply
from edge.wire.frames import winnsen

QUERY_ATTEMPTS = 2
SILENT_MAX = 2

_ANSWERS = {
    winnsen.OPEN_OR_DONE: PulseReply.ACKED,
    winnsen.CLOSED_OR_FAILED: PulseReply.REFUSED,
    winnsen.COOLING: PulseReply.REFUSED,
}


class WinnsenDriver:
    """One board. Its answer to an unlock says opened, failed, or refused because the coil is still hot.

    Doors are asked for one by one: the family has no question for all. A board that leaves two questions in a row
    without an answer counts as silent, so that a dead one holds up its bus no longer than any other family's.
    """

    def __init__(self, config: BoardConfig, bus: BoardBus) -> None:
        self.config = config
        self._bus = bus
        wanted = {config.input_of(channel.number) for channel in config.all_channels()}
        self._wanted = sorted(number for number in wanted if number)

    async def pulse(self, number: int) -> PulseReply:
        def judge(frame: winnsen.Reply) -> Answer[PulseReply] | None:
            if frame.command != winnsen.UNLOCK or not self._is_mine(frame, number):
                return None
            return Answer(_ANSWERS[frame.status])

        exchange = Exchange(
            winnsen.encode_unlock(self.config.address, number),
            winnsen.reply_decoder(status_first=self.config.status_first),
            judge,
            self.config.unlock_timeout_ms,
        )
        coil = Coil(self.config.module, number, self.config.coil_rest_ms)
        return await self._bus.pulse(exchange, coil) or PulseReply.NO_REPLY

    async def read_status(self) -> BoardStatus | None:
        closed: list[bool | None] = [None] * self.config.inputs
        silent = 0
        for number in self._wanted:
            status = await self._read(number)
            silent = silent + 1 if status is None else 0
            if silent == SILENT_MAX or (status is None and number == self._wanted[0]):
                return None
            if status in (winnsen.CLOSED_OR_FAILED, winnsen.OPEN_OR_DONE):
                closed[number - 1] = bool(status) == self.config.bit_when_closed
        return BoardStatus(tuple(closed))

    async def _read(self, number: int) -> int | None:
        def judge(frame: winnsen.Reply) -> Answer[int] | None:
            return Answer(frame.status) if frame.command == winnsen.QUERY and self._is_mine(frame, number) else None

        exchange = Exchange(
            winnsen.encode_query(self.config.address, number),
            winnsen.reply_decoder(status_first=self.config.status_first),
            judge,
            self.config.query_timeout_ms,
        )
        return await self._bus.query(exchange, attempts=QUERY_ATTEMPTS)

    def _is_mine(self, frame: winnsen.Reply, number: int) -> bool:
        return frame.station == self.config.address and frame.lock == number
