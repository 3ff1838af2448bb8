"""`pw-provision claims …` and `approvals …`: who may enrol over EST."""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path
from typing import Annotated

import typer

from provisioning.approvals import PLACE, Allowance, Approvals, read_csv
from provisioning.authority import DAY_MS, at
from provisioning.claim import ID_BYTES, MAX_DEVICES, SECRET_BYTES, Claim, claim_place, secret_hash
from provisioning.errors import NotFound, Refused
from provisioning.fleet import Fleet, fleet_at
from provisioning.options import FLEET, Dir, DryRun, Json, Voice
from provisioning.output import EXIT_WITH_PROBLEMS, Progress, speaking
from provisioning.profiles import PROFILES, Kind, check_any_id
from provisioning.storage import Write, read_file, write_file

claims = typer.Typer(no_args_is_help=True, help="Claims: the right to enrol so many devices until a day.")
approvals = typer.Typer(no_args_is_help=True, help="The approval list: which devices may use a claim.")
Ids = Annotated[list[str], typer.Argument(help="Ids of devices.")]


@claims.command("add")
def add_claim(
    out_file: Annotated[Path, typer.Option("--out", help="The claim file; the secret stands there and nowhere else.")],
    est_url: Annotated[str, typer.Option(help="Where devices enrol: https://HOST:PORT/.well-known/est.")],
    bridge: Annotated[str, typer.Option(help="The broker that devices will use: HOST:PORT.")],
    kind: Annotated[Kind, typer.Option("--kind")] = Kind.LOCKER,
    count: Annotated[int, typer.Option(min=1, max=MAX_DEVICES, help="How many devices it may enrol.")] = 1,
    days: Annotated[int, typer.Option(min=1, max=365, help="For how long.")] = 14,
    any_serial: Annotated[bool, typer.Option("--any-serial", help="Do not ask the approval list.")] = False,
    note: Annotated[str, typer.Option(help="For whom, in a few words.")] = "",
    folder: Dir = FLEET, as_json: Json = False, dry_run: DryRun = False, progress: Voice = Progress.AUTO,
) -> None:  # fmt: skip
    """Make a claim and its file for the cards of new devices."""
    with speaking(as_json, progress, dry_run) as out, fleet_at(folder) as fleet:
        now_ms = _now_ms()
        _check(kind, est_url, bridge, note)
        secret = secrets.token_hex(SECRET_BYTES)
        claim = Claim(
            claim_id=secrets.token_hex(ID_BYTES), kind=kind, limit=count, expires_at_ms=now_ms + days * DAY_MS,
            secret_sha256=secret_hash(secret), any_serial=any_serial, note=note,
        )  # fmt: skip
        if not dry_run:
            fleet.folder.apply([Write(claim_place(claim.claim_id), claim.encode(), new=True)])
            write_file(out_file, _claim_file(fleet, claim, secret, est_url, bridge, now_ms), private=True, new=True)
        out.step(f"Put {out_file} on the cards as claim.json; devices delete it. Keep no copy.")
        out.result(_facts(claim), f"claim {claim.claim_id}: {count} × {kind} until {at(claim.expires_at_ms):%Y-%m-%d}")


@claims.command("list")
def list_claims(folder: Dir = FLEET, as_json: Json = False) -> None:
    """All claims with what is left of them."""
    with speaking(as_json) as out, fleet_at(folder) as fleet:
        names = fleet.folder.names("claims")
        found = [Claim.parse(fleet.folder.read(f"claims/{name}"), where=f"claims/{name}") for name in names]
        rows = [
            (claim.claim_id, claim.kind.value, f"{len(claim.used_by)} of {claim.limit}", _state(claim), claim.note)
            for claim in found
        ]
        out.table({"claims": [_facts(claim) for claim in found]}, ("claim", "kind", "used", "state", "note"), rows)


@claims.command("revoke")
def revoke_claim(
    claim_id: Annotated[str, typer.Argument(help="As claims list shows it.")],
    folder: Dir = FLEET, as_json: Json = False, dry_run: DryRun = False, progress: Voice = Progress.AUTO,
) -> None:  # fmt: skip
    """End a claim. Devices that it has enrolled keep their certificates."""
    with speaking(as_json, progress, dry_run) as out, fleet_at(folder) as fleet:
        if f"{claim_id}.json" not in fleet.folder.names("claims"):
            raise NotFound("no such claim", where=claim_id[:40], remedy="See pw-provision claims list.")
        place = claim_place(claim_id)
        claim = Claim.parse(fleet.folder.read(place), where=place).revoked(_now_ms())
        if not dry_run:
            fleet.folder.apply([Write(place, claim.encode())])
        out.result(_facts(claim), f"claim {claim_id} revoked; it has enrolled {len(claim.used_by)} devices")


