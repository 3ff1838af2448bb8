"""The use cases. Each reads the folder, decides, and returns what is to be written; the caller writes it or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.wire.enrolment import EnrolmentRequest
from edge.wire.ids import check_fleet
from edge.wire.keys import Role, TrustBundle
from provisioning import revocation, role_key, trust
from provisioning.authority import Authority, certificate_pem, ms, new_issuing, new_root, private_pem, public_der
from provisioning.enrolment import Keys, Verdict, fingerprint, judge, keys_of
from provisioning.errors import Conflict, NotFound, Refused, StorageFailed
from provisioning.party import Issued, Party
from provisioning.profiles import (
    PROFILES,
    Kind,
    Profile,
    check_any_id,
    check_hosts,
    check_life_days,
    check_party_id,
    check_signing_request,
)
from provisioning.storage import FleetFolder, Write


class FleetFile(BaseModel):
    """`fleet.json`: the name and the root's public key, as devices and cloud are given it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    format: Literal[1] = 1
    fleet: str
    root_public: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a use case decided. Empty `writes`: everything is so already."""

    verdict: str
    writes: tuple[Write, ...] = ()
    party: Party | None = None
    bundle: TrustBundle | None = None


def new_fleet(name: str, now_ms: int) -> tuple[FleetFile, tuple[Write, ...]]:
    """A fleet's first files: root and issuing authority, fleet root, role keys, trust bundle, empty revocation list."""
    check_fleet(name)
    root_key, root = new_root(name, now_ms)
    issuing_key, issuing = new_issuing(name, root_key, root, now_ms)
    fleet_root = Ed25519PrivateKey.generate()
    roles = {role: Ed25519PrivateKey.generate() for role in trust.CLOUD_ROLES}
    bundle = trust.first_bundle(
        name, {role: key.public_key().public_bytes_raw() for role, key in roles.items()}, now_ms
    )
    file = FleetFile(fleet=name, root_public=fleet_root.public_key().public_bytes_raw().hex(), created_at_ms=now_ms)
    authority = Authority(issuing, root, issuing_key)
    return file, (
        Write("offline/ca.key", private_pem(root_key)),
        Write("offline/root.key", role_key.pem(fleet_root)),
        Write("ca/root.pem", certificate_pem(root)),
        Write("ca/issuing.pem", certificate_pem(issuing)),
        Write("ca/issuing.key", private_pem(issuing_key)),
        Write("ca/crl.pem", revocation.new_list(authority, (), 1, now_ms)),
        *(
            Write(role_key.path(role, key.public_key().public_bytes_raw()), role_key.pem(key))
            for role, key in roles.items()
        ),
        Write("trust.bundle", trust.sealed(bundle, role_key.signer(role_key.pem(fleet_root), "offline/root.key"))),
        Write("fleet.json", file.model_dump_json(indent=1).encode() + b"\n"),
    )


