"""The revocation lists of a fleet folder, one of each authority that is still trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from provisioning import generations, revocation
from provisioning.authority import Authority
from provisioning.party import Party
from provisioning.storage import FleetFolder, Write


def pem(folder: FleetFolder, now_ms: int) -> bytes:
    """All of them, one after the other, as a broker takes them."""
    live = generations.live(folder, now_ms)
    return b"".join(folder.read(generations.place(item.number, "crl.pem")) for item in live)


def due(
    folder: FleetFolder, changed: Party, everybody: Callable[[], Sequence[Party]], now_ms: int
) -> tuple[Write, ...]:
    """New lists, where one lacks something of `changed` or is half through its life."""
    late = [number for number in _numbers(folder, now_ms) if _is_due(folder, number, changed, now_ms)]
    if not late:
        return ()
    parties = [*(party for party in everybody() if party.party_id != changed.party_id), changed]
    return tuple(_new(folder, generations.load(folder, number), parties, now_ms) for number in late)


def anew(folder: FleetFolder, parties: Sequence[Party], now_ms: int) -> tuple[Write, ...]:
    """New lists, due or not."""
    numbers = _numbers(folder, now_ms)
    return tuple(_new(folder, generations.load(folder, number), parties, now_ms) for number in numbers)


def are_stale(folder: FleetFolder, now_ms: int) -> bool:
    """Whether one of them is half through its life."""
    return any(revocation.is_stale(_read(folder, number), now_ms) for number in _numbers(folder, now_ms))


def _numbers(folder: FleetFolder, now_ms: int) -> list[int]:
    return [item.number for item in generations.live(folder, now_ms)]


def _is_due(folder: FleetFolder, number: int, changed: Party, now_ms: int) -> bool:
    listed = _read(folder, number)
    return not revocation.is_complete(listed, number, (changed,), now_ms) or revocation.is_stale(listed, now_ms)


def _new(folder: FleetFolder, authority: Authority, parties: Sequence[Party], now_ms: int) -> Write:
    number = revocation.number_of(_read(folder, authority.number)) + 1
    data = revocation.new_list(authority, parties, number, now_ms)
    return Write(generations.place(authority.number, "crl.pem"), data)


def _read(folder: FleetFolder, number: int) -> bytes:
    return folder.read(generations.place(number, "crl.pem"))