@approvals.command("import")
def import_approvals(
    file: Annotated[Path, typer.Argument(help="CSV with the columns serial, kind and note; the last two may miss.")],
    kind: Annotated[Kind, typer.Option("--kind", help="Of rows that name none.")] = Kind.LOCKER,
    folder: Dir = FLEET, as_json: Json = False, dry_run: DryRun = False, progress: Voice = Progress.AUTO,
) -> None:  # fmt: skip
    """Approve the devices of a file. A bad row is reported with its line and the rest goes on (exit code 6)."""
    with speaking(as_json, progress, dry_run) as out, fleet_at(folder) as fleet:
        devices, problems = read_csv(read_file(file), kind)
        before = _load(fleet)
        after = before.with_devices(devices)
        if not dry_run and after != before:
            fleet.folder.apply([Write(PLACE, after.encode())])
        for problem in problems:
            out.problem(Refused(problem.what, where=f"{file} line {problem.line}", remedy=problem.remedy))
        rows = [{"line": item.line, "what": item.what, "remedy": item.remedy} for item in problems]
        fresh = len(after.devices) - len(before.devices)
        facts = {"approved": len(devices), "new": fresh, "problems": rows}
        out.result(facts, f"{len(devices)} devices approved, {fresh} of them new; {len(problems)} rows left out")
        if problems:
            raise typer.Exit(EXIT_WITH_PROBLEMS)


@approvals.command("list")
def list_approvals(folder: Dir = FLEET, as_json: Json = False) -> None:
    """The devices that may use a claim, whether they have, and what they are allowed once."""
    with speaking(as_json) as out, fleet_at(folder) as fleet:
        found = _load(fleet)
        enrolled = set(fleet.folder.names("parties"))
        rows = [
            (name, "enrolled" if f"{name}.json" in enrolled else "waiting", found.once.get(name, ""), note)
            for name, note in {**dict.fromkeys(found.once, ""), **found.devices}.items()
        ]
        facts = [{"id": name, "state": state, "allowed": once, "note": note} for name, state, once, note in rows]
        out.table({"devices": facts}, ("id", "state", "allowed once", "note"), rows)


@approvals.command("remove")
def remove_approvals(
    device_ids: Ids,
    folder: Dir = FLEET, as_json: Json = False, dry_run: DryRun = False, progress: Voice = Progress.AUTO,
) -> None:  # fmt: skip
    """Take devices off the list. Their certificates stay as they are."""
    with speaking(as_json, progress, dry_run) as out, fleet_at(folder) as fleet:
        before = _load(fleet)
        after = before.without(device_ids)
        if not dry_run and after != before:
            fleet.folder.apply([Write(PLACE, after.encode())])
        gone = len(before.devices) - len(after.devices)
        out.result({"removed": gone}, f"{gone} devices taken off the list")


@approvals.command("allow")
def allow(
    device_id: Annotated[str, typer.Argument(help="Id of an enrolled device.")],
    what: Annotated[Allowance, typer.Option("--for", help="What it may do once.")],
    folder: Dir = FLEET, as_json: Json = False, dry_run: DryRun = False, progress: Voice = Progress.AUTO,
) -> None:  # fmt: skip
    """Let a device renew an expired certificate with its old key, or come back with new keys: once."""
    with speaking(as_json, progress, dry_run) as out, fleet_at(folder) as fleet:
        party = fleet.party(check_any_id(device_id))
        if not dry_run:
            fleet.folder.apply([Write(PLACE, _load(fleet).allowing(party.party_id, what).encode())])
        out.result({"id": party.party_id, "allowed": what.value}, f"{party.party_id}: one {what} allowed")


def _check(kind: Kind, est_url: str, bridge: str, note: str) -> None:
    host, _, port = bridge.rpartition(":")
    if not PROFILES[kind].has_log_key:
        raise Refused(f"a {kind} is no device", where="--kind", remedy="Use pw-provision issue for servers.")
    if not est_url.startswith("https://") or not est_url.isascii() or not est_url.isprintable() or len(est_url) > 200:
        raise Refused(f"not https: {est_url!r:.80}", where="--est-url", remedy="https://HOST:PORT/.well-known/est")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise Refused(f"not an address: {bridge!r:.80}", where="--bridge", remedy="Write HOST:PORT.")
    if len(note) > 60 or not note.isprintable():
        raise Refused("too long, or with control characters", where="--note", remedy="Write at most 60 characters.")


def _claim_file(fleet: Fleet, claim: Claim, secret: str, est_url: str, bridge: str, now_ms: int) -> bytes:
    host, _, port = bridge.rpartition(":")
    members = {
        "v": 1, "fleet": fleet.name, "claim_id": claim.claim_id, "secret": secret, "est_url": est_url.rstrip("/"),
        "est_ca_pem": fleet.trusted_pem(now_ms).decode(), "root_public": fleet.file.root_public,
        "bridge": {"host": host.strip("[]"), "port": int(port)}, "device_kind": claim.kind.value,
    }  # fmt: skip
    return json.dumps(members, indent=1).encode() + b"\n"


def _facts(claim: Claim) -> dict[str, object]:
    """What may be shown of a claim: not even its hash."""
    shown = claim.model_dump(mode="json", exclude={"secret_sha256", "format"})
    return {**shown, "left": claim.limit - len(claim.used_by)}


def _state(claim: Claim) -> str:
    if claim.revoked_at_ms is not None:
        return "revoked"
    return "expired" if claim.expires_at_ms <= _now_ms() else f"until {at(claim.expires_at_ms):%Y-%m-%d}"


def _load(fleet: Fleet) -> Approvals:
    return Approvals.parse(fleet.folder.find(PLACE))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
