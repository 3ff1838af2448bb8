"""The use cases over a real folder, with the clock as an input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from edge.wire.enrolment import DeviceKind, EnrolmentRequest
from edge.wire.errors import BadSignature, WireError
from edge.wire.keys import Role
from provisioning import registry_file, revocation, role_key
from provisioning.authority import ms
from provisioning.errors import Conflict, NotFound, ProvisioningError, Refused, StorageFailed
from provisioning.export import Receiver, files_for
from provisioning.fleet import Fleet, Outcome
from provisioning.founding import new_fleet
from provisioning.profiles import Kind
from provisioning.storage import FleetFolder
from tests.unit.provisioning.devices import DAY_MS, FLEET, T0_MS, Device, device, p256, signing_request


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    folder = FleetFolder(tmp_path / "fleet")
    folder.create(new_fleet(FLEET, T0_MS)[1])
    return Fleet(folder)


def do(fleet: Fleet, outcome: Outcome) -> Outcome:
    fleet.folder.apply(outcome.writes)
    return outcome


def enrol(fleet: Fleet, who: Device, day: int = 0, **options: object) -> Outcome:
    return do(fleet, fleet.enrol(who.request(), T0_MS + day * DAY_MS, **options))


def listed(fleet: Fleet) -> set[int]:
    return {entry.serial_number for entry in revocation.load(fleet.folder.read("ca/crl.pem"))}


def leaf(outcome: Outcome) -> x509.Certificate:
    assert outcome.party is not None and outcome.party.newest is not None
    return x509.load_pem_x509_certificate(outcome.party.newest.pem.encode())


def test_enrol_new_device_certifies_its_own_tls_key(fleet: Fleet) -> None:
    who = device()
    certificate = leaf(enrol(fleet, who))
    assert certificate.public_key() == who.tls.public_key()
    assert [name.value for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["locker-0001"]
    assert ms(certificate.not_valid_after_utc) == T0_MS + 90 * DAY_MS
    certificate.verify_directly_issued_by(fleet.authority.issuing)


def test_enrol_ed25519_tls_key_is_accepted(fleet: Fleet) -> None:
    assert enrol(fleet, device(tls=Ed25519PrivateKey.generate())).verdict == "enrolled"


def test_enrol_again_writes_nothing(fleet: Fleet) -> None:
    who = device()
    first, again = enrol(fleet, who), enrol(fleet, who)
    assert (again.verdict, again.writes) == ("kept", ())
    assert again.party == first.party


def test_enrol_after_a_crash_before_the_record_goes_on(fleet: Fleet) -> None:
    who = device()
    whole = fleet.enrol(who.request(), T0_MS)
    fleet.folder.apply(whole.writes[:2])
    assert enrol(fleet, who).verdict == "enrolled"
    assert enrol(fleet, who).verdict == "kept"


def test_enrol_400_days_later_renews_an_expired_device(fleet: Fleet) -> None:
    who = device()
    old = leaf(enrol(fleet, who))
    assert ms(old.not_valid_after_utc) < T0_MS + 400 * DAY_MS
    who.tls = p256()
    renewed = enrol(fleet, who, day=400)
    assert renewed.verdict == "renewed"
    assert ms(leaf(renewed).not_valid_after_utc) == T0_MS + 490 * DAY_MS
    assert listed(fleet) == set()


def test_enrol_with_a_foreign_proof_is_refused(fleet: Fleet) -> None:
    who, thief = device(1), device(2)
    request = json.loads(who.request())
    request["wrap_public"] = thief.wrap_public.hex()
    with pytest.raises(BadSignature):
        fleet.enrol(json.dumps(request, sort_keys=True, separators=(",", ":")).encode(), T0_MS)


def test_enrol_for_another_fleet_is_refused(fleet: Fleet) -> None:
    with pytest.raises(Conflict, match="asks for fleet"):
        fleet.enrol(device().request(fleet="other.fleet"), T0_MS)


def test_enrol_csr_of_another_id_is_refused(fleet: Fleet) -> None:
    who = device()
    csr = signing_request(who.tls, "locker-0002").decode()
    plain = EnrolmentRequest(FLEET, "locker-0001", DeviceKind.LOCKER, csr, who.log.public, who.wrap_public)
    with pytest.raises(Refused, match="subject"):
        fleet.enrol(plain.proved(who.log).encode(), T0_MS)


@pytest.mark.parametrize("shared", ["log", "wrap_public", "tls"])
def test_enrol_second_device_with_a_key_of_the_first_is_refused(fleet: Fleet, shared: str) -> None:
    first, copy = device(1), device(2)
    enrol(fleet, first)
    setattr(copy, shared, getattr(first, shared))
    with pytest.raises(Conflict, match="belongs to another party"):
        fleet.enrol(copy.request(), T0_MS)
    assert [party.party_id for party in fleet.parties()] == ["locker-0001"]


def test_enrol_new_device_under_an_old_id_needs_replace_and_ends_the_old(fleet: Fleet) -> None:
    old, new = device(1), device(1)
    serial = leaf(enrol(fleet, old)).serial_number
    with pytest.raises(Conflict, match="other keys"):
        enrol(fleet, new)
    assert enrol(fleet, new, replace=True).verdict == "replaced"
    assert listed(fleet) == {serial}
    for replace in (False, True):
        with pytest.raises(Conflict, match="lost its trust"):
            enrol(fleet, old, replace=replace)
    assert enrol(fleet, new).verdict == "kept"


def test_revoke_lists_every_certificate_still_valid(fleet: Fleet) -> None:
    who, other = device(1), device(2)
    serials = {leaf(enrol(fleet, who)).serial_number}
    serials.add(leaf(enrol(fleet, who, day=70)).serial_number)
    enrol(fleet, other, day=70)
    do(fleet, fleet.revoke("locker-0001", "stolen", T0_MS + 71 * DAY_MS))
    assert listed(fleet) == serials
    assert fleet.party("locker-0001").state == "revoked"
    with pytest.raises(Conflict, match="lost its trust"):
        enrol(fleet, who, day=72)


def test_revoke_again_changes_nothing(fleet: Fleet) -> None:
    enrol(fleet, device())
    do(fleet, fleet.revoke("locker-0001", "stolen", T0_MS))
    assert fleet.revoke("locker-0001", "stolen", T0_MS).writes == ()


def test_revoke_after_a_crash_before_the_list_completes_it(fleet: Fleet) -> None:
    serial = leaf(enrol(fleet, device())).serial_number
    half = fleet.revoke("locker-0001", "stolen", T0_MS)
    fleet.folder.apply(half.writes[:1])
    assert listed(fleet) == set()
    do(fleet, fleet.revoke("locker-0001", "stolen", T0_MS))
    assert listed(fleet) == {serial}


def test_revoke_nobody_is_not_found(fleet: Fleet) -> None:
    with pytest.raises(NotFound):
        fleet.revoke("locker-9999", "stolen", T0_MS)
    with pytest.raises(WireError):
        fleet.revoke("../ca/issuing", "stolen", T0_MS)


def test_list_is_renewed_by_the_way_after_half_its_life(fleet: Fleet) -> None:
    before = fleet.folder.read("ca/crl.pem")
    enrol(fleet, device(1), day=14)
    assert fleet.folder.read("ca/crl.pem") == before
    enrol(fleet, device(2), day=15)
    after = fleet.folder.read("ca/crl.pem")
    assert revocation.number_of(after) == revocation.number_of(before) + 1
    assert ms(revocation.load(after).next_update_utc) == T0_MS + 45 * DAY_MS


def test_list_forgets_what_has_expired(fleet: Fleet) -> None:
    enrol(fleet, device())
    do(fleet, fleet.revoke("locker-0001", "stolen", T0_MS))
    do(fleet, fleet.refresh_revocations(T0_MS + 92 * DAY_MS))
    assert listed(fleet) == set()


def test_issue_for_a_broker_names_its_hosts(fleet: Fleet) -> None:
    csr, hosts = signing_request(p256(), "broker.1"), ["dns:localhost", "ip:127.0.0.1"]
    made = do(fleet, fleet.issue(csr, "broker.1", Kind.BROKER, T0_MS, hosts=hosts))
    names = leaf(made).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert do(fleet, fleet.issue(csr, "broker.1", Kind.BROKER, T0_MS, hosts=hosts)).verdict == "kept"
    moved = do(fleet, fleet.issue(csr, "broker.1", Kind.BROKER, T0_MS, hosts=["dns:broker.example"]))
    assert moved.verdict == "renewed"


def test_issue_for_a_device_is_refused(fleet: Fleet) -> None:
    with pytest.raises(Refused, match="log key"):
        fleet.issue(signing_request(p256(), "locker-0001"), "locker-0001", Kind.LOCKER, T0_MS)


def test_issue_new_key_for_a_bridge_needs_replace(fleet: Fleet) -> None:
    do(fleet, fleet.issue(signing_request(p256(), "bridge.1"), "bridge.1", Kind.BRIDGE, T0_MS))
    other = signing_request(p256(), "bridge.1")
    with pytest.raises(Conflict):
        fleet.issue(other, "bridge.1", Kind.BRIDGE, T0_MS)
    assert fleet.issue(other, "bridge.1", Kind.BRIDGE, T0_MS, replace=True).verdict == "replaced"


def test_certificate_never_outlives_its_issuer(fleet: Fleet) -> None:
    with pytest.raises(Conflict, match="outlive"):
        fleet.enrol(device().request(), T0_MS + (5 * 365 - 89) * DAY_MS)


def test_rotate_without_the_offline_folder_is_not_found(fleet: Fleet, tmp_path: Path) -> None:
    (fleet.folder.path / "offline").rename(tmp_path / "stick")
    with pytest.raises(NotFound):
        fleet.rotate(Role.RECEIPTS, 30, T0_MS)
    with_medium = Fleet(FleetFolder(fleet.folder.path, tmp_path / "stick"))
    do(with_medium, with_medium.rotate(Role.RECEIPTS, 30, T0_MS))
    assert fleet.trust_bundle().version == 2


def test_rotate_with_another_fleets_root_is_refused(fleet: Fleet, tmp_path: Path) -> None:
    other = FleetFolder(tmp_path / "other")
    other.create(new_fleet("other.fleet", T0_MS)[1])
    with pytest.raises(Conflict, match="another fleet"):
        Fleet(FleetFolder(fleet.folder.path, tmp_path / "other/offline")).rotate(Role.RECEIPTS, 30, T0_MS)


def test_export_registry_has_devices_only(fleet: Fleet) -> None:
    who = device(2)
    enrol(fleet, device(1))
    enrol(fleet, who)
    do(fleet, fleet.revoke("locker-0001", "stolen", T0_MS))
    do(fleet, fleet.issue(signing_request(p256(), "bridge.1"), "bridge.1", Kind.BRIDGE, T0_MS))
    value = json.loads(registry_file.encode(fleet.name, fleet.parties(), T0_MS))
    assert [(item["device_id"], item["state"]) for item in value["devices"]] == [
        ("locker-0001", "revoked"),
        ("locker-0002", "active"),
    ]
    assert value["devices"][1]["log_public"] == who.log.public.hex()
    assert value["devices"][1]["wrap_public"] == who.wrap_public.hex()


@pytest.mark.parametrize("receiver", [Receiver.BROKER, Receiver.DEVICE])
def test_export_for_broker_and_device_holds_no_private_key(fleet: Fleet, receiver: Receiver) -> None:
    files = files_for(fleet, receiver, T0_MS)
    assert not any(file.private or b"PRIVATE" in file.data for file in files)


def test_export_for_a_bridge_gives_the_keys_that_the_bundle_names(fleet: Fleet) -> None:
    do(fleet, fleet.rotate(Role.RECEIPTS, 30, T0_MS))
    files = {file.name: file for file in files_for(fleet, Receiver.BRIDGE, T0_MS)}
    private = {name for name, file in files.items() if file.private}
    assert private == {"receipts.key", "receipts.next.key", "commands.key", "desired.key", "pickup.key"}
    publics = {name: public_of(files[name].data) for name in private}
    named = [key.public for key in fleet.trust_bundle().keys(Role.RECEIPTS)]
    assert [publics["receipts.key"], publics["receipts.next.key"]] == named
    assert publics["pickup.key"] == fleet.trust_bundle().keys(Role.PICKUP)[0].public


def public_of(pem: bytes) -> bytes:
    return role_key.signer(pem, "test").public


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("fleet.json", lambda fleet: Fleet(fleet.folder)),
        ("ca/issuing.pem", lambda fleet: Fleet(fleet.folder).authority),
        ("ca/issuing.key", lambda fleet: Fleet(fleet.folder).authority),
        ("ca/crl.pem", lambda fleet: fleet.enrol(device(2).request(), T0_MS)),
        ("trust.bundle", lambda fleet: fleet.trust_bundle()),
        ("offline/root.key", lambda fleet: fleet.rotate(Role.RECEIPTS, 30, T0_MS)),
        ("parties/locker-0001.json", lambda fleet: fleet.parties()),
    ],
)
@pytest.mark.parametrize("damage", [b"", b"{}", b"\x00" * 500], ids=["empty", "other", "zeros"])
def test_damaged_file_is_reported_by_name(fleet: Fleet, name: str, use, damage: bytes) -> None:
    enrol(fleet, device())
    (fleet.folder.path / name).write_bytes(damage)
    with pytest.raises(StorageFailed) as caught:
        use(fleet)
    assert caught.value.remedy and (caught.value.where in name or name.startswith(caught.value.where))


def test_authority_with_the_key_of_another_is_reported(fleet: Fleet) -> None:
    folder = fleet.folder.path
    (folder / "ca/issuing.key").write_bytes((folder / "offline/ca.key").read_bytes())
    with pytest.raises(ProvisioningError, match="not the certificate's"):
        _ = Fleet(fleet.folder).authority


@pytest.mark.parametrize("count", [25, pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
def test_many_devices_share_no_key_and_no_serial(fleet: Fleet, count: int) -> None:
    for number in range(count):
        enrol(fleet, device(number))
    parties = fleet.parties()
    secrets = [key for party in parties for key in (party.log_public, party.wrap_public, party.newest.tls_key)]
    assert len(parties) == count
    assert len(set(secrets)) == 3 * count
    assert len({party.newest.serial for party in parties}) == count
    assert len(fleet.folder.names("keys")) == 3 * count
