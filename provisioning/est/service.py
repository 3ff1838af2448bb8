"""Who may have a certificate over EST, and why; each request is one turn with the fleet's folder to itself."""

from __future__ import annotations

from collections.abc import Callable

from cryptography import x509
from cryptography.x509.oid import NameOID

from edge.wire.enrolment import EnrolmentRequest
from provisioning.approvals import PLACE, Allowance, Approvals
from provisioning.claim import Claim, claim_place
from provisioning.errors import Conflict, Denied, NotFound, ProvisioningError, Unauthenticated
from provisioning.est import messages
from provisioning.fleet import Fleet, Outcome
from provisioning.generations import live, load, trusted
from provisioning.party import Party
from provisioning.profiles import Kind
from provisioning.storage import FleetFolder, Write


class EnrolmentService:
    """`now_ms`: Unix milliseconds. Every write is durable before the certificate leaves."""

    def __init__(self, folder: FleetFolder, now_ms: Callable[[], int]) -> None:
        self._folder = folder
        self._now_ms = now_ms

    def authorities(self) -> list[x509.Certificate]:
        """Roots and issuing certificates that are trusted, and the one that joins the newest to the former root."""
        found: list[x509.Certificate] = []
        for item in live(self._folder, self._now_ms()):
            found += trusted(self._folder, item.number)
            cross = load(self._folder, item.number).cross
            found += [cross] if cross is not None else []
        return found

    def trust_bundle(self) -> bytes:
        return self._folder.read("trust.bundle")

    def by_claim(self, claim_id: str, secret: str, body: bytes) -> x509.Certificate:
        """Enrol a device that shows a claim. The claim's count is written down before anything else.

        Raises:
            Unauthenticated: no such claim, or another secret.
            Denied, Conflict, Refused, WireError: not with this claim, not on the list, or not with this request.
        """
        with self._folder.locked():
            fleet, now_ms = Fleet(self._folder), self._now_ms()
            claim = self._claim(claim_id)
            if claim is None or not claim.proved_by(secret):
                remedy = "Bring the claim file that pw-provision claims add wrote."
                raise Unauthenticated("no such claim, or another secret", where="claim", remedy=remedy)
            request, data = messages.read_request(body)
            used = claim.used(request.device_id, Kind(request.kind.value), now_ms)
            approvals = self._approvals()
            if not claim.any_serial:
                approvals.check(request.device_id)
            outcome, spent = self._judged(fleet, request, data, approvals, now_ms)
            first = [] if used is claim else [Write(claim_place(claim.claim_id), used.encode())]
            return self._finish([*first, *spent], outcome)

    def by_certificate(self, shown: bytes, body: bytes) -> x509.Certificate:
        """Renew for a device that has shown its certificate (DER) in a TLS handshake that verified it.

        Raises:
            Unauthenticated: the certificate is revoked, forgotten or not of the fleet.
            Denied, Conflict, Refused, WireError: the request is another device's, or does not hold.
        """
        with self._folder.locked():
            fleet, now_ms = Fleet(self._folder), self._now_ms()
            party = self._holder(fleet, shown)
            request, data = messages.read_request(body)
            if request.device_id != party.party_id:
                what = f"the certificate is {party.party_id}'s"
                raise Denied(what, where=request.device_id, remedy="A device renews its own certificate only.")
            return self._finish([], fleet.enrol(data, now_ms))

    def by_former_key(self, body: bytes) -> x509.Certificate:
        """Renew for a device whose certificate has expired: its log key speaks for it, and an operator has allowed it.

        Raises:
            Unauthenticated: it is unknown, or its certificate still serves to show who it is.
            Denied, Conflict, Refused, WireError: nobody allowed it, or the request does not hold.
        """
        with self._folder.locked():
            fleet, now_ms = Fleet(self._folder), self._now_ms()
            request, data = messages.read_request(body)
            try:
                party = fleet.party(request.device_id)
            except NotFound as error:
                raise Unauthenticated("it was never enrolled", where=request.device_id, remedy=error.remedy) from error
            if party.log_public != request.log_public.hex():
                raise Unauthenticated("another log key", where=request.device_id, remedy="Enrol it with a claim.")
            if party.newest is not None and now_ms < party.newest.not_after_ms:
                remedy = "Show the certificate that is in use."
                raise Unauthenticated("its certificate has not expired", where=request.device_id, remedy=remedy)
            outcome = fleet.enrol(data, now_ms)
            spent = self._approvals().spent(request.device_id, Allowance.RENEWAL)
            return self._finish([Write(PLACE, spent.encode())], outcome)

    def _judged(
        self, fleet: Fleet, request: EnrolmentRequest, data: bytes, approvals: Approvals, now_ms: int
    ) -> tuple[Outcome, list[Write]]:
        """Other keys under a known id need an operator's allowance, which is used up."""
        try:
            return fleet.enrol(data, now_ms), []
        except Conflict:
            if approvals.once.get(request.device_id) is not Allowance.REPLACEMENT:
                raise
            outcome = fleet.enrol(data, now_ms, replace=True)
            spent = approvals.spent(request.device_id, Allowance.REPLACEMENT)
            return outcome, [Write(PLACE, spent.encode())]

    def _holder(self, fleet: Fleet, shown: bytes) -> Party:
        leaf = x509.load_der_x509_certificate(shown)
        names = [str(item.value) for item in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        serial = f"{leaf.serial_number:040x}"
        try:
            party = fleet.party(names[0] if names else "")
        except ProvisioningError as error:
            raise Unauthenticated("not enrolled here", where="certificate", remedy="Enrol it with a claim.") from error
        in_use = [item for item in party.certificates if item.serial == serial and item.revoked_at_ms is None]
        if party.state != "active" or not in_use:
            remedy = "A revoked device is enrolled anew, with new keys."
            raise Unauthenticated("this certificate is revoked or forgotten", where=party.party_id, remedy=remedy)
        return party

    def _claim(self, claim_id: str) -> Claim | None:
        if not claim_id or len(claim_id) > 32 or not set(claim_id) <= set("0123456789abcdef"):
            return None
        data = self._folder.find(claim_place(claim_id))
        return None if data is None else Claim.parse(data, where=claim_place(claim_id))

    def _approvals(self) -> Approvals:
        return Approvals.parse(self._folder.find(PLACE))

    def _finish(self, first: list[Write], outcome: Outcome) -> x509.Certificate:
        """Write the record, then give the certificate out."""
        self._folder.apply([*first, *outcome.writes])
        assert outcome.party is not None and outcome.party.newest is not None
        return x509.load_pem_x509_certificate(outcome.party.newest.pem.encode())
