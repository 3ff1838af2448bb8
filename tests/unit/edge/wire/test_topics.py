"""Topics: one table, and nobody acts outside their own name."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edge.wire.errors import Malformed, WireError
from edge.wire.ids import shard_of
from edge.wire.topics import (
    ALL_SHARDS,
    CHANNELS,
    Action,
    Channel,
    Direction,
    device_filters,
    is_bridge_name,
    may,
    mosquitto_acl,
    parse_topic,
    shard_filters,
    topic,
)

A, B, BRIDGE = "locker-0001", "locker-0002", "bridge.0"
DEVICE_IDS = st.from_regex(r"[a-z0-9-]{3,40}", fullmatch=True)


def _mqtt_match(topic_filter: str, text: str) -> bool:
    """The standard's matching rule, written apart from the code under test."""
    wanted, have = topic_filter.split("/"), text.split("/")
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(have) or level not in ("+", have[place]):
            return False
    return len(wanted) == len(have)


@given(device_id=DEVICE_IDS, channel=st.sampled_from(Channel))
@settings(max_examples=50)
def test_topic_parsed_again_gives_device_and_channel(device_id: str, channel: Channel) -> None:
    assert parse_topic(topic(device_id, channel)) == (device_id, channel)


@given(text=st.one_of(st.text(max_size=100), st.text("pw/v10123abcdef+#$-", max_size=100)))
@settings(max_examples=100)
def test_parse_topic_of_any_text_parses_exactly_or_refuses_with_a_typed_error(text: str) -> None:
    try:
        device_id, channel = parse_topic(text)
    except WireError as error:
        assert error.code == "malformed" and error.remedy
    else:
        assert topic(device_id, channel) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(f"pw/v2/{shard_of(A)}/{A}/up", id="other_version"),
        pytest.param(f"pw/v1/{shard_of(A)}/{A}", id="no_channel"),
        pytest.param(f"pw/v1/{shard_of(A)}/{A}/up/more", id="too_deep"),
        pytest.param(f"pw/v1/{shard_of(A)}/{A}/side", id="unknown_channel"),
        pytest.param(f"pw/v1/+/{A}/up", id="wildcard_shard"),
        pytest.param(f"pw/v1/{shard_of(A)}/+/up", id="wildcard_device"),
        pytest.param(f"pw/v1/{shard_of(A)}/{A}/up\n", id="trailing_newline"),
        pytest.param(f"/pw/v1/{shard_of(A)}/{A}/up", id="leading_slash"),
        pytest.param(f"$share/g/pw/v1/{shard_of(A)}/{A}/up", id="shared"),
        pytest.param(f"pw/v1/{(int(shard_of(A), 16) + 1) % 256:02x}/{A}/up", id="foreign_shard"),
    ],
)
def test_parse_topic_outside_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_topic(text)


def test_channels_table_is_the_one_in_the_wire_reference() -> None:
    assert {channel.value: (rule.direction.value, rule.qos, rule.retained) for channel, rule in CHANNELS.items()} == {
        "up": ("from_device", 1, False),
        "down": ("to_device", 1, False),
        "commands": ("to_device", 1, False),
        "desired": ("to_device", 1, True),
        "presence": ("from_device", 1, True),
        "telemetry": ("from_device", 0, False),
    }


@pytest.mark.parametrize("shards", [["0a"], ["00", "ff", "7c"], list(ALL_SHARDS)], ids=["one", "three", "all"])
def test_shard_filters_match_exactly_the_devices_of_those_shards(shards: list[str]) -> None:
    filters = shard_filters(shards)
    for number in range(300):
        device_id = f"locker-{number:04d}"
        for channel, rule in CHANNELS.items():
            caught = sum(_mqtt_match(one, topic(device_id, channel)) for one in filters)
            assert caught == int(shard_of(device_id) in shards and rule.direction is Direction.FROM_DEVICE)


@pytest.mark.parametrize("shard", ["", "+", "#", "0A", "0", "000", "0a\n"])
def test_shard_filters_of_no_shard_are_refused(shard: str) -> None:
    with pytest.raises(Malformed):
        shard_filters([shard])


@given(name=DEVICE_IDS, other=DEVICE_IDS, action=st.sampled_from(Action), channel=st.sampled_from(Channel))
@settings(max_examples=100)
def test_may_of_a_device_on_anothers_topic_is_false(name: str, other: str, action: Action, channel: Channel) -> None:
    assume(name != other)
    assert not may(name, action, topic(other, channel))


