"""Two devices, every topic, every way to send or listen, on both brokers: nothing crosses (threat T2)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.wire.ids import shard_of
from edge.wire.topics import ALL_SHARDS, CHANNELS, Channel, Direction, device_filters, shard_filters, topic
from tests.integration.broker.peer import Peer, peer
from tests.integration.brokers import RunningBroker, hardened_amqtt, mosquitto, topics_of
from tests.integration.tls_material import Authority

ATTACKER, VICTIM, BRIDGE = "locker-0001", "locker-0002", "bridge.0"
FOREIGN = [*topics_of(VICTIM), "pw/v1/00/other/up", "elsewhere", f"pw/v1/{shard_of(VICTIM)}/{ATTACKER}x/up"]
TO_DEVICE = [channel for channel, rule in CHANNELS.items() if rule.direction is Direction.TO_DEVICE]
FROM_DEVICE = [channel for channel, rule in CHANNELS.items() if rule.direction is Direction.FROM_DEVICE]
WIDE = [
    "#",
    "pw/#",
    "pw/v1/+/+/+",
    f"pw/v1/+/{VICTIM}/#",
    f"pw/v1/{shard_of(VICTIM)}/#",
    *shard_filters(ALL_SHARDS),
    "$SYS/#",
    "$share/thief/#",
    *(f"$share/thief/{text}" for text in topics_of(VICTIM)),
    *topics_of(VICTIM),
]


@pytest.fixture(scope="module", params=["hardened_amqtt", "hardened_amqtt_tls", "mosquitto"])
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    folder = tmp_path_factory.mktemp(request.param)
    start = {
        "hardened_amqtt": lambda: hardened_amqtt(folder),
        "hardened_amqtt_tls": lambda: hardened_amqtt(folder, tls=True),
        "mosquitto": lambda: mosquitto(folder),
    }
    with start[request.param]() as running:
        yield running


@pytest.fixture
def bridge(broker: RunningBroker) -> Iterator[Peer]:
    with peer(broker, BRIDGE, *shard_filters(ALL_SHARDS)) as one:
        yield one


@pytest.fixture
def victim(broker: RunningBroker) -> Iterator[Peer]:
    with peer(broker, VICTIM, *device_filters(VICTIM)) as one:
        yield one


def _fence(sender: Peer, bridge: Peer, victim: Peer, mark: bytes) -> None:
    """Messages that must arrive, after the forged ones in the same order: then their absence means something."""
    sender.publish(topic(ATTACKER, Channel.UP), mark)
    assert bridge.got(mark)
    bridge.publish(topic(VICTIM, Channel.DOWN), mark)
    assert victim.got(mark)


@pytest.mark.parametrize("retain", [False, True], ids=["publish", "retain"])
def test_message_sent_to_another_device_reaches_nobody(
    broker: RunningBroker, bridge: Peer, victim: Peer, retain: bool
) -> None:
    with peer(broker, ATTACKER) as attacker:
        for text in FOREIGN:
            for qos in (0, 1):
                attacker.publish(text, b"forged", qos=qos, retain=retain)
        _fence(attacker, bridge, victim, b"fence-%d" % retain)
    with (
        peer(broker, "bridge.1", *shard_filters(ALL_SHARDS)) as late,
        peer(broker, "locker-0003", *device_filters("locker-0003")),
    ):
        assert b"forged" not in bridge.payloads() + victim.payloads() + late.payloads()


@pytest.mark.parametrize("channel", TO_DEVICE)
def test_device_sending_to_itself_as_if_the_cloud_reaches_nobody(
    broker: RunningBroker, bridge: Peer, victim: Peer, channel: Channel
) -> None:
    with peer(broker, ATTACKER, *device_filters(ATTACKER)) as attacker:
        attacker.publish(topic(ATTACKER, channel), b"self", retain=True)
        _fence(attacker, bridge, victim, b"self-fence-" + channel.encode())
        assert b"self" not in attacker.payloads()
    with peer(broker, ATTACKER, *device_filters(ATTACKER)) as again:
        bridge.publish(topic(ATTACKER, Channel.DOWN), b"after")
        assert again.got(b"after") and b"self" not in again.payloads()


@pytest.mark.parametrize("text", topics_of(VICTIM), ids=list(CHANNELS))
@pytest.mark.parametrize("retain", [False, True], ids=["will", "retained_will"])
def test_will_on_another_device_reaches_nobody(
    broker: RunningBroker, bridge: Peer, victim: Peer, text: str, retain: bool
) -> None:
    one = Peer(broker.client(ATTACKER))
    one.client.will_set(text, b"forged will", 1, retain)
    if one.connect(broker):
        one.vanish()
    one.close()
    with peer(broker, ATTACKER) as attacker:
        _fence(attacker, bridge, victim, b"will-fence-" + text.encode() + b"%d" % retain)
    assert b"forged will" not in bridge.payloads() + victim.payloads()


def test_own_will_on_presence_reaches_the_bridge_once(broker: RunningBroker, bridge: Peer) -> None:
    with peer(broker, ATTACKER, will=(topic(ATTACKER, Channel.PRESENCE), b"offline", True)) as one:
        one.vanish()
        assert bridge.got(b"offline")
    assert bridge.payloads().count(b"offline") == 1


def test_subscribing_beyond_ones_own_filters_receives_nothing(
    broker: RunningBroker, bridge: Peer, victim: Peer
) -> None:
    bridge.publish(topic(VICTIM, Channel.DESIRED), b"secret retained", retain=True)
    victim.publish(topic(VICTIM, Channel.PRESENCE), b"secret presence", retain=True)
    with peer(broker, ATTACKER, *WIDE, *device_filters(ATTACKER)) as attacker:
        for channel in TO_DEVICE:
            bridge.publish(topic(VICTIM, channel), b"secret down " + channel.encode())
            assert victim.got(b"secret down " + channel.encode())
        for channel in FROM_DEVICE:
            victim.publish(topic(VICTIM, channel), b"secret up " + channel.encode())
        bridge.publish(topic(ATTACKER, Channel.DOWN), b"for the attacker")
        assert attacker.got(b"for the attacker")
        assert not [one for one in attacker.received if one[1].startswith(b"secret")]


def test_other_client_id_than_the_name_takes_nothing_from_its_owner(
    broker: RunningBroker, bridge: Peer, victim: Peer
) -> None:
    impostor = Peer(broker.client(ATTACKER, client_id=VICTIM))
    if impostor.connect(broker):
        impostor.subscribe(*device_filters(VICTIM))
        impostor.publish(topic(VICTIM, Channel.UP), b"forged by id")
    bridge.publish(topic(VICTIM, Channel.DOWN), b"still there")
    assert victim.got(b"still there") and not victim.gone.is_set()
    assert b"still there" not in impostor.payloads() and b"forged by id" not in bridge.payloads()
    impostor.close()


@pytest.mark.parametrize("name", ["nobody.here", "locker", "BRIDGE", "bridge", "+", "#"])
def test_name_outside_the_grammar_gets_nothing(broker: RunningBroker, bridge: Peer, victim: Peer, name: str) -> None:
    stranger = Peer(broker.client(name, client_id="stranger"))
    if stranger.connect(broker):
        stranger.subscribe("#", *topics_of(VICTIM))
        for text in topics_of(VICTIM):
            stranger.publish(text, b"forged by a stranger")
    bridge.publish(topic(VICTIM, Channel.DOWN), b"fence " + name.encode())
    assert victim.got(b"fence " + name.encode())
    assert b"forged by a stranger" not in bridge.payloads() + victim.payloads()
    assert stranger.received == []
    stranger.close()


def test_anonymous_client_is_refused(broker: RunningBroker) -> None:
    stranger = Peer(broker.client(ATTACKER))
    if broker.authority is None:
        stranger.client.username_pw_set(None)
    else:
        stranger = Peer(RunningBroker("open", broker.host, broker.port, broker.folder, ()).client(ATTACKER))
        stranger.client.tls_set(str(broker.authority.file))
    assert not stranger.connect(broker)
    stranger.close()


def test_certificate_of_another_authority_or_a_wrong_token_is_refused(broker: RunningBroker, tmp_path: Path) -> None:
    stranger = Peer(RunningBroker("open", broker.host, broker.port, broker.folder, ()).client(ATTACKER))
    if broker.authority is None:
        stranger.client.username_pw_set(ATTACKER, broker.tokens[VICTIM])
    else:
        forged = Authority(tmp_path / "forged").issue(ATTACKER)
        stranger.client.tls_set(str(broker.authority.file), str(forged.certificate), str(forged.key))
    assert not stranger.connect(broker)
    stranger.close()
