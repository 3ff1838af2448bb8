"""A new card becomes a device: keys, certificate, trust bundle and configuration from one claim, then the claim goes.

Each step is durable before the next, and each may be run again: a power cut anywhere leaves a card that enrols at its
next start, and the fleet counts it once, because the same keys ask under the same id.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from edge.agents.claim_file import Claim, read_claim
from edge.config import load_config
from edge.drivers.board_serial import board_serial
from edge.errors import ConfigError, EnrolmentRefused
from edge.link.est_client import ClaimSecret, EstClient, EstServer, chain_pem
from edge.storage.destruction import destroy_file
from edge.storage.document_file import DocumentFiles
from edge.storage.key_file import KeyFile
from edge.wire.envelope import Kind, open_envelope
from edge.wire.errors import WireError
from edge.wire.ids import check_device_id, check_fleet
from edge.wire.messages import Bundle

CONFIG, AUTHORITIES, BUNDLE, ANSWERS = "locker.toml", "ca.pem", "trust.bundle", "device.toml"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """`changed`: false when there was no claim any more, because this card was enrolled before."""

    device_id: str
    not_after_ms: int
    changed: bool


async def enrol(claim_path: Path, data: Path, serial: str | None, on_step: Callable[[str], None]) -> Enrolled:
    """Enrol this device; `on_step` is told what is durable now. The installer's answers lie beside the claim.

    Raises:
        ConfigError: the claim, the answers or what is already there is wrong.
        EnrolmentRefused: the fleet says no.
        LinkDown: no answer; try again later.
        StorageFull, StorageFailed: nothing is lost; run it again.
    """
    try:
        claim = read_claim(claim_path)
        if claim is None:
            return _enrolled_before(claim_path, data)
        device_id = check_device_id(f"{claim.device_kind.value.replace('_', '-')}-{serial or board_serial()}")
        check_fleet(claim.fleet)
        config = configuration(claim, device_id, data, _answers(claim_path.with_name(ANSWERS)))
    except WireError as error:
        raise ConfigError(str(error), where=str(claim_path), remedy=error.remedy) from error
    files = DocumentFiles(data)
    _check_configuration(files, data, config, device_id)
    keys = KeyFile(data / "keys", device_id)
    on_step("keys")
    client = EstClient(EstServer(claim.est_url, claim.est_ca_pem))
    request = keys.est_request(claim.fleet, claim.device_kind)
    leaf = await client.enrol(request, ClaimSecret(claim.claim_id, claim.secret))
    on_step("certified")
    authorities = await client.authorities()
    bundle = verified_bundle(await client.trust_bundle(), claim.root_public, claim.fleet)
    keys.install_certificate(chain_pem(leaf, authorities))
    on_step("certificate")
    files.save(AUTHORITIES, b"".join(map(_pem, authorities)))
    files.save(BUNDLE, bundle)
    on_step("trust")
    if not (data / CONFIG).exists():
        files.save(CONFIG, config.encode())
    on_step("configuration")
    destroy_file(claim_path)
    on_step("claim")
    return Enrolled(device_id, int(leaf.not_valid_after_utc.timestamp()) * 1000, changed=True)


def configuration(claim: Claim, device_id: str, data: Path, answers: str) -> str:
    """The agent's file: who it is and whom it trusts, then the installer's answers (boards, doors), then the broker."""
    known = {
        "device_id": device_id, "fleet": claim.fleet, "data_dir": str(data), "keys_dir": str(data / "keys"),
        "root_public_hex": claim.root_public, "trust_file": str(data / BUNDLE),
    }  # fmt: skip
    broker = {"host": claim.bridge.host, "port": claim.bridge.port, "ca_file": str(data / AUTHORITIES)}
    renewal = {"url": claim.est_url, "kind": claim.device_kind.value}
    parts = [_lines(known), answers.strip(), "[mqtt]", _lines(broker), "[enrolment]", _lines(renewal)]
    return "\n".join(part for part in parts if part) + "\n"


def verified_bundle(sealed: bytes, root_public: str, fleet: str) -> bytes:
    """The sealed trust bundle, once the fleet root's signature holds.

    Raises:
        EnrolmentRefused: it is not this fleet's.
    """
    try:
        envelope = open_envelope(sealed)
        envelope.verify(bytes.fromhex(root_public))
        if envelope.kind is Kind.BUNDLE and Bundle.parse(envelope.body).bundle.fleet == fleet:
            return sealed
        what = "it is another fleet's"
    except WireError as error:
        what = str(error)
    remedy = "The server is not this fleet's, or the claim file is not: bring a new one."
    raise EnrolmentRefused(what, where="trust bundle", remedy=remedy)


def _check_configuration(files: DocumentFiles, data: Path, text: str, device_id: str) -> None:
    """What will be written must be good, and what is there stays, if it is this device's: somebody may have mended it.

    Raises:
        ConfigError: it is not; nothing was asked of the fleet yet.
    """
    present = data / CONFIG
    if not present.exists():
        draft = f".{CONFIG}.draft"
        files.save(draft, text.encode())
        try:
            load_config(data / draft)
        finally:
            (data / draft).unlink()
    elif (there := load_config(present).device_id) != device_id:
        remedy = "Move the file away, or give the card its own data."
        raise ConfigError(f"it is {there}'s, not {device_id}'s", where=str(present), remedy=remedy)


def _enrolled_before(claim_path: Path, data: Path) -> Enrolled:
    """No claim: fine if it was used up by us."""
    remedy = "Put the claim file there: pw-provision claims add."
    if not (data / CONFIG).exists():
        raise ConfigError("there is no claim, and this device is not enrolled", where=str(claim_path), remedy=remedy)
    config = load_config(data / CONFIG)
    certificate = KeyFile(config.keys_dir, config.device_id).certificate()
    if certificate is None:
        raise ConfigError("there is no claim and no certificate", where=str(claim_path), remedy=remedy)
    return Enrolled(config.device_id, int(certificate.not_valid_after_utc.timestamp()) * 1000, changed=False)


def _answers(path: Path) -> str:
    """The installer's part of the configuration, or nothing."""
    try:
        text = path.read_text("utf-8")
        tomllib.loads(text)
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"not TOML: {error}"[:300], where=str(path), remedy="Mend the line it names.") from error
    return text


def _lines(values: dict[str, str | int]) -> str:
    return "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)
