"""Driver of a Modbus RTU relay board with inputs, sharing its line with boards of other families."""

from __future__ import annotations

from edge.drivers.board import BoardStatus
from edge.drivers.board_bus import Answer, BoardBus, Exchange
from edge.drivers.board_config import BoardConfig
from edge.drivers.coil_duty import Coil
from edge.ports import PulseReply
from edge.wire.frames import modbus_rtu as modbus

QUERY_ATTEMPTS = 2
PULSE_UNIT_MS = 100


class ModbusRelayDriver:
    """One board. The board's own timer ends the pulse, so a crash of this computer never leaves a coil fed.

    A write is confirmed by its own bytes, which an adapter's echo has, too. So a pulse counts as acknowledged when
    the relay, read back while its time runs, is on; a refusal by the board is a refusal; all else is silence.
    """

    def __init__(self, config: BoardConfig, bus: BoardBus) -> None:
        self.config = config
        self._bus = bus

    async def pulse(self, number: int) -> PulseReply:
        address, value = self.config.pulse_base + number - 1, self.config.pulse_ms // PULSE_UNIT_MS

        def judge(frame: modbus.Reply) -> Answer[PulseReply] | None:
            if isinstance(frame, modbus.ErrorReply) and self._is_error(frame, modbus.WRITE_COIL):
                return Answer(PulseReply.REFUSED)
            mine = modbus.WriteReply(self.config.address, address, value)
            return Answer(PulseReply.ACKED) if frame == mine else None

        exchange = Exchange(
            modbus.encode_write_coil(self.config.address, address, value),
            modbus.reply_decoder(),
            judge,
            self.config.unlock_timeout_ms,
        )
        coil = Coil(self.config.module, number, max(self.config.coil_rest_ms, self.config.pulse_ms))
        reply = await self._bus.pulse(exchange, coil)
        if reply is not PulseReply.ACKED:
            return reply or PulseReply.NO_REPLY
        relays = await self._read(modbus.READ_COILS, number - 1, 1)
        return PulseReply.ACKED if relays and relays[0] else PulseReply.NO_REPLY

    async def read_status(self) -> BoardStatus | None:
        levels = await self._read(modbus.READ_INPUTS, 0, self.config.inputs)
        if levels is None:
            return None
        return BoardStatus(tuple(level == self.config.bit_when_closed for level in levels))

    async def _read(self, function: int, start: int, count: int) -> tuple[bool, ...] | None:
        def judge(frame: modbus.Reply) -> Answer[tuple[bool, ...] | None] | None:
            if isinstance(frame, modbus.ErrorReply) and self._is_error(frame, function):
                return Answer(None)
            if not isinstance(frame, modbus.BitsReply) or frame.unit != self.config.address:
                return None
            fits = frame.function == function and len(frame.values) == (count + 7) // 8 * 8
            return Answer(frame.values[:count]) if fits else None

        request = modbus.encode_read(self.config.address, function, start, count)
        exchange = Exchange(request, modbus.reply_decoder(), judge, self.config.query_timeout_ms)
        return await self._bus.query(exchange, attempts=QUERY_ATTEMPTS)

    def _is_error(self, frame: modbus.ErrorReply, function: int) -> bool:
        return frame.unit == self.config.address and frame.function == function
