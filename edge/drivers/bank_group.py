"""Several lock banks as one: serial boards beside the computer's own pins."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from edge.errors import ConfigError
from edge.ports import Channel, ChannelReading, LockBank, PulseReply


class ClosableBank(LockBank, Protocol):
    def answers(self) -> bool:
        """Whether at least one board gave a whole answer when it was last asked."""
        ...

    async def close(self) -> None:
        """Release every port and pin; outputs are inactive before."""
        ...


class BankGroup:
    """`edge.ports.LockBank` over banks by module. Each is polled on its own; a slow one delays no other's pulses."""

    def __init__(self, banks: Mapping[str, ClosableBank]) -> None:
        self._banks = banks
        self._distinct = list({id(bank): bank for bank in banks.values()}.values())

    async def pulse(self, channel: Channel) -> PulseReply:
        """
        Raises:
            ConfigError: no bank has this module.
        """
        bank = self._banks.get(channel.module)
        if bank is None:
            raise ConfigError("no such module", where=channel.module, remedy="Correct the compartment map.")
        return await bank.pulse(channel)

    async def poll(self) -> Sequence[ChannelReading]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_read(bank)) for bank in self._distinct]
        return [reading for task in tasks for reading in task.result()]

    def answers(self) -> bool:
        return any(bank.answers() for bank in self._distinct)

    async def close(self) -> None:
        for bank in self._distinct:
            await bank.close()


async def _read(bank: ClosableBank) -> Sequence[ChannelReading]:
    return await bank.poll()
