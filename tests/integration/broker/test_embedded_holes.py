"""Each hole of the stock embedded broker, closed: real clients and raw sockets against the real process."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.wire.ids import shard_of
from edge.wire.topics import ALL_SHARDS, Channel, device_filters, shard_filters, topic
from tests.integration.broker.peer import Peer, peer
from tests.integration.brokers import RunningBroker, hardened_amqtt, stock_amqtt, wait_until

A, B, BRIDGE = "locker-0001", "locker-0002", "bridge.0"
UP, PRESENCE = topic(A, Channel.UP), topic(A, Channel.PRESENCE)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    with hardened_amqtt(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture
def bridge(broker: RunningBroker) -> Iterator[Peer]:
    with peer(broker, BRIDGE, *shard_filters(ALL_SHARDS)) as one:
        yield one


def _text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(data)) + data


def _packet(first_byte: int, body: bytes) -> bytes:
    length, head = len(body), bytearray()
    while True:
        length, digit = length >> 7, length & 0x7F
        head.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([first_byte]) + bytes(head) + body


def _raw(broker: RunningBroker, name: str, *, keepalive_s: int, will: tuple[str, bytes] | None = None) -> socket.socket:
    """A bare socket past its CONNACK: it sends nothing that the test does not send."""
    line = socket.create_connection((broker.host, broker.port), timeout=10)
    flags = 0xC2 | (0x04 if will else 0)
    middle = _text(will[0]) + _text(will[1]) if will else b""
    body = _text("MQTT") + bytes([4, flags]) + struct.pack(">H", keepalive_s) + _text(name)
    line.sendall(_packet(0x10, body + middle + _text(name) + _text(broker.tokens.get(name, ""))))
    assert line.recv(4) == b"\x20\x02\x00\x00"
    return line


def _is_closed(line: socket.socket) -> bool:
    """Whether the broker ends the connection before the socket's time-out."""
    try:
        while line.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


