"""docs/reference/topics.md and asyncapi.json: channels, their rules, and the messages on them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

from edge.wire import messages
from edge.wire.envelope import Kind
from edge.wire.topics import CHANNELS, ROOT, Channel, ChannelRule, Direction, mosquitto_acl
from tests.architecture.pages.markdown import code, first_sentence, head, table

# Which kinds travel on which channel. A kind that stands nowhere, or twice, fails the test of the pages.
MESSAGES: Mapping[Channel, tuple[Kind, ...]] = {
    Channel.UP: (Kind.HELLO, Kind.BATCH, Kind.HINT),
    Channel.DOWN: (Kind.WELCOME, Kind.RECEIPT, Kind.REWIND, Kind.REFUSAL, Kind.SECRET, Kind.BUNDLE),
    Channel.COMMANDS: (Kind.COMMAND,),
    Channel.DESIRED: (Kind.DESIRED,),
    Channel.PRESENCE: (),
    Channel.TELEMETRY: (),
}
PLAIN = {
    Channel.PRESENCE: "`online` or `offline`, plain text; the will says `offline`",
    Channel.TELEMETRY: "lossy samples; nothing depends on them",
}
RECEIPT = (
    "Cloud → device: the device's checkpoint, countersigned with the cloud's time; the one thing that moves the cursor."
)


def topics() -> str:
    lead = (
        f"Every topic is `{ROOT}/{{shard}}/{{device_id}}/{{channel}}`; the shard is the first byte of "
        "SHA-256(`device_id`) in two hex digits. `edge/wire/topics.py` holds the one table from which every broker's "
        "rules are made. [asyncapi.json](asyncapi.json) says the same for machines, [wire.md](wire.md) says it "
        "to the byte."
    )
    rows = [
        (code(channel.value), _direction(rule), str(rule.qos), "yes" if rule.retained else "never",
         "yes" if rule.will else "", ", ".join(code(kind.value) for kind in MESSAGES[channel]) or PLAIN[channel])
        for channel, rule in CHANNELS.items()
    ]  # fmt: skip
    kinds = [(code(kind.value), describe(kind)) for kind in Kind]
    return (
        head("Topics and messages", lead)
        + "\n"
        + table(("channel", "direction", "QoS", "retained", "will", "messages"), rows)
        + "\n## Messages\n\n"
        + table(("kind", "what"), kinds)
        + "\n## What mosquitto is told\n\nFor one bridge worker, and for any device (`%u` is the certificate's CN):\n\n"
        + f"```\n{mosquitto_acl('bridge.1')}```\n"
    )


def _direction(rule: ChannelRule) -> str:
    return "device → cloud" if rule.direction is Direction.FROM_DEVICE else "cloud → device"


def describe(kind: Kind) -> str:
    """A message's contract, from the docstring of its class."""
    if kind is Kind.RECEIPT:
        return RECEIPT
    return first_sentence(inspect.getdoc(messages.PARSERS[kind].__self__))


def asyncapi() -> str:
    """An AsyncAPI 3.0 document from a device's point of view."""
    document: dict[str, Any] = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Parcelworks device protocol",
            "version": "1.0.0",
            "description": "What a device sends and receives over MQTT 3.1.1. Payloads are CBOR: "
            "docs/reference/wire.md.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cbor",
        "channels": {channel.value: _channel(channel, rule) for channel, rule in CHANNELS.items()},
        "operations": {
            f"{'send' if rule.direction is Direction.FROM_DEVICE else 'receive'}_{channel.value}": _operation(
                channel, rule
            )
            for channel, rule in CHANNELS.items()
        },
        "components": {"messages": {kind.value: _message(kind) for kind in Kind} | _plain_messages()},
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _channel(channel: Channel, rule: ChannelRule) -> dict[str, Any]:
    names = [kind.value for kind in MESSAGES[channel]] or [channel.value]
    return {
        "address": f"{ROOT}/{{shard}}/{{device_id}}/{channel.value}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "parameters": {
            "shard": {"description": "First byte of SHA-256(device_id), two lower-case hex digits"},
            "device_id": {"description": "[a-z0-9-]{3,40}; the certificate's CN and the MQTT client id"},
        },
        "bindings": {"mqtt": {"bindingVersion": "0.2.0"}},
    }


def _operation(channel: Channel, rule: ChannelRule) -> dict[str, Any]:
    return {
        "action": "send" if rule.direction is Direction.FROM_DEVICE else "receive",
        "channel": {"$ref": f"#/channels/{channel.value}"},
        "bindings": {"mqtt": {"qos": rule.qos, "retain": rule.retained, "bindingVersion": "0.2.0"}},
    }


def _message(kind: Kind) -> dict[str, Any]:
    return {"name": kind.value, "summary": describe(kind), "contentType": "application/cbor", "payload": _payload(kind)}


def _payload(kind: Kind) -> dict[str, Any]:
    """The envelope as a schema: an array of version, kind, body, key id and signature."""
    return {
        "type": "array",
        "prefixItems": [
            {"const": 1},
            {"const": kind.value},
            {"description": "CBOR map of the body; of a receipt, the signed note", "x-members": _members(kind)},
            {"description": "key id, 8 bytes; empty where the note inside is signed"},
            {"description": "Ed25519 signature, 64 bytes; empty where the note inside is signed"},
        ],
    }


def _members(kind: Kind) -> list[str]:
    if kind is Kind.RECEIPT:
        return []
    cls: Any = messages.PARSERS[kind].__self__
    if kind is Kind.BUNDLE:
        return ["fleet", "version", "issued_at_ms", "roles"]
    return [*cls.__slots__, *(["encoding"] if kind is Kind.BATCH else [])]


def _plain_messages() -> dict[str, Any]:
    return {
        channel.value: {"name": channel.value, "summary": text, "contentType": "application/octet-stream"}
        for channel, text in PLAIN.items()
    }
