"""The fleet's certificate authorities, one after the other: the newest issues, the former is trusted until its day.

The first one lies in `ca/`, each later one in `ca/<number>/`; `ca/authorities.json` says which there are and until
when each is trusted. Their roots' keys lie offline. A fleet of one authority needs no such file.
"""

from __future__ import annotations

from typing import Annotated, Literal

from cryptography import x509
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.wire.keys import TrustAnchor
from provisioning import revocation
from provisioning.authority import (
    DAY_MS,
    Authority,
    certificate_der,
    certificate_pem,
    issuing_certificate,
    ms,
    new_root,
    private_pem,
    read_certificate,
    read_key,
)
from provisioning.errors import Conflict, StorageFailed
from provisioning.issuing_key import IssuingKey
from provisioning.storage import FleetFolder, Write

LIST = "ca/authorities.json"


class Generation(BaseModel):
    """One authority; `trusted_until_ms` is exclusive."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    number: Annotated[int, Field(ge=1)]
    trusted_until_ms: Annotated[int, Field(ge=0, lt=2**53)]


class _File(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    format: Literal[1] = 1
    authorities: Annotated[tuple[Generation, ...], Field(min_length=1)]


def place(number: int, name: str) -> str:
    """Where a file of that authority lies in the fleet folder."""
    return f"ca/{name}" if number == 1 else f"ca/{number}/{name}"


def root_key_place(number: int) -> str:
    return "offline/ca.key" if number == 1 else f"offline/ca-{number}.key"


def first(fleet: str, key: IssuingKey, now_ms: int) -> tuple[Authority, tuple[Write, ...]]:
    """The files of a new fleet's authority."""
    root_key, root = new_root(fleet, now_ms)
    issuing = issuing_certificate(fleet, key.private.public_key(), root_key, root, now_ms)
    authority = Authority(issuing, root, key.private)
    return authority, (Write(root_key_place(1), private_pem(root_key)), *_files(authority, key, now_ms))


def known(folder: FleetFolder) -> tuple[Generation, ...]:
    """All authorities of the fleet, oldest first, the ones that are past included."""
    data = folder.find(LIST)
    if data is None:
        root = read_certificate(folder.read("ca/root.pem"), "ca/root.pem")
        return (Generation(number=1, trusted_until_ms=ms(root.not_valid_after_utc)),)
    try:
        return _File.model_validate_json(data).authorities
    except ValidationError as error:
        raise StorageFailed("damaged", where=LIST, remedy="Restore the file from a backup.") from error


def load(folder: FleetFolder, number: int) -> Authority:
    """
    Raises:
        StorageFailed: a file is damaged, or the key is not the certificate's.
    """
    names = {name: place(number, f"{name}.pem") for name in ("issuing", "root", "cross")}
    issuing = read_certificate(folder.read(names["issuing"]), names["issuing"])
    root = read_certificate(folder.read(names["root"]), names["root"])
    crossed = folder.find(names["cross"])
    key = IssuingKey.load(folder, place(number, "issuing.key"))
    if key.private.public_key() != issuing.public_key():
        where = place(number, "issuing.key")
        raise StorageFailed("the key is not the certificate's", where=where, remedy="Restore the folder.")
    return Authority(
        issuing, root, key.private, number, None if crossed is None else read_certificate(crossed, names["cross"])
    )


def live(folder: FleetFolder, now_ms: int) -> tuple[Generation, ...]:
    """Those that are trusted, oldest first; the last one issues."""
    return tuple(item for item in known(folder) if item.trusted_until_ms > now_ms)


def trusted(folder: FleetFolder, number: int) -> tuple[x509.Certificate, ...]:
    """Issuing certificate and root, without a look at the key."""
    names = [place(number, f"{name}.pem") for name in ("issuing", "root")]
    return tuple(read_certificate(folder.read(name), name) for name in names)


def successor(
    folder: FleetFolder, fleet: str, key: IssuingKey, overlap_days: int, needed_until_ms: int, now_ms: int
) -> tuple[tuple[TrustAnchor, ...], tuple[Write, ...], Write]:
    """The next authority: what the trust bundle is to name, its files, and the list that puts it in force.

    `needed_until_ms`: the last day of any certificate that the present authority has issued.

    Raises:
        NotFound: the offline folder is not there.
        Conflict: the last change is not over, or certificates would outlive the present authority.
    """
    present = live(folder, now_ms)
    if len(present) > 1:
        raise Conflict("a change is under way", where="ca", remedy="Wait until the former authority's day is over.")
    end_ms = now_ms + overlap_days * DAY_MS
    if end_ms < needed_until_ms:
        days = -(-(needed_until_ms - now_ms) // DAY_MS)
        raise Conflict("certificates would outlive it", where="ca", remedy=f"Use --overlap-days {days} or more.")
    former = present[-1].number
    number = former + 1
    root_key, root = new_root(fleet, now_ms, number)
    public = key.private.public_key()
    issuing = issuing_certificate(fleet, public, root_key, root, now_ms, number=number)
    former_key = read_key(folder.read(root_key_place(former)), root_key_place(former))
    former_trusted = trusted(folder, former)
    former_root = former_trusted[-1]
    if former_key.public_key() != former_root.public_key():
        raise Conflict("it is not this root's", where=root_key_place(former), remedy="Bring the right medium.")
    cross = issuing_certificate(fleet, public, former_key, former_root, now_ms, number=number, life_days=overlap_days)
    authority = Authority(issuing, root, key.private, number, cross)
    after = [*known(folder)[:-1], Generation(number=former, trusted_until_ms=end_ms)]
    after.append(Generation(number=number, trusted_until_ms=ms(root.not_valid_after_utc)))
    kept = [TrustAnchor(certificate_der(item), end_ms) for item in former_trusted]
    fresh = [TrustAnchor(certificate_der(item), after[-1].trusted_until_ms) for item in authority.trusted]
    files = (Write(root_key_place(number), private_pem(root_key)), *_files(authority, key, now_ms))
    in_force = Write(LIST, _File(authorities=tuple(after)).model_dump_json(indent=1).encode() + b"\n")
    return (*kept, *fresh), files, in_force


def _files(authority: Authority, key: IssuingKey, now_ms: int) -> tuple[Write, ...]:
    number = authority.number
    crossed = (Write(place(number, "cross.pem"), certificate_pem(authority.cross)),) if authority.cross else ()
    return (
        Write(place(number, "root.pem"), certificate_pem(authority.root)),
        Write(place(number, "issuing.pem"), certificate_pem(authority.issuing)),
        *crossed,
        Write(place(number, "issuing.key"), key.stored),
        Write(place(number, "crl.pem"), revocation.new_list(authority, (), 1, now_ms)),
    )