@pytest.mark.parametrize("kind", ["hardened", "stock"])
def test_keepalive_not_kept_fires_the_will(
    broker: RunningBroker, bridge: Peer, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if kind == "hardened":
        with _raw(broker, A, keepalive_s=1, will=(PRESENCE, b"silent")) as line:
            assert bridge.got(b"silent", timeout_s=5) and _is_closed(line)
        return
    with (
        stock_amqtt(tmp_path_factory.mktemp("stock")) as stock,
        peer(stock, "watcher", "#") as watcher,
        _raw(stock, A, keepalive_s=1, will=(PRESENCE, b"silent")),
    ):
        assert not watcher.got(b"silent", timeout_s=3), "the stock broker enforces keepalives now: drop ours"


def test_keepalive_kept_by_pings_alone_keeps_the_connection(broker: RunningBroker, bridge: Peer) -> None:
    with _raw(broker, A, keepalive_s=1, will=(PRESENCE, b"pinging")) as line:
        for _ in range(5):
            assert not wait_until(lambda: b"pinging" in bridge.payloads(), timeout_s=0.5)
            line.sendall(b"\xc0\x00")
            assert line.recv(2) == b"\xd0\x00"
        line.sendall(b"\xe0\x00")
        assert _is_closed(line)
    assert b"pinging" not in bridge.payloads()


def test_wrong_password_with_a_victims_id_does_not_silence_the_victim(broker: RunningBroker, bridge: Peer) -> None:
    with peer(broker, A, *device_filters(A)) as victim:
        for password in ("wrong-token-0123456789", ""):
            thief = Peer(broker.client(A))
            thief.client.username_pw_set(A, password)
            assert not thief.connect(broker) and thief.verdict == "Not authorized"
            thief.close()
        bridge.publish(topic(A, Channel.DOWN), b"still heard")
        assert victim.got(b"still heard")
        victim.publish(UP, b"still speaks")
        assert bridge.got(b"still speaks")


def test_retained_message_of_another_device_is_not_given_on_subscribe(broker: RunningBroker, bridge: Peer) -> None:
    bridge.publish(topic(A, Channel.DESIRED), b"for A", retain=True)
    bridge.publish(topic(B, Channel.DESIRED), b"for B", retain=True)
    with peer(broker, B, topic(A, Channel.DESIRED), "pw/v1/+/+/desired", "#", *device_filters(B)) as other:
        assert other.got(b"for B")
        assert other.payloads() == [b"for B"]
    for name in (A, B):
        bridge.publish(topic(name, Channel.DESIRED), b"", retain=True)
    with peer(broker, B, *device_filters(B)) as cleared:
        bridge.publish(topic(B, Channel.DOWN), b"fence")
        assert cleared.got(b"fence") and cleared.payloads() == [b"fence"]


def test_retained_command_is_refused_even_from_the_bridge(broker: RunningBroker, bridge: Peer) -> None:
    bridge.publish(topic(A, Channel.COMMANDS), b"open", retain=True)
    with peer(broker, A, *device_filters(A)) as device:
        bridge.publish(topic(A, Channel.DOWN), b"fence")
        assert device.got(b"fence") and device.payloads() == [b"fence"]


def test_right_to_plus_does_not_give_hash(broker: RunningBroker, bridge: Peer) -> None:
    base = f"pw/v1/{shard_of(A)}"
    assert bridge.subscribe(f"{base}/+/up", f"{base}/+/#", f"{base}/#", "pw/v1/+/+/down") == [True, False, False, False]
    with peer(broker, A) as device:
        assert device.subscribe(f"{base}/{A}/down", f"{base}/{A}/+", f"{base}/{A}/#") == [True, False, False]


def test_packet_over_the_cap_ends_the_connection(broker: RunningBroker, bridge: Peer) -> None:
    with peer(broker, A) as device:
        device.publish(UP, b"x" * (256 * 1024 - 200))
        assert bridge.got(b"x" * (256 * 1024 - 200))
    with peer(broker, A) as device:
        device.client.publish(UP, b"y" * (256 * 1024), 1)
        assert device.gone.wait(5)
    assert all(not payload.startswith(b"y") for payload in bridge.payloads())


def test_length_of_the_largest_packet_is_refused_before_its_body(broker: RunningBroker) -> None:
    with socket.create_connection((broker.host, broker.port), timeout=5) as line:
        line.sendall(b"\x10\xff\xff\xff\x7f")
        assert _is_closed(line)


def test_stranger_that_says_nothing_is_let_go(broker: RunningBroker) -> None:
    with socket.create_connection((broker.host, broker.port), timeout=15) as line:
        line.sendall(b"\x10")
        assert _is_closed(line)


@pytest.mark.parametrize("last", ["disconnect", "vanish"])
def test_message_acknowledged_just_before_the_end_is_delivered(broker: RunningBroker, bridge: Peer, last: str) -> None:
    acknowledged: list[int] = []
    one = Peer(broker.client(A))
    one.client.on_publish = lambda _c, _u, mid, _r, _p: acknowledged.append(mid)
    assert one.connect(broker)
    sent = {one.client.publish(UP, b"%s %d" % (last.encode(), number), 1).mid: number for number in range(300)}
    wait_until(lambda: len(acknowledged) > 50)
    one.close() if last == "disconnect" else one.vanish()
    wanted = [b"%s %d" % (last.encode(), sent[mid]) for mid in list(acknowledged)]
    assert len(wanted) > 50
    assert wait_until(lambda: set(wanted) <= set(bridge.payloads()))
    one.close()


def test_clean_goodbye_fires_no_will(broker: RunningBroker, bridge: Peer) -> None:
    for number in range(20):
        with peer(broker, A, will=(PRESENCE, b"wrong", False)) as one:
            one.publish(UP, b"bye %d" % number, qos=0)
    with peer(broker, A) as one:
        one.publish(UP, b"bye fence")
    assert bridge.got(b"bye fence") and b"wrong" not in bridge.payloads()


def test_second_connection_ends_the_first_and_its_will_comes_before(broker: RunningBroker, bridge: Peer) -> None:
    with peer(broker, A, will=(PRESENCE, b"first gone", True)) as first, peer(broker, A) as second:
        assert first.gone.wait(5)
        second.publish(PRESENCE, b"second here", retain=True)
        assert bridge.got(b"second here")
        assert [one for one in bridge.payloads() if one in (b"first gone", b"second here")][-2:] == [
            b"first gone",
            b"second here",
        ]
        assert not second.gone.is_set()


def test_message_sent_while_away_is_not_kept_and_later_ones_arrive(broker: RunningBroker, bridge: Peer) -> None:
    with peer(broker, A, *device_filters(A)):
        pass
    bridge.publish(topic(A, Channel.DOWN), b"while away")
    with peer(broker, A, *device_filters(A)) as back:
        bridge.publish(topic(A, Channel.DOWN), b"when back")
        assert back.got(b"when back") and back.payloads() == [b"when back"]


def test_device_that_does_not_read_is_cut_and_stalls_nobody(broker: RunningBroker, bridge: Peer) -> None:
    stuck = _raw(broker, B, keepalive_s=60)
    stuck.sendall(_packet(0x82, b"\x00\x01" + _text(topic(B, Channel.DOWN)) + b"\x01"))
    with peer(broker, A, *device_filters(A)) as other:
        for _ in range(600):
            bridge.client.publish(topic(B, Channel.DOWN), b"z" * 100_000, 1)
        bridge.publish(topic(A, Channel.DOWN), b"not stalled")
        assert other.got(b"not stalled", timeout_s=20)
    assert wait_until(lambda: "does not read" in broker.log())
    stuck.close()


def test_quality_of_service_two_ends_the_connection(broker: RunningBroker, bridge: Peer) -> None:
    with peer(broker, A) as device:
        device.client.publish(UP, b"exactly once", 2)
        assert device.gone.wait(5)
    assert b"exactly once" not in bridge.payloads()


@given(noise=st.binary(max_size=200), known=st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_leave_the_broker_serving(broker: RunningBroker, noise: bytes, known: bool) -> None:
    line = _raw(broker, B, keepalive_s=60) if known else socket.create_connection((broker.host, broker.port))
    with line:
        line.sendall(noise)
        line.shutdown(socket.SHUT_WR)
        line.settimeout(5)
        assert _is_closed(line)
    with peer(broker, A, topic(A, Channel.DOWN)) as device:
        assert not device.gone.is_set()


def test_sigterm_with_clients_and_strangers_ends_cleanly(broker: RunningBroker) -> None:
    with peer(broker, A), socket.create_connection((broker.host, broker.port)):
        assert broker.terminate() == 0
    assert "Traceback" not in broker.log()
    broker.start()
    with peer(broker, A):
        pass