@pytest.mark.parametrize("channel", list(Channel))
def test_may_of_device_and_bridge_follows_the_table(channel: Channel) -> None:
    text, rule = topic(A, channel), CHANNELS[channel]
    from_device = rule.direction is Direction.FROM_DEVICE
    assert {action.value for action in Action if may(A, action, text)} == (
        {"publish"} | ({"retain", "will"} if channel is Channel.PRESENCE else set())
        if from_device
        else {"subscribe", "receive"}
    )
    assert {action.value for action in Action if may(BRIDGE, action, text)} == (
        {"receive"} if from_device else {"publish"} | ({"retain"} if channel is Channel.DESIRED else set())
    )


@pytest.mark.parametrize(
    "topic_filter",
    [
        "#",
        "+/#",
        "pw/#",
        "pw/v1/+/+/down",
        f"pw/v1/+/{A}/down",
        f"pw/v1/{shard_of(A)}/{A}/#",
        f"pw/v1/{shard_of(A)}/{A}/+",
        f"pw/v1/{shard_of(A)}/+/down",
        f"pw/v1/{shard_of(A)}/{A}/up",
        f"$share/g/pw/v1/{shard_of(A)}/{A}/down",
        "$share/g/#",
        "$SYS/#",
        f"pw/v1/{shard_of(B)}/{B}/down",
    ],
)
def test_may_subscribe_of_a_device_beyond_its_own_filters_is_false(topic_filter: str) -> None:
    assert not may(A, Action.SUBSCRIBE, topic_filter)


@pytest.mark.parametrize(
    "topic_filter",
    ["#", "pw/v1/#", "pw/v1/+/+/+", "pw/v1/+/+/down", "$share/w/pw/v1/+/+/up", "$SYS/#", "pw/v1/0a/+/up\n"],
)
def test_may_subscribe_of_the_bridge_beyond_shards_is_false(topic_filter: str) -> None:
    assert not may(BRIDGE, Action.SUBSCRIBE, topic_filter)


def test_may_subscribe_of_the_parties_own_filters_is_true() -> None:
    assert all(may(A, Action.SUBSCRIBE, one) for one in device_filters(A))
    assert all(may(BRIDGE, Action.SUBSCRIBE, one) for one in shard_filters(["0a"]) + shard_filters(ALL_SHARDS))


@given(name=st.text(max_size=50), action=st.sampled_from(Action), text=st.text(max_size=60))
@settings(max_examples=100)
def test_may_of_any_text_outside_the_topics_is_false(name: str, action: Action, text: str) -> None:
    assert not may(name, action, text)


@given(device_id=DEVICE_IDS)
@settings(max_examples=50)
def test_bridge_name_is_never_a_device_id(device_id: str) -> None:
    assert not is_bridge_name(device_id)
    with pytest.raises(Malformed):
        mosquitto_acl(device_id)


def test_mosquitto_acl_grants_each_party_its_direction_only() -> None:
    rules = mosquitto_acl("bridge.0", "bridge.1").splitlines()
    patterns = {tuple(line.split()[1:]) for line in rules if line.startswith("pattern ")}
    assert patterns == {
        ("write", "pw/v1/+/%u/up"),
        ("read", "pw/v1/+/%u/down"),
        ("read", "pw/v1/+/%u/commands"),
        ("read", "pw/v1/+/%u/desired"),
        ("write", "pw/v1/+/%u/presence"),
        ("write", "pw/v1/+/%u/telemetry"),
    }
    after_bridge = rules[rules.index("user bridge.1") + 1 :][: len(CHANNELS)]
    assert {line.removeprefix("topic ") for line in after_bridge} == {
        "read pw/v1/+/+/up",
        "write pw/v1/+/+/down",
        "write pw/v1/+/+/commands",
        "write pw/v1/+/+/desired",
        "read pw/v1/+/+/presence",
        "read pw/v1/+/+/telemetry",
    }
    assert rules.index("user bridge.0") > max(i for i, line in enumerate(rules) if line.startswith("#"))


def test_mosquitto_acl_denies_a_blocked_device_everything() -> None:
    rules = mosquitto_acl("bridge.0", blocked=["locker-0002", "locker-0002"]).splitlines()
    assert rules.count("user locker-0002") == 1 and rules[rules.index("user locker-0002") + 1] == "topic deny #"
    with pytest.raises(Malformed):
        mosquitto_acl("bridge.0", blocked=["locker-0002\ntopic readwrite #"])
