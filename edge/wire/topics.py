"""MQTT topics: who may send what where, as one table from which every broker's rules are made.

    pw/v1/{shard}/{device_id}/{channel}      shard = shard_of(device_id)

A name at the broker is a certificate's CN: a device id, or `bridge.<worker>` for a worker of the service side. The two
grammars cannot meet, because a device id has no '.', so no device can be named into the bridge's rights.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from edge.wire.errors import Malformed
from edge.wire.ids import check_device_id, shard_of

ROOT = "pw/v1"
MAX_TOPIC_CHARS = 80
ALL_SHARDS = tuple(f"{number:02x}" for number in range(256))
_SHARD = re.compile(r"[0-9a-f]{2}\Z")
_BRIDGE_NAME = re.compile(r"bridge\.[a-z0-9-]{1,33}\Z")


class Channel(StrEnum):
    """The last level of a topic."""

    UP = "up"
    DOWN = "down"
    COMMANDS = "commands"
    DESIRED = "desired"
    PRESENCE = "presence"
    TELEMETRY = "telemetry"


class Direction(StrEnum):
    FROM_DEVICE = "from_device"
    TO_DEVICE = "to_device"


class Action(StrEnum):
    """What a client asks of the broker."""

    PUBLISH = "publish"  # an ordinary message to a topic
    RETAIN = "retain"  # a message that the broker keeps for later subscribers
    WILL = "will"  # the message that the broker sends when the client vanishes
    SUBSCRIBE = "subscribe"  # a topic filter
    RECEIVE = "receive"  # one message, at the moment of delivery


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """How one channel is used; `retained` also says whether a retained message is allowed there at all."""

    direction: Direction
    qos: int
    retained: bool
    will: bool = False


CHANNELS: Mapping[Channel, ChannelRule] = MappingProxyType(
    {
        Channel.UP: ChannelRule(Direction.FROM_DEVICE, qos=1, retained=False),
        Channel.DOWN: ChannelRule(Direction.TO_DEVICE, qos=1, retained=False),
        Channel.COMMANDS: ChannelRule(Direction.TO_DEVICE, qos=1, retained=False),
        Channel.DESIRED: ChannelRule(Direction.TO_DEVICE, qos=1, retained=True),
        Channel.PRESENCE: ChannelRule(Direction.FROM_DEVICE, qos=1, retained=True, will=True),
        Channel.TELEMETRY: ChannelRule(Direction.FROM_DEVICE, qos=0, retained=False),
    }
)


_FROM_DEVICE = "|".join(channel for channel, rule in CHANNELS.items() if rule.direction is Direction.FROM_DEVICE)
_BRIDGE_FILTER = re.compile(rf"{ROOT}/([0-9a-f]{{2}}|\+)/\+/({_FROM_DEVICE})\Z")


def topic(device_id: str, channel: Channel | str) -> str:
    """The topic of one device's channel.

    Raises:
        Malformed: not a device id, or not a channel.
    """
    return f"{ROOT}/{shard_of(check_device_id(device_id))}/{device_id}/{_channel(channel, where='channel')}"


def parse_topic(text: str) -> tuple[str, Channel]:
    """The device and channel of a topic; its shard must be the device's own.

    Raises:
        Malformed: another tree or version, a wildcard, a foreign shard, an unknown channel.
    """
    levels = text.split("/") if isinstance(text, str) and len(text) <= MAX_TOPIC_CHARS else []
    if len(levels) != 5 or levels[:2] != ["pw", "v1"]:
        raise Malformed(
            f"not one of our topics: {text!r:.60}", where="topic", remedy=f"Use {ROOT}/shard/device/channel."
        )
    shard, device_id, channel = levels[2], check_device_id(levels[3], where="topic"), levels[4]
    if shard != shard_of(device_id):
        raise Malformed(f"shard {shard!r:.10} is not that of {device_id}", where="topic", remedy=shard_of(device_id))
    return device_id, _channel(channel, where="topic")


def device_filters(device_id: str) -> tuple[str, ...]:
    """What a device subscribes to, all of it: its own channels towards it."""
    return tuple(topic(device_id, channel) for channel in _channels(Direction.TO_DEVICE))


def shard_filters(shards: Collection[str]) -> tuple[str, ...]:
    """What a bridge worker subscribes to for the shards that it holds; all 256 become three filters.

    Raises:
        Malformed: a shard that is not two lower-case hex digits.
    """
    for shard in shards:
        if not _SHARD.match(shard):
            raise Malformed(f"not a shard: {shard!r:.20}", where="shards", remedy="Use two lower-case hex digits.")
    held = ("+",) if set(shards) == set(ALL_SHARDS) else tuple(sorted(set(shards)))
    return tuple(f"{ROOT}/{shard}/+/{channel}" for shard in held for channel in _channels(Direction.FROM_DEVICE))


def is_bridge_name(name: str) -> bool:
    """True for `bridge.<worker>`: 1 to 33 of `a-z 0-9 -` after the dot."""
    return isinstance(name, str) and _BRIDGE_NAME.match(name) is not None


def may(name: str, action: Action | str, topic_text: str) -> bool:
    """Whether the client of that authenticated name may do this; False for every name that is neither kind."""
    wanted = Action(action)
    if wanted is Action.SUBSCRIBE:
        return _may_subscribe(name, topic_text)
    try:
        device_id, channel = parse_topic(topic_text)
    except Malformed:
        return False
    rule = CHANNELS[channel]
    sends = wanted is not Action.RECEIVE
    if is_bridge_name(name):
        allowed = (rule.direction is Direction.TO_DEVICE) is sends
    else:
        allowed = name == device_id and (rule.direction is Direction.FROM_DEVICE) is sends
    return allowed and (wanted is not Action.RETAIN or rule.retained) and (wanted is not Action.WILL or rule.will)


def mosquitto_acl(*bridge_names: str, blocked: Collection[str] = ()) -> str:
    """The text of mosquitto's `acl_file` for these bridge workers and any device.

    Its `pattern` rules hold for every client, `%u` being the certificate's CN. They leave the shard open (a device may
    write in a foreign shard under its own name; `parse_topic` refuses that), and mosquitto cannot forbid a retain flag:
    both stay inside the device's own name. A `blocked` device loses every right, on connections that are open too.

    Raises:
        Malformed: a bridge name that a device could bear, or a blocked name that is no device id.
    """
    lines = ["# Made from the topics table: do not edit by hand.", ""]
    for name in bridge_names:
        if not is_bridge_name(name):
            raise Malformed(f"not a bridge name: {name!r:.60}", where="bridge_names", remedy="Use bridge.<worker>.")
        lines += [f"user {name}", *_acl_rules("topic", "+", bridge=True), ""]
    for name in sorted(set(blocked)):
        lines += [f"user {check_device_id(name, where='blocked')}", "topic deny #", ""]
    return "\n".join([*lines, *_acl_rules("pattern", "%u", bridge=False), ""])


def _acl_rules(word: str, device: str, *, bridge: bool) -> list[str]:
    reads = Direction.FROM_DEVICE if bridge else Direction.TO_DEVICE
    return [
        f"{word} {'read' if rule.direction is reads else 'write'} {ROOT}/+/{device}/{channel}"
        for channel, rule in CHANNELS.items()
    ]


def _may_subscribe(name: str, topic_filter: str) -> bool:
    if is_bridge_name(name):
        return _BRIDGE_FILTER.match(topic_filter) is not None
    try:
        return topic_filter in device_filters(name)
    except Malformed:
        return False


def _channels(direction: Direction) -> tuple[Channel, ...]:
    return tuple(channel for channel, rule in CHANNELS.items() if rule.direction is direction)


def _channel(text: Channel | str, *, where: str) -> Channel:
    try:
        return Channel(text)
    except ValueError:
        raise Malformed(
            f"not a channel: {text!r:.20}", where=where, remedy=f"Use one of {', '.join(Channel)}."
        ) from None
