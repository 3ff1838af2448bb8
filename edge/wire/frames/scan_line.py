"""A reader that sends plain lines (USB CDC or RS-232): the code, then CR, LF or both. Sans-IO.

Only a line end ends a scan: times between bytes tell nothing on a loaded machine. What has begun and is not ended
after seconds of silence is noise, and must not stand in front of the next code. A line that grows beyond the cap is
dropped up to its end, however long that takes, and is told once.
"""

from __future__ import annotations

from edge.wire.frames.scan_text import MAX_SCAN_BYTES, RefusedScan, Scan, ScanRefusal, judge_scan

LINE_ENDS = b"\r\n"


class LineScanDecoder:
    """Bytes in, scans and refusals out; never raises on any input, and never holds more than one capped line."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._overlong = False
        self._seen: list[Scan | RefusedScan] = []

    def receive_data(self, data: bytes) -> None:
        """Append what came from the line."""
        for byte in data:
            if byte in LINE_ENDS:
                self._end_line()
            elif len(self._line) < MAX_SCAN_BYTES:
                self._line.append(byte)
            else:
                self._overlong = True

    def receive_quiet(self) -> None:
        """The line has been silent for long: what has begun will not be ended."""
        self.forget()

    def forget(self) -> None:
        """Drop a line that has begun: its rest will not come, or not from the same reader."""
        self._line.clear()
        self._overlong = False

    def next_scan(self) -> Scan | RefusedScan | None:
        """The next scan or refusal; None when more bytes are needed."""
        return self._seen.pop(0) if self._seen else None

    def _end_line(self) -> None:
        if self._overlong:
            self._seen.append(RefusedScan(ScanRefusal.TOO_LONG))
        elif self._line:  # CR LF ends a line once; an empty one is no scan
            self._seen.append(judge_scan(bytes(self._line)))
        self.forget()