class Fleet:
    """One fleet as it stands in its folder."""

    def __init__(self, folder: FleetFolder) -> None:
        if not folder.exists():
            remedy = "Make one with pw-provision init, or name its folder: --dir."
            raise NotFound("no fleet here", where=str(folder.path), remedy=remedy)
        self.folder = folder
        try:
            self.file = FleetFile.model_validate_json(folder.read("fleet.json"))
        except ValidationError as error:
            raise StorageFailed("damaged", where="fleet.json", remedy="Restore the file from a backup.") from error

    @property
    def name(self) -> str:
        return self.file.fleet

    @cached_property
    def authority(self) -> Authority:
        read = self.folder.read
        return Authority.load(read("ca/issuing.pem"), read("ca/root.pem"), read("ca/issuing.key"))

    def trust_bundle(self) -> TrustBundle:
        return trust.opened(self.folder.read("trust.bundle"), bytes.fromhex(self.file.root_public))

    def parties(self) -> list[Party]:
        """All of them, ascending by id."""
        return [self._parse(name) for name in self.folder.names("parties")]

    def party(self, party_id: str) -> Party:
        """
        Raises:
            NotFound: nobody of that id was ever enrolled.
        """
        party = self._find(check_any_id(party_id))
        if party is None:
            raise NotFound("nobody of that id", where=party_id, remedy="See pw-provision list.")
        return party

    def enrol(self, data: bytes, now_ms: int, *, life_days: int | None = None, replace: bool = False) -> Outcome:
        """Enrol or renew a device by its own request (edge.wire.enrolment).

        Raises:
            WireError: the request is malformed, or its proof does not hold.
            Refused: outside the policy.
            Conflict: it contradicts the record, or a key belongs to another device.
        """
        request = EnrolmentRequest.parse(data)
        if request.fleet != self.name:
            raise Conflict(
                f"it asks for fleet {request.fleet}, not {self.name}",
                where=request.device_id,
                remedy="Correct the fleet in the device's configuration, or name the other fleet's folder: --dir.",
            )
        keys = (request.log_public.hex(), request.wrap_public.hex())
        kind = Kind(request.kind.value)
        return self._certify(request.csr.encode(), request.device_id, kind, keys, (), life_days, now_ms, replace)

    def issue(
        self,
        csr: bytes,
        party_id: str,
        kind: Kind,
        now_ms: int,
        *,
        hosts: Sequence[str] = (),
        life_days: int | None = None,
        replace: bool = False,
    ) -> Outcome:
        """Certify a server of the fleet (bridge, broker), which has no log key.

        Raises:
            Refused: a device, or outside the policy.
            Conflict: it contradicts the record.
        """
        if PROFILES[kind].has_log_key:
            remedy = "Make an enrolment request on the device and use pw-provision enrol."
            raise Refused(f"a {kind} is enrolled with its log key", where=party_id, remedy=remedy)
        return self._certify(csr, party_id, kind, ("", ""), hosts, life_days, now_ms, replace)

    def revoke(self, party_id: str, reason: str, now_ms: int) -> Outcome:
        """End a party's trust: all its certificates go onto the list, its keys are never accepted again."""
        party = self.party(party_id)
        if party.state == "revoked":
            return Outcome("kept", self._revocations(now_ms, party), party)
        party = party.revoked(reason, now_ms, [key for key in keys_of(party).fingerprints() if key])
        return Outcome("revoked", (_record(party), *self._revocations(now_ms, party)), party)

    def refresh_revocations(self, now_ms: int) -> Outcome:
        """A new revocation list, whether due or not."""
        return Outcome("renewed", (self._new_list(self.parties(), now_ms),))

    def rotate(self, role: Role, overlap_days: int, now_ms: int) -> Outcome:
        """A new key for a role and the next trust bundle. Needs the offline folder.

        Raises:
            NotFound: the offline folder is not there.
            Conflict: the last rotation of this role is not over.
        """
        if role not in trust.CLOUD_ROLES:
            roles = ", ".join(trust.CLOUD_ROLES)
            raise Refused("it does not stand in the bundle", where=f"role {role}", remedy=f"Name one of {roles}.")
        root = role_key.signer(self.folder.read("offline/root.key"), "offline/root.key")
        if root.public.hex() != self.file.root_public:
            raise Conflict(
                "it is the root of another fleet", where="offline/root.key", remedy="Bring the right medium."
            )
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        bundle = trust.rotated(self.trust_bundle(), role, public, now_ms, overlap_days)
        writes = (
            Write(role_key.path(role, public), role_key.pem(key), new=True),
            Write("trust.bundle", trust.sealed(bundle, root)),
        )
        return Outcome("rotated", writes, bundle=bundle)

    def _certify(
        self,
        csr: bytes,
        party_id: str,
        kind: Kind,
        publics: tuple[str, str],
        hosts: Sequence[str],
        life_days: int | None,
        now_ms: int,
        replace: bool,
    ) -> Outcome:
        profile = PROFILES[kind]
        check_party_id(party_id, profile)
        days, names = check_life_days(life_days, profile), check_hosts(hosts, profile)
        request = check_signing_request(csr, party_id)
        keys = Keys(*publics, tls_key=fingerprint(public_der(request)))
        former = self._find(party_id)
        verdict = judge(former, party_id, kind, keys, now_ms, replace=replace)
        claims = self._claims(party_id, keys)
        if verdict is Verdict.KEPT and former is not None and _hosts_of(former) == list(names):
            return Outcome(Verdict.KEPT, claims, former)
        party = former or Party(party_id=party_id, kind=kind)
        if verdict is Verdict.REPLACED:
            party = party.revoked("replaced", now_ms, [key for key in keys_of(party).fingerprints() if key])
        issued = self._issue(request, profile, names, days, keys.tls_key, now_ms)
        current = {"state": "active", "log_public": keys.log_public, "wrap_public": keys.wrap_public, "reason": ""}
        party = party.with_certificate(issued, now_ms).model_copy(update=current)
        verdict = Verdict.RENEWED if verdict is Verdict.KEPT else verdict
        return Outcome(verdict, (*claims, _record(party), *self._revocations(now_ms, party)), party)

    def _issue(
        self,
        request: x509.CertificateSigningRequest,
        profile: Profile,
        names: Sequence[x509.GeneralName],
        days: int,
        tls_key: str,
        now_ms: int,
    ) -> Issued:
        leaf = self.authority.issue(request, profile, names, days, now_ms)
        return Issued(
            serial=f"{leaf.serial_number:040x}",
            tls_key=tls_key,
            not_before_ms=now_ms,
            not_after_ms=ms(leaf.not_valid_after_utc),
            pem=(certificate_pem(leaf) + certificate_pem(self.authority.issuing)).decode(),
        )

    def _claims(self, party_id: str, keys: Keys) -> tuple[Write, ...]:
        """A key belongs to one party for ever: a copied card does not become a second device."""
        claims = []
        for key in keys.fingerprints():
            holder = self.folder.find(f"keys/{key}")
            if holder is None:
                claims.append(Write(f"keys/{key}", party_id.encode(), new=True))
            elif holder.decode(errors="replace") != party_id:
                remedy = "Every device makes its own keys: empty the key folder of the copy and enrol it anew."
                raise Conflict("a key of this request belongs to another party", where=party_id, remedy=remedy)
        return tuple(claims)

    def _revocations(self, now_ms: int, changed: Party) -> tuple[Write, ...]:
        """A new list, if the old one lacks something of `changed` or is half through its life."""
        listed = self.folder.read("ca/crl.pem")
        if revocation.is_complete(listed, (changed,), now_ms) and not revocation.is_stale(listed, now_ms):
            return ()
        others = (party for party in self.parties() if party.party_id != changed.party_id)
        return (self._new_list([*others, changed], now_ms),)

    def _new_list(self, parties: Sequence[Party], now_ms: int) -> Write:
        number = revocation.number_of(self.folder.read("ca/crl.pem")) + 1
        return Write("ca/crl.pem", revocation.new_list(self.authority, parties, number, now_ms))

    def _find(self, party_id: str) -> Party | None:
        data = self.folder.find(f"parties/{party_id}.json")
        return None if data is None else Party.parse(data, where=f"parties/{party_id}.json")

    def _parse(self, name: str) -> Party:
        return Party.parse(self.folder.read(f"parties/{name}"), where=f"parties/{name}")


def _record(party: Party) -> Write:
    return Write(f"parties/{party.party_id}.json", party.encode())


def _hosts_of(party: Party) -> list[x509.GeneralName]:
    """The host names in the newest certificate."""
    if party.newest is None:
        return []
    leaf = x509.load_pem_x509_certificate(party.newest.pem.encode())
    try:
        return list(leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []
