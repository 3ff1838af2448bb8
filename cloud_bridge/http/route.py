"""A route as data: method, path, permission, models and the work; everything else is derived from it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from cloud_bridge.access.model import Permission, Principal

JSON = "application/json"
Mode = Literal["read", "write", "serve"]


class Model(BaseModel):
    """Base of every body, query and reply: strict types, no unknown members."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class PathParam:
    """A path parameter's grammar; a value outside it names nothing, so the answer is 404."""

    pattern: str
    meaning: str

    def accepts(self, value: str) -> bool:
        return re.fullmatch(self.pattern, value) is not None


PATH_PARAMS: Mapping[str, PathParam] = {
    "device_id": PathParam("[a-z0-9-]{3,40}", "The device's id, the CN of its certificate"),
    "stream": PathParam("[0-9a-f]{32}", "The id of one of the device's logs"),
    "locker_id": PathParam("[a-z0-9-]{3,40}", "The locker's id: its device id"),
    "parcel_id": PathParam("[A-Z0-9-]{4,40}", "The carrier's tracking number"),
    "compartment_no": PathParam("[1-9][0-9]{0,3}", "The number printed on the door"),
    "decision_id": PathParam("[0-9a-f]{32}", "The decision's id"),
    "command_id": PathParam("[0-9a-f]{32}", "The command's id"),
    "token_id": PathParam("[0-9a-f]{16}", "The public part of an API token"),
    "message_id": PathParam("[0-9a-f]{32}", "The notification's id"),
    "alarm_id": PathParam("[0-9]{1,15}", "The alarm's number"),
    "task_id": PathParam("[0-9a-f]{32}", "The task's id"),
    "claim_id": PathParam("[0-9a-f]{32}", "The claim's id"),
    "proxy_id": PathParam("[0-9a-f]{32}", "The id of somebody's one-time link"),
    "rollout_id": PathParam("[0-9a-f]{32}", "The rollout's id"),
    "webhook_id": PathParam("[0-9a-f]{32}", "The webhook's id"),
    "link": PathParam("[A-Za-z0-9_-]{22,64}", "The secret part of a recipient's, proxy's or sender's link"),
    "file": PathParam("[a-z0-9_-]{1,40}\\.(js|css|svg)", "A file of the pages"),
}


@dataclass(slots=True)
class Call:
    """One request, checked: what the work may look at. `after_commit` effects run once the transaction stands."""

    principal: Principal
    params: Mapping[str, str]
    query: Any
    body: Any
    now_ms: int
    request_id: str
    request: web.Request
    after_commit: list[Callable[[], Awaitable[None]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Raw:
    """A reply that is not a model: a page, a CSV file, metrics."""

    body: bytes
    content_type: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """`read` and `write` work runs inside one transaction as `handler(call, conn)`; `serve` as `await handler(call)`.

    `creates` routes demand an `Idempotency-Key`; their first answer is kept in the transaction that made the thing.
    """

    method: str
    path: str
    permission: Permission
    handler: Callable[..., Any]
    summary: str
    tag: str
    mode: Mode = "read"
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    reply: type[BaseModel] | None = None
    reply_type: str = JSON
    status: int = 200
    creates: bool = False
    accepts: tuple[str, ...] = (JSON,)
    max_body_bytes: int = 64 * 1024
    hidden: bool = False

    @property
    def param_names(self) -> tuple[str, ...]:
        return tuple(re.findall(r"{([a-z_]+)}", self.path))

    @property
    def takes_body(self) -> bool:
        return self.body is not None or self.accepts != (JSON,)

    def __post_init__(self) -> None:
        unknown = [name for name in self.param_names if name not in PATH_PARAMS]
        if unknown:
            raise ValueError(f"{self.path}: no grammar for {unknown}")
        if self.method == "GET" and self.mode == "write":
            raise ValueError(f"{self.path}: GET changes nothing")
