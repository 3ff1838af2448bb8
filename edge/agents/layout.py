"""From configuration sections to the values that drivers and machine work with."""

from __future__ import annotations

from collections.abc import Mapping

from edge.config import AgentConfig, StorageConfig
from edge.core.locker.desired import Compartment
from edge.drivers.board_config import BoardConfig, BusConfig, LockBankConfig
from edge.drivers.board_family import BoardFamily, UnlockAnswer
from edge.hardware_config import BusSection
from edge.ports import Channel
from edge.storage.limits import DAY_S, LogLimits


def lock_bank_config(config: AgentConfig) -> LockBankConfig:
    return LockBankConfig(buses=tuple(map(_bus, config.bus)))


def _bus(section: BusSection) -> BusConfig:
    boards = tuple(
        BoardConfig(
            module=board.module,
            family=BoardFamily(board.family),
            address=board.address,
            channels=board.channels,
            closed_bit=board.closed_bit,
            groups=board.groups,
            unlock_answer=None if board.unlock_answer is None else UnlockAnswer(board.unlock_answer),
            item_sensors=board.item_sensors,
            door_inputs=board.door_inputs,
            inverted=frozenset(board.inverted),
            unpopulated=frozenset(board.unpopulated),
            status_first=board.status_first,
            pulse_ms=board.pulse_ms,
            pulse_base=board.pulse_base,
            coil_rest_ms=board.coil_rest_ms,
        )
        for board in section.board
    )
    return BusConfig(section.port, boards, section.echo, section.baud, coil_rest_ms=section.coil_rest_ms)


def compartments(config: AgentConfig) -> Mapping[int, Compartment]:
    """Door number → compartment."""
    return {
        item.no: Compartment(
            no=item.no,
            channel=Channel(item.module, item.channel),
            width_mm=item.width_mm,
            height_mm=item.height_mm,
            depth_mm=item.depth_mm,
            sill_mm=item.sill_mm,
            features=item.features,
        )
        for item in config.compartment
    }


def log_limits(section: StorageConfig) -> LogLimits:
    days = section.keep_receipted_days
    return LogLimits(
        max_file_bytes=section.max_file_bytes,
        trim_above_bytes=section.max_file_bytes * 3 // 4,
        keep_receipted_s=days * DAY_S,
    )
