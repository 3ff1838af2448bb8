"""A barcode reader on a serial port: finds it by its path, loses it, finds it again; checked scans out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from edge.drivers.board_bus import OpenLine
from edge.errors import ConfigError, LineLost
from edge.ports import SerialLine
from edge.wire.frames.scan_line import LineScanDecoder
from edge.wire.frames.scan_text import RefusedScan, Scan
from edge.wire.frames.zebra_ssi import SsiScanDecoder

SSI_QUIET_S = 0.3
LINE_QUIET_S = 2.0


@dataclass(frozen=True, slots=True)
class ScannerConfig:
    """`protocol`: `line` for plain text with a line end, `ssi` for Zebra's packets with checksum and ACK."""

    port: str
    protocol: Literal["line", "ssi"] = "line"
    baud: int = 9_600
    reopen_ms: int = 1_000

    def __post_init__(self) -> None:
        if not self.port.startswith("/"):
            remedy = "Use the absolute /dev/serial/by-id path."
            raise ConfigError("port is wrong", where="scanner", remedy=remedy)
        if self.reopen_ms < 0:
            raise ConfigError("reopen_ms is wrong", where="scanner", remedy="Use 0 or more.")


class _Decoder(Protocol):
    def receive_data(self, data: bytes) -> None: ...
    def receive_quiet(self) -> None: ...
    def forget(self) -> None: ...
    def next_scan(self) -> Scan | RefusedScan | None: ...


class SerialScanner:
    """Reads one port until cancelled.

    Args:
        on_scan: called on the event loop with each scan or refusal, in order.
        on_presence: called when the port is opened (True) or lost (False).
    """

    def __init__(
        self,
        config: ScannerConfig,
        on_scan: Callable[[Scan | RefusedScan], None],
        open_line: OpenLine,
        on_presence: Callable[[bool], None] = lambda present: None,
    ) -> None:
        self._config = config
        self._on_scan = on_scan
        self._on_presence = on_presence
        self._open_line = open_line
        self._decoder: _Decoder = SsiScanDecoder() if config.protocol == "ssi" else LineScanDecoder()

    async def run(self) -> None:
        while True:
            try:
                line = self._open_line(self._config.port, self._config.baud)
            except LineLost:
                await asyncio.sleep(self._config.reopen_ms / 1000)
                continue
            self._on_presence(True)
            try:
                await self._listen(line)
            except LineLost:
                self._on_presence(False)
                self._decoder.forget()
            finally:
                await line.close()
            await asyncio.sleep(self._config.reopen_ms / 1000)

    async def _listen(self, line: SerialLine) -> None:
        line.discard_input()  # what was read while nobody listened belongs to nobody's visit
        patience_s = SSI_QUIET_S if self._config.protocol == "ssi" else LINE_QUIET_S
        while True:
            try:
                async with asyncio.timeout(patience_s):
                    self._decoder.receive_data(await line.read())
            except TimeoutError:
                self._decoder.receive_quiet()
            await self._hand_on(line)

    async def _hand_on(self, line: SerialLine) -> None:
        if isinstance(self._decoder, SsiScanDecoder) and (answer := self._decoder.data_to_send()):
            await line.write(answer)
        while (scan := self._decoder.next_scan()) is not None:
            self._on_scan(scan)
