"""The use cases. Each reads the folder, decides, and returns what is to be written; the caller writes it or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from edge.wire.enrolment import EnrolmentRequest
from edge.wire.keys import Ed25519Signer, Role, TrustBundle
from provisioning import generations, revocation_lists, role_key, trust
from provisioning.authority import Authority, certificate_pem, ms, public_der
from provisioning.enrolment import Keys, Verdict, fingerprint, judge, keys_of
from provisioning.errors import Conflict, NotFound, Refused, StorageFailed
from provisioning.founding import FleetFile
from provisioning.issuing_key import IssuingKey
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a use case decided. Empty `writes`: everything is so already."""

    verdict: str
    writes: tuple[Write, ...] = ()
    party: Party | None = None
    bundle: TrustBundle | None = None


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
        """The newest, which issues."""
        return generations.load(self.folder, generations.known(self.folder)[-1].number)

    def trusted_pem(self, now_ms: int) -> bytes:
        """The authorities that a peer trusts, in PEM."""
        live = generations.live(self.folder, now_ms)
        return b"".join(certificate_pem(*generations.trusted(self.folder, item.number)) for item in live)

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
        """New revocation lists, whether due or not."""
        return Outcome("renewed", revocation_lists.anew(self.folder, self.parties(), now_ms))

    def rotate(self, role: Role, overlap_days: int, now_ms: int) -> Outcome:
        """A new key for a role and the next trust bundle. Needs the offline folder.

        Raises:
            NotFound: the offline folder is not there.
            Conflict: the last rotation of this role is not over.
        """
        if role not in trust.CLOUD_ROLES:
            roles = ", ".join(trust.CLOUD_ROLES)
            raise Refused("it does not stand in the bundle", where=f"role {role}", remedy=f"Name one of {roles}.")
        root = self._root()
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        bundle = trust.rotated(self.trust_bundle(), role, public, now_ms, overlap_days)
        writes = (
            Write(role_key.path(role, public), role_key.pem(key), new=True),
            Write("trust.bundle", trust.sealed(bundle, root)),
        )
        return Outcome("rotated", writes, bundle=bundle)

    def rotate_authority(self, overlap_days: int, now_ms: int, issuing_key: str | None = None) -> Outcome:
        """A new certificate authority, trusted beside the present one for `overlap_days`. Needs the offline folder.

        It issues at once. Its issuing certificate is also signed by the present root, so a device that does not know
        the new root yet goes on trusting the broker; by the trust bundle it learns of it. The brokers need the new
        export before the first device shows a new certificate, because they also need the new revocation list.
        `issuing_key`: where the new key is to be made, if not in a file (RFC 7512).

        Raises:
            NotFound: the offline folder is not there.
            Conflict: the last change is not over, or a certificate would outlive the overlap.
        """
        root = self._root()
        needed_ms = max((issued.not_after_ms for party in self.parties() for issued in party.certificates), default=0)
        anchors, files, in_force = generations.successor(
            self.folder, self.name, IssuingKey.new(issuing_key), overlap_days, needed_ms, now_ms
        )
        bundle = trust.next_bundle(replace(self.trust_bundle(), anchors=anchors), now_ms)
        writes = (*files, Write("trust.bundle", trust.sealed(bundle, root)), in_force)
        return Outcome("rotated", writes, bundle=bundle)

    def _root(self) -> Ed25519Signer:
        root = role_key.signer(self.folder.read("offline/root.key"), "offline/root.key")
        if root.public.hex() != self.file.root_public:
            raise Conflict(
                "it is the root of another fleet", where="offline/root.key", remedy="Bring the right medium."
            )
        return root

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
        verdict = judge(former, party_id, kind, keys, now_ms, authority=self.authority.number, replace=replace)
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
            pem=certificate_pem(leaf, self.authority.shown).decode(),
            authority=self.authority.number,
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
        return revocation_lists.due(self.folder, changed, self.parties, now_ms)

    def _find(self, party_id: str) -> Party | None:
        data = self.folder.find(f"parties/{party_id}.json")
        return None if data is None else Party.parse(data, where=f"parties/{party_id}.json")

    def _parse(self, name: str) -> Party:
        return Party.parse(self.folder.read(f"parties/{name}"), where=f"parties/{name}")


@contextmanager
def fleet_at(folder: Path, offline: Path | None = None) -> Iterator[Fleet]:
    """The fleet of that folder, with everybody else kept out while it is in use."""
    place = FleetFolder(folder, offline)
    with place.locked():
        yield Fleet(place)


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
