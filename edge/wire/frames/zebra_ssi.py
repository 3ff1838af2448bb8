"""Zebra's Simple Serial Interface, as far as a reader that only reads needs it. Sans-IO, the host's side.

    packet    LEN OPCODE SOURCE STATUS [data] CHECKSUM₂      LEN counts everything but the checksum; source 0 reader,
                                                             4 host; the checksum is the two's complement of the sum

STATUS bit 0 marks a packet that is sent again because its ACK did not come; bit 1 says that another packet continues
this one. Each packet wants a D0 (ACK) or, when it is damaged, a D1 (NAK, cause 1) that asks for it again. A repeat of
the packet that was taken last is acknowledged and not told twice. A packet without the repeat mark is a new one, even
with the same content: somebody shows the same code again.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.wire.errors import Malformed
from edge.wire.frames.frame import Found, FrameDecoder, Garbage
from edge.wire.frames.frame import Scan as Look
from edge.wire.frames.scan_text import MAX_SCAN_BYTES, RefusedScan, Scan, ScanRefusal, judge_scan

READER, HOST = 0x00, 0x04
ACK, NAK = 0xD0, 0xD1
DECODE_DATA = 0xF3
EVENT = 0xF6
SCAN_ENABLE, SCAN_DISABLE = 0xE9, 0xEA
RESENT, CONTINUED = 0x01, 0x02
NAK_RESEND, NAK_DENIED = 0x01, 0x06
HEAD_BYTES = 4
MIN_LENGTH, MAX_LENGTH = 4, 255
CHECKSUM_BYTES = 2


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet whose checksum holds."""

    opcode: int
    source: int
    status: int
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Damaged:
    """As long as a packet from a reader, but its checksum does not hold."""


def encode(packet: Packet) -> bytes:
    """The bytes of a packet. Raises Malformed when it is longer than a length byte can say."""
    length = HEAD_BYTES + len(packet.data)
    if length > MAX_LENGTH:
        raise Malformed(f"{length} bytes in one packet, at most {MAX_LENGTH}", where="zebra_ssi")
    body = bytes((length, packet.opcode, packet.source, packet.status)) + packet.data
    return body + checksum(body)


def checksum(body: bytes) -> bytes:
    """Two's complement of the sum of all bytes, high byte first."""
    return (-sum(body) & 0xFFFF).to_bytes(2, "big")


def packet_decoder(source: int = READER) -> FrameDecoder[Packet | Damaged]:
    """Decoder of what one side sends; by default of what readers say."""

    def recognise(window: bytes) -> Found[Packet | Damaged] | Look:
        length = window[0]
        if length < MIN_LENGTH or (len(window) > 2 and window[2] != source):
            return Look.NOTHING
        size_bytes = length + CHECKSUM_BYTES
        if len(window) < size_bytes:
            return Look.MORE
        body = window[:length]
        if checksum(body) != window[length:size_bytes]:
            return Found(Damaged(), size_bytes)
        return Found(Packet(body[1], body[2], body[3], body[HEAD_BYTES:]), size_bytes)

    return FrameDecoder(recognise, MAX_LENGTH + CHECKSUM_BYTES)


class SsiScanDecoder:
    """Bytes in; scans, refusals and the bytes of answers out. Never raises on any input.

    The answer to a packet must be sent before the reader's patience ends (two seconds by default).
    """

    def __init__(self) -> None:
        self._packets = packet_decoder()
        self._seen: list[Scan | RefusedScan] = []
        self._to_send = bytearray()
        self._last: Packet | None = None
        self._parts = bytearray()

    def receive_data(self, data: bytes) -> None:
        """Append what came from the line."""
        self._packets.receive_data(data)
        self._take()

    def receive_quiet(self) -> None:
        """The line went silent in the middle of something: it will not be completed."""
        self._packets.receive_quiet()
        self._take()

    def forget(self) -> None:
        """Drop what has begun: its rest will not come, or not from the same reader."""
        self._packets = packet_decoder()
        self._parts.clear()
        self._last = None

    def data_to_send(self) -> bytes:
        """Answers that are due; they are handed out once."""
        data = bytes(self._to_send)
        self._to_send.clear()
        return data

    def next_scan(self) -> Scan | RefusedScan | None:
        """The next scan or refusal; None when more bytes are needed."""
        return self._seen.pop(0) if self._seen else None

    def _take(self) -> None:
        while (seen := self._packets.next_frame()) is not None:
            if isinstance(seen, Damaged):
                self._answer(NAK, bytes((NAK_RESEND,)))
            elif not isinstance(seen, Garbage) and seen.opcode not in (ACK, NAK):
                self._packet(seen)

    def _packet(self, packet: Packet) -> None:
        if packet.opcode not in (DECODE_DATA, EVENT):
            self._answer(NAK, bytes((NAK_DENIED,)))
            return
        self._answer(ACK)
        again = packet.status & RESENT and self._last is not None and _same(self._last, packet)
        self._last = packet
        if packet.opcode == DECODE_DATA and not again:
            self._decoded(packet)

    def _decoded(self, packet: Packet) -> None:
        # The first data byte names the symbology; continued packets repeat it.
        self._parts += packet.data[1:]
        if packet.status & CONTINUED:
            del self._parts[MAX_SCAN_BYTES + 1 :]
            return
        whole = bytes(self._parts).rstrip(b"\r\n")
        self._parts.clear()
        self._seen.append(judge_scan(whole) if packet.data else RefusedScan(ScanRefusal.EMPTY))

    def _answer(self, opcode: int, data: bytes = b"") -> None:
        self._to_send += encode(Packet(opcode, HOST, 0, data))


def _same(first: Packet, second: Packet) -> bool:
    return (first.opcode, first.data) == (second.opcode, second.data)
