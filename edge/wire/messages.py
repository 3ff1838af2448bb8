"""The bodies of all messages as values, with their encoding. Layout: `schema.cddl`; rules: docs/reference/wire.md.

`encode()` gives body bytes; `X.parse(body)` reads them back or raises `Malformed`/`TooLarge`. Times are Unix
milliseconds UTC of the cloud's clock unless a name says otherwise.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from edge.wire import cbor
from edge.wire.envelope import Fields, Kind, dump_map, load_cbor
from edge.wire.errors import Malformed, TooLarge
from edge.wire.event import MAX_EVENT_BYTES
from edge.wire.ids import check_device_id, check_fleet, check_hex_id
from edge.wire.keys import PUBLIC_KEY_BYTES, Role, RoleKey, TrustAnchor, TrustBundle
from edge.wire.merkle import HASH_BYTES, Frontier

NONCE_BYTES = 16
MAX_BATCH_EVENTS = 500
MAX_BATCH_BYTES = 64 * 1024
MAX_INFLATED_BYTES = MAX_BATCH_BYTES + 5 * MAX_BATCH_EVENTS + 16
MAX_ACTUATION_LIFE_MS = 60_000
MAX_ANCHORS = 8
MAX_ANCHOR_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Hello:
    """Device → cloud. Without a nonce it only knocks; with the welcome's nonce it states the head to be judged.

    `base_size`/`base_peaks`: frontier below the oldest event still held; with `receipt` (the newest held, or empty)
    a cloud restored from an older backup can go on from there.
    """

    device_id: str
    fleet: str
    stream: str
    boot: int
    nonce: bytes
    checkpoint: bytes
    base_size: int
    base_peaks: bytes
    receipt: bytes
    agent: str
    desired_epoch: int
    desired_version: int

    KIND = Kind.HELLO

    def encode(self) -> bytes:
        return dump_map({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def parse(cls, body: bytes) -> Self:
        fields = Fields(body, Kind.HELLO)
        hello = cls(
            device_id=check_device_id(fields.text("device_id")),
            fleet=check_fleet(fields.text("fleet")),
            stream=check_hex_id(fields.text("stream"), where="hello.stream"),
            boot=fields.whole("boot"),
            nonce=fields.octets("nonce", (0, NONCE_BYTES)),
            checkpoint=fields.octets("checkpoint", limit=2048),
            base_size=fields.whole("base_size"),
            base_peaks=fields.octets("base_peaks", limit=64 * HASH_BYTES),
            receipt=fields.octets("receipt", limit=2048),
            agent=fields.text("agent", 64),
            desired_epoch=fields.whole("desired_epoch"),
            desired_version=fields.whole("desired_version"),
        )
        Frontier.from_bytes(hello.base_size, hello.base_peaks)
        return hello


@dataclass(frozen=True, slots=True)
class Batch:
    """Device → cloud: the contiguous events `first … first + len(events) − 1`, ending at a commit boundary.

    `checkpoint` is that commit's signed note, of size `first + len(events)`.
    """

    device_id: str
    stream: str
    first: int
    checkpoint: bytes
    events: tuple[bytes, ...]

    KIND = Kind.BATCH

    def encode(self, *, deflate: bool = True) -> bytes:
        check_batch_size(self.events)
        payload, encoding = cbor.encode(self.events), "raw"
        if deflate and len(packed := zlib.compress(payload, 6)) < len(payload):
            payload, encoding = packed, "deflate"
        return dump_map(
            {
                "device_id": self.device_id,
                "stream": self.stream,
                "first": self.first,
                "checkpoint": self.checkpoint,
                "encoding": encoding,
                "events": payload,
            }
        )

    @classmethod
    def parse(cls, body: bytes) -> Self:
        fields = Fields(body, Kind.BATCH)
        payload = fields.octets("events")
        encoding = fields.text("encoding", 16)
        if encoding == "deflate":
            payload = inflate(payload, MAX_INFLATED_BYTES)
        elif encoding != "raw":
            raise Malformed(f"unknown encoding {encoding!r}", where="batch.encoding")
        events = load_cbor(payload, where="batch.events")
        if type(events) is not list or not all(type(item) is bytes for item in events):
            raise Malformed("not a list of byte strings", where="batch.events")
        check_batch_size(events)
        return cls(
            device_id=check_device_id(fields.text("device_id")),
            stream=check_hex_id(fields.text("stream"), where="batch.stream"),
            first=fields.whole("first"),
            checkpoint=fields.octets("checkpoint", limit=2048),
            events=tuple(events),
        )


def check_batch_size(events: Sequence[bytes]) -> None:
    """1 to 500 events, 64 KiB together, 16 KiB each.

    Raises:
        TooLarge, Malformed: outside that.
    """
    if not events:
        raise Malformed("an empty batch", where="batch.events")
    if len(events) > MAX_BATCH_EVENTS or sum(map(len, events)) > MAX_BATCH_BYTES:
        raise TooLarge(f"{len(events)} events, at most {MAX_BATCH_EVENTS} and 64 KiB", where="batch.events")
    if max(map(len, events)) > MAX_EVENT_BYTES:
        raise TooLarge("an event over 16 KiB", where="batch.events")


def inflate(data: bytes, limit: int) -> bytes:
    """Inflate a zlib stream that must end exactly with `data` and within `limit` bytes."""
    engine = zlib.decompressobj()
    try:
        plain = engine.decompress(data, limit + 1)
    except zlib.error as error:
        raise Malformed(f"not a zlib stream: {error}", where="batch.events") from error
    if len(plain) > limit:
        raise TooLarge(f"inflates to more than {limit} bytes", where="batch.events")
    if not engine.eof or engine.unused_data:
        raise Malformed("the zlib stream does not end with its bytes", where="batch.events")
    return plain


@dataclass(frozen=True, slots=True)
class Hint:
    """Device → cloud: the bytes of one urgent event, ahead of the backlog. Its log record follows and settles it."""

    device_id: str
    event: bytes

    KIND = Kind.HINT

    def encode(self) -> bytes:
        return dump_map({"device_id": self.device_id, "event": self.event})

    @classmethod
    def parse(cls, body: bytes) -> Self:
        fields = Fields(body, Kind.HINT)
        return cls(check_device_id(fields.text("device_id")), fields.octets("event", limit=MAX_EVENT_BYTES))


@dataclass(frozen=True, slots=True)
class Welcome:
    """Cloud → device, answers a hello: the session's nonce, cloud time, the cursor of the hello's stream."""

    device_id: str
    nonce: bytes
    at_ms: int
    stream: str
    cursor: int
    desired_epoch: int
    desired_version: int
    desired_hash: bytes
    bundle_version: int

    KIND = Kind.WELCOME

    def encode(self) -> bytes:
        return dump_map({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def parse(cls, body: bytes) -> Self:
        fields = Fields(body, Kind.WELCOME)
        return cls(
            device_id=check_device_id(fields.text("device_id")),
            nonce=fields.octets("nonce", (NONCE_BYTES,)),
            at_ms=fields.whole("at_ms"),
            stream=check_hex_id(fields.text("stream"), where="welcome.stream"),
            cursor=fields.whole("cursor"),
            desired_epoch=fields.whole("desired_epoch"),
            desired_version=fields.whole("desired_version"),
            desired_hash=fields.octets("desired_hash", (0, 32)),
            bundle_version=fields.whole("bundle_version"),
        )


@dataclass(frozen=True, slots=True)
class Rewind:
    """Cloud → device: send again from `cursor` (the first seq not stored)."""

    device_id: str
    stream: str
    cursor: int
    at_ms: int

    KIND = Kind.REWIND

    def encode(self) -> bytes:
        return dump_map({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def parse(cls, body: bytes) -> Self:
        fields = Fields(body, Kind.REWIND)
        return cls(
            check_device_id(fields.text("device_id")),
            check_hex_id(fields.text("stream"), where="rewind.stream"),
            fields.whole("cursor"),
            fields.whole("at_ms"),
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """Cloud → device: what was refused, why, and what helps. `code`: rollback, fork, quarantined, unknown_device …"""

    device_id: str
    code: str
    detail: str
    remedy: str
    at_ms: int

    KIND = Kind.REFUSAL

    def encode(self) -> bytes:
        return dump_map({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def parse(cls, body: bytes) -> Self:
        fields = Fields(body, Kind.REFUSAL)
        return cls(
            check_device_id(fields.text("device_id")),
            fields.text("code", 64),
            fields.text("detail", 512),
            fields.text("remedy", 512),
            fields.whole("at_ms"),
        )


@dataclass(frozen=True, slots=True)
class Command:
    """Cloud → device: valid only in the session of `nonce` and before `expires_at_ms`, checked again at actuation."""

    command_id: str
    device_id: str
    nonce: bytes
    type: str
    args: Mapping[str, Any]
    issued_at_ms: int
    expires_at_ms: int
    actor: str
    reason: str

    KIND = Kind.COMMAND

    def encode(self) -> bytes:
        return dump_map({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def parse(cls, body: bytes) -> Self:
        fields = Fields(body, Kind.COMMAND)
        command = cls(
            command_id=check_hex_id(fields.text("command_id"), where="command.command_id"),
            device_id=check_device_id(fields.text("device_id")),
            nonce=fields.octets("nonce", (NONCE_BYTES,)),
            type=fields.text("type", 64),
            args=fields.mapping("args"),
            issued_at_ms=fields.whole("issued_at_ms"),
            expires_at_ms=fields.whole("expires_at_ms"),
            actor=fields.text("actor", 128),
            reason=fields.text("reason", 256),
        )
        if not 0 < command.expires_at_ms - command.issued_at_ms <= MAX_ACTUATION_LIFE_MS:
            raise Malformed("lives longer than 60 s, or not at all", where="command.expires_at_ms")
        return command


@dataclass(frozen=True, slots=True)
class Desired:
    """Cloud → device: what the device should be. `doc` is JSON in the event profile, hashed as these bytes."""

    device_id: str
    epoch: int
    version: int
    doc: bytes

    KIND = Kind.DESIRED

    def encode(self) -> bytes:
        return dump_map({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def parse(cls, body: bytes) -> Self:
        fields = Fields(body, Kind.DESIRED)
        return cls(
            check_device_id(fields.text("device_id")),
            fields.whole("epoch"),
            fields.whole("version"),
            fields.octets("doc"),
        )


@dataclass(frozen=True, slots=True)
class Secret:
    """Cloud → device: a secret wrapped to the device's X25519 key with HPKE (RFC 9180), `name` bound as info."""

    device_id: str
    name: str
    version: int
    wrapped: bytes

    KIND = Kind.SECRET

    def encode(self) -> bytes:
        return dump_map({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def parse(cls, body: bytes) -> Self:
        fields = Fields(body, Kind.SECRET)
        return cls(
            check_device_id(fields.text("device_id")),
            fields.text("name", 64),
            fields.whole("version"),
            fields.octets("wrapped", limit=1024),
        )


@dataclass(frozen=True, slots=True)
class Bundle:
    """Cloud → device: the trust bundle, sealed by the fleet root."""

    bundle: TrustBundle

    KIND = Kind.BUNDLE

    def encode(self) -> bytes:
        bundle = self.bundle
        roles = {
            role.value: [[key.public, key.not_before_ms, key.not_after_ms] for key in keys]
            for role, keys in bundle.roles.items()
        }
        body = {"fleet": bundle.fleet, "version": bundle.version, "issued_at_ms": bundle.issued_at_ms, "roles": roles}
        anchors = [[anchor.certificate, anchor.not_after_ms] for anchor in bundle.anchors]
        return dump_map({**body, "anchors": anchors} if anchors else body)

    @classmethod
    def parse(cls, body: bytes) -> Self:
        fields = Fields(body, Kind.BUNDLE)
        roles: dict[Role, tuple[RoleKey, ...]] = {}
        for name, keys in fields.mapping("roles").items():
            if name not in set(Role) or type(keys) is not list or len(keys) > 8:
                raise Malformed(f"role {name!r:.40} is unknown or holds no list of keys", where="bundle.roles")
            roles[Role(name)] = tuple(_role_key(key, name) for key in keys)
        anchors = fields.items("anchors", _is_anchor, MAX_ANCHORS) if fields.has("anchors") else []
        fleet, version = check_fleet(fields.text("fleet")), fields.whole("version")
        named = tuple(TrustAnchor(*anchor) for anchor in anchors)
        return cls(TrustBundle(fleet, version, fields.whole("issued_at_ms"), roles, named))


def _is_anchor(value: Any) -> bool:
    if type(value) is not list or len(value) != 2:
        return False
    certificate, end = value
    sized = type(certificate) is bytes and 0 < len(certificate) <= MAX_ANCHOR_BYTES
    return sized and type(end) is int and 0 <= end < 2**53


def _role_key(value: Any, role: str) -> RoleKey:
    if type(value) is not list or len(value) != 3:
        raise Malformed("a key is [public, not_before_ms, not_after_ms]", where=f"bundle.roles.{role}")
    public, start, end = value
    times_fit = all(type(at_ms) is int and 0 <= at_ms < 2**53 for at_ms in (start, end))
    if type(public) is not bytes or len(public) != PUBLIC_KEY_BYTES or not times_fit:
        raise Malformed("a key is [public, not_before_ms, not_after_ms]", where=f"bundle.roles.{role}")
    return RoleKey(public, start, end)


Message = Hello | Batch | Hint | Welcome | Rewind | Refusal | Command | Desired | Secret | Bundle
PARSERS = {
    kind.KIND: kind.parse for kind in (Hello, Batch, Hint, Welcome, Rewind, Refusal, Command, Desired, Secret, Bundle)
}
