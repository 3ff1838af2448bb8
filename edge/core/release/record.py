"""The updater's durable record as canonical JSON, and back."""

from __future__ import annotations

from typing import Any

from edge.core.release.machine import Phase, Update, Wish
from edge.wire import canonical
from edge.wire.errors import Malformed
from edge.wire.release import ReleaseKind, parse_version

FORMAT = 1


def record_name(kind: ReleaseKind) -> str:
    """The document that keeps the newest update of that kind."""
    return f"update-{kind.value}.json"


def wish_of(body: Any, *, where: str) -> Wish:
    """A wish as the desired document's section `release` states it.

    Raises:
        Malformed: a member is missing or wrong.
    """
    if type(body) is not dict or body.get("kind") not in set(ReleaseKind):
        raise Malformed("no release of a known kind", where=where)
    attempt = body.get("attempt", 0)
    if type(attempt) is not int or not 0 <= attempt < 10_000:
        raise Malformed("attempt is not a small whole number", where=where)
    return Wish(ReleaseKind(body["kind"]), parse_version(body.get("version"), where=where), attempt)


def wish_body(wish: Wish) -> dict[str, Any]:
    return {"kind": wish.kind.value, "version": str(wish.version), "attempt": wish.attempt}


def encode_update(update: Update) -> bytes:
    body: dict[str, Any] = {
        "v": FORMAT, "phase": update.phase.value, "slot": update.slot, "tries": update.tries,
        "online": update.online, "reason": update.reason,
    }  # fmt: skip
    if update.since_s is not None:
        body["since_s"] = update.since_s
    if update.wish is not None:
        body["wish"] = wish_body(update.wish)
    return canonical.encode(body)


def decode_update(data: bytes) -> Update:
    """
    Raises:
        Malformed: not a record of this version.
    """
    body = canonical.parse(data, where="update")
    if body.get("v") != FORMAT or body.get("phase") not in set(Phase) or body.get("slot") not in ("", "a", "b"):
        raise Malformed("not an update's record", where="update")
    tries, online, reason = body.get("tries"), body.get("online"), body.get("reason")
    since_s = body.get("since_s")
    if type(tries) is not int or type(online) is not bool or type(reason) is not str or type(since_s or 0) is not int:
        raise Malformed("not an update's record", where="update")
    wish = wish_of(body["wish"], where="update.wish") if "wish" in body else None
    return Update(Phase(body["phase"]), wish, body["slot"], tries, online, reason, since_s)
