"""The lean MQTT codec of simulated devices, against amqtt's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from amqtt.adapters import BufferReader
from amqtt.mqtt.connect import ConnectPacket
from amqtt.mqtt.publish import PublishPacket
from amqtt.mqtt.subscribe import SubscribePacket
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storm import packets


def _read(kind: Any, raw: bytes) -> Any:
    return asyncio.run(kind.from_stream(BufferReader(raw)))


def test_connect_is_read_by_amqtt_as_meant() -> None:
    packet = _read(ConnectPacket, packets.connect("locker-0001", 30, "pw/v1/00/locker-0001/presence", b"offline"))
    assert (packet.client_id, packet.keep_alive, packet.clean_session_flag) == ("locker-0001", 30, True)
    assert (packet.will_topic, packet.will_message) == ("pw/v1/00/locker-0001/presence", b"offline")
    assert (packet.will_flag, packet.will_retain_flag, packet.will_qos) == (True, True, 1)


def test_subscribe_is_read_by_amqtt_as_meant() -> None:
    packet = _read(SubscribePacket, packets.subscribe(7, ["a/b", "c/d"]))
    assert packet.payload.topics == [("a/b", 1), ("c/d", 1)]


@settings(max_examples=50)
@given(st.binary(max_size=20_000), st.integers(0, 65535), st.booleans())
def test_publish_is_read_back_by_both_codecs(payload: bytes, packet_id: int, retain: bool) -> None:
    raw = packets.publish("pw/v1/00/x/up", payload, packet_id, retain=retain)
    theirs = _read(PublishPacket, raw)
    assert (theirs.topic_name, bytes(theirs.data or b""), theirs.retain_flag) == ("pw/v1/00/x/up", payload, retain)
    (ours,) = packets.take_packets(bytearray(raw))
    assert ours.message() == ("pw/v1/00/x/up", payload, packet_id, retain)


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.integers(1, 64))
def test_packets_split_anywhere_come_out_whole_and_in_order(payloads: list[bytes], piece: int) -> None:
    stream = b"".join(packets.publish("t", payload, n, retain=False) for n, payload in enumerate(payloads, 1))
    buffer, found = bytearray(), []
    for start in range(0, len(stream), piece):
        buffer += stream[start : start + piece]
        found += [packet.message()[1] for packet in packets.take_packets(buffer)]
    assert found == payloads
    assert not buffer


@pytest.mark.parametrize(
    ("times_s", "most"), [([], 0), ([1.0], 1), ([0.0, 0.5, 0.99, 1.0, 3.0], 3), ([0.0, 2.0, 4.0], 1)],
    ids=["none", "one", "a full second", "apart"],
)  # fmt: skip
def test_most_in_a_second_counts_a_sliding_window(times_s: list[float], most: int) -> None:
    from tests.storm.rig import most_in_a_second

    assert most_in_a_second(times_s) == most
