"""Every parser as a function of bytes: it may refuse with its typed error, and what it promises besides must hold.

Anything else that comes out of a target is a finding.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cloud_bridge.errors import CloudError
from cloud_bridge.lockers.manifest import read_manifest
from edge.config import load_config
from edge.core.locker.desired_doc import read_desired
from edge.core.locker.label import check_scan, parse_label
from edge.core.release.autoboot import parse_autoboot
from edge.core.release.record import decode_update
from edge.core.wiring.toml_text import replace_tables
from edge.drivers.one_wire import parse_w1_slave
from edge.errors import EdgeError
from edge.screen.requests import parse_request
from edge.wire import base45, canonical, cbor, cose, messages
from edge.wire.checkpoint import parse_note
from edge.wire.enrolment import EnrolmentRequest
from edge.wire.envelope import open_envelope
from edge.wire.errors import WireError
from edge.wire.event import parse_event, parse_time
from edge.wire.frames import kerong_cu, kerong_cu48, modbus_rtu, winnsen, wkly, xor_8a, zebra_ssi
from edge.wire.frames.frame import EchoFilter, FrameDecoder, Garbage
from edge.wire.frames.scan_line import LineScanDecoder
from edge.wire.pickup_courier import open_courier_action
from edge.wire.pickup_token import open_token
from edge.wire.topics import parse_topic
from firmware_sim import control_requests
from firmware_sim.errors import SimError
from tests.fleets import make_fleet

Target = Callable[[bytes], None]
FLEET = make_fleet(devices=1)
MESSAGES = ("Welcome", "Hello", "Batch", "Hint", "Rewind", "Refusal", "Command", "Desired", "Secret", "Bundle")


class BrokenPromise(AssertionError):
    """A parser gave an answer, and not the one that it promises."""


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def refusing(parse: Callable[[bytes], Any], *errors: type[Exception]) -> Target:
    """A parser that may refuse with these errors."""

    def run(data: bytes) -> None:
        with contextlib.suppress(*(errors or (WireError,))):
            parse(data)

    return run


def again(parse: Callable[[bytes], Any], encode: Callable[[Any], bytes]) -> Target:
    """A parser of canonical bytes: what it takes is encoded to the very same bytes."""

    def run(data: bytes) -> None:
        try:
            value = parse(data)
        except WireError:
            return
        if encode(value) != data:
            raise BrokenPromise("accepted, and encoded otherwise")

    return run


def line(make: Callable[[], FrameDecoder[Any]]) -> Target:
    """A line decoder: whole or byte by byte it finds the same, and it accounts for every byte of noise once."""

    def run(data: bytes) -> None:
        whole, pieces = _decoded(make(), [data]), _decoded(make(), [data[at : at + 1] for at in range(len(data))])
        if whole[0] != pieces[0]:
            raise BrokenPromise("other frames when the bytes come one by one")
        if max(whole[1], pieces[1]) > len(data):
            raise BrokenPromise("more noise than bytes")

    return run


def _decoded(decoder: FrameDecoder[Any], parts: list[bytes]) -> tuple[list[Any], int]:
    frames: list[Any] = []
    garbage_bytes = 0
    for part in parts:
        decoder.receive_data(part)
        while (found := decoder.next_frame()) is not None:
            if isinstance(found, Garbage):
                garbage_bytes += len(found.data)
            else:
                frames.append(found)
    return frames, garbage_bytes


def scans(make: Callable[[], Any]) -> Target:
    """A reader's line: nothing but printable text comes through it."""

    def run(data: bytes) -> None:
        decoder = make()
        for at in range(0, len(data), 7):
            decoder.receive_data(data[at : at + 7])
            while (scan := decoder.next_scan()) is not None:
                text = getattr(scan, "text", "")
                if not text.isprintable():
                    raise BrokenPromise(f"a control character came through: {text!r}")

    return run


def echo(data: bytes) -> None:
    """What an adapter sends back is taken away once, and nothing else."""
    request, rest = data[:8], data[8:]
    if request and EchoFilter(request).receive_data(request + rest) != rest:
        raise BrokenPromise("the echo was not taken away whole")


def desired(data: bytes) -> None:
    with contextlib.suppress(WireError):
        read_desired(messages.Desired("locker-1", 1, 1, data), "00" * 32)


def config(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        Path(file.name).write_bytes(data)
        with contextlib.suppress(EdgeError):
            load_config(Path(file.name))


def wiring(data: bytes) -> None:
    """The doctor's replacing of sections leaves every other key as it is, or refuses."""
    replace_tables(data.decode("utf-8", "replace"), {"bus"}, '[[bus]]\nport = "x"\n')


def label(data: bytes) -> None:
    with contextlib.suppress(WireError):
        parse_label(check_scan(text_of(data)))


TARGETS: Mapping[str, Target] = {
    "xor_8a": line(lambda: xor_8a.reply_decoder(groups=3)),
    "kerong_cu": line(kerong_cu.reply_decoder),
    "kerong_cu48": line(kerong_cu48.reply_decoder),
    "wkly": line(wkly.reply_decoder),
    "winnsen": line(lambda: winnsen.reply_decoder(status_first=True)),
    "modbus_rtu": line(modbus_rtu.reply_decoder),
    "zebra_packets": line(zebra_ssi.packet_decoder),
    "zebra_scans": scans(zebra_ssi.SsiScanDecoder),
    "line_scans": scans(LineScanDecoder),
    "echo": echo,
    "label": label,
    "screen_request": refusing(lambda data: parse_request(text_of(data))),
    "one_wire": refusing(lambda data: parse_w1_slave(text_of(data))),
    "config": config,
    "wiring": wiring,
    "desired": desired,
    "autoboot": refusing(parse_autoboot, EdgeError, WireError, ValueError),
    "update_record": refusing(decode_update, EdgeError, WireError, ValueError),
    "canonical_json": again(canonical.parse, canonical.encode),
    "cbor": again(lambda data: cbor.decode(data, where="fuzz"), cbor.encode),
    "cose": refusing(cose.parse_sign1),
    "base45": again(lambda data: base45.decode(text_of(data)), lambda raw: base45.encode(raw).encode()),
    "envelope": refusing(open_envelope),
    "event": refusing(parse_event),
    "time": refusing(lambda data: parse_time(text_of(data))),
    "checkpoint": refusing(parse_note),
    "topic": refusing(lambda data: parse_topic(text_of(data))),
    "enrolment": refusing(EnrolmentRequest.parse),
    "pickup_token": refusing(lambda data: open_token(text_of(data), FLEET.bundle)),
    "courier_action": refusing(lambda data: open_courier_action(text_of(data), FLEET.bundle)),
    "simulator_request": refusing(control_requests.parse_request, SimError),
    "manifest_csv": refusing(read_manifest, CloudError),
    "manifest_json": refusing(lambda data: read_manifest(data, as_json=True), CloudError),
    **{f"message_{name.lower()}": refusing(getattr(messages, name).parse) for name in MESSAGES},
}


def planted(data: bytes) -> None:
    """A parser with a mistake: the length byte of one rare frame is believed."""
    if len(data) > 4 and data[0] == 0x8A and data[1] == 0x1F and data[2] > 0xF0 and data[3] == data[1] ^ data[2]:
        data[4 + data[4]]


PLANTED: Mapping[str, Target] = {"planted": planted}
