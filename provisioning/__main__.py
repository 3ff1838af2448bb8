"""`pw-provision`: the commands of a fleet's authority."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from edge.wire.errors import WireError
from edge.wire.keys import Role
from provisioning import (
    authority_commands,
    claim_commands,
    flash_commands,
    label_commands,
    registry_file,
    report,
    revocation_commands,
)
from provisioning.authority import at
from provisioning.errors import Conflict, NotFound, ProvisioningError, Refused
from provisioning.est import commands as est_commands
from provisioning.export import Receiver, files_for
from provisioning.fleet import Fleet, Outcome, fleet_at
from provisioning.founding import new_fleet
from provisioning.image import commands as image_commands
from provisioning.issuing_key import IssuingKey
from provisioning.options import FLEET, Dir, DryRun, IssuingKeyAddress, Json, Offline, Voice
from provisioning.output import EXIT_WITH_PROBLEMS, Progress, speaking
from provisioning.party import Party
from provisioning.profiles import MAX_REQUEST_BYTES, PROFILES, Kind, check_party_id
from provisioning.releases import commands as release_commands
from provisioning.signing_request import Algorithm, new_key, request_for
from provisioning.storage import FleetFolder, read_file, write_file
from provisioning.trust import OVERLAP_DAYS

app = typer.Typer(
    help="The authority of a fleet: enrols devices, revokes them, keeps the cloud's role keys.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for command in (revocation_commands.revoke, revocation_commands.retire, revocation_commands.crl):
    app.command()(command)
app.command()(revocation_commands.publish)
app.command()(label_commands.labels)
app.command("flash")(flash_commands.flash_image)
app.add_typer(authority_commands.app, name="ca")
app.add_typer(claim_commands.claims, name="claims")
app.add_typer(claim_commands.approvals, name="approvals")
app.add_typer(est_commands.app, name="est")
app.add_typer(release_commands.app, name="releases")
app.add_typer(image_commands.app, name="image")

Days = Annotated[int | None, typer.Option("--days", help="Life of the certificate; default by kind.")]
Replace = Annotated[
    bool, typer.Option("--replace", help="A new device under an old id: the old keys lose their trust.")
]
Overlap = Annotated[
    int, typer.Option(min=0, max=365, help="For how long the old key is still accepted; 0 if it was lost.")
]


@app.command()
def init(
    fleet: Annotated[str, typer.Option("--fleet", help="Name of the fleet.")],
    issuing_key: IssuingKeyAddress = None,
    folder: Dir = FLEET,
    as_json: Json = False,
    dry_run: DryRun = False,
    progress: Voice = Progress.AUTO,
) -> None:
    """Make a fleet: certificate authority, fleet root, role keys, trust bundle. Once made, it is left as it is."""
    with speaking(as_json, progress, dry_run) as out:
        place = FleetFolder(folder)
        if made := not place.exists():
            key = None if issuing_key is None or dry_run else IssuingKey.new(issuing_key)
            file, writes = new_fleet(fleet, _now_ms(), key)
            if not dry_run:
                place.create(writes)
            out.step(f"Now move {folder}/offline to a medium that is locked away; only --rotate needs it.")
        else:
            file = Fleet(place).file
            if file.fleet != fleet:
                raise Conflict(f"fleet {file.fleet} is here", where=str(folder), remedy="Name another folder: --dir.")
        facts = {"fleet": file.fleet, "root_public": file.root_public, "dir": str(folder), "changed": made}
        out.result(facts, f"fleet {file.fleet} {'made' if made else 'stands already'} in {folder}")


@app.command()
def request(
    party_id: Annotated[str, typer.Argument(help="Id of the server, bridge.… or broker.….")],
    kind: Annotated[Kind, typer.Option("--kind")],
    key: Annotated[Path, typer.Option("--key", help="Private key; made when it does not exist.")],
    csr: Annotated[Path, typer.Option("--csr", help="Where the signing request goes.")],
    algorithm: Annotated[Algorithm, typer.Option("--algorithm")] = Algorithm.P256,
    as_json: Json = False,
    dry_run: DryRun = False,
    progress: Voice = Progress.AUTO,
) -> None:
    """Make a server's key and its signing request, on the machine where the server runs."""
    with speaking(as_json, progress, dry_run) as out:
        check_party_id(party_id, PROFILES[kind])
        try:
            pem, made = read_file(key, private=True), False
        except NotFound:
            pem, made = new_key(algorithm), True
        data = request_for(party_id, pem)
        if not dry_run:
            if made:
                write_file(key, pem, private=True, new=True)
            write_file(csr, data)
        out.result({"id": party_id, "key": str(key), "csr": str(csr), "key_made": made}, f"request written to {csr}")


@app.command()
def issue(
    party_id: Annotated[str, typer.Argument(help="Id of the server: the request's CN.")],
    csr: Annotated[Path, typer.Option("--csr", help="PKCS #10 request, PEM.")],
    kind: Annotated[Kind, typer.Option("--kind")],
    host: Annotated[list[str] | None, typer.Option("--host", help="dns:NAME or ip:ADDRESS; repeatable.")] = None,
    out_file: Annotated[Path | None, typer.Option("--out", help="Where the certificate chain goes.")] = None,
    days: Days = None,
    replace: Replace = False,
    folder: Dir = FLEET,
    as_json: Json = False,
    dry_run: DryRun = False,
    progress: Voice = Progress.AUTO,
) -> None:
    """Certify a bridge or broker. Running it again changes nothing until two thirds of the life are near."""
    with speaking(as_json, progress, dry_run) as out, fleet_at(folder) as fleet:
        data = _read_request(csr)
        outcome = fleet.issue(data, party_id, kind, _now_ms(), hosts=host or (), life_days=days, replace=replace)
        party = _finish(fleet, outcome, out_file, dry_run)
        out.result(report.outcome(outcome), f"{party_id} {outcome.verdict}, valid to {report.last_day(party)}")


@app.command()
def enrol(
    requests: Annotated[list[Path], typer.Argument(help="Enrolment requests made on the devices.")],
    out_folder: Annotated[Path | None, typer.Option("--out", help="Folder for <device_id>.pem.")] = None,
    days: Days = None,
    replace: Replace = False,
    folder: Dir = FLEET,
    as_json: Json = False,
    dry_run: DryRun = False,
    progress: Voice = Progress.AUTO,
) -> None:
    """Enrol or renew devices. With several requests a bad one is reported and the rest goes on (exit code 6)."""
    with speaking(as_json, progress, dry_run) as out, fleet_at(folder) as fleet:
        results: list[dict[str, Any]] = []
        problems: list[dict[str, Any]] = []
        with out.counting("enrolling", requests) as paths:
            for path in paths:
                try:
                    outcome = fleet.enrol(_read_request(path), _now_ms(), life_days=days, replace=replace)
                    target = out_folder / f"{outcome.party.party_id}.pem" if out_folder and outcome.party else None
                    _finish(fleet, outcome, target, dry_run)
                    results.append(report.outcome(outcome))
                except (ProvisioningError, WireError) as error:
                    if len(requests) == 1:
                        raise
                    problems.append({"file": str(path), **out.problem(error)})
        lines = [f"{item['id']} {item['verdict']}" for item in results] + [f"{len(problems)} refused"] * bool(problems)
        out.result({"devices": results, "problems": problems}, "\n".join(lines))
        if problems:
            raise typer.Exit(EXIT_WITH_PROBLEMS)


@app.command()
def bundle(
    rotate: Annotated[Role | None, typer.Option("--rotate", help="Give this role a new key.")] = None,
    overlap_days: Overlap = OVERLAP_DAYS,
    offline: Offline = None,
    out_file: Annotated[Path | None, typer.Option("--out", help="Where the sealed bundle goes.")] = None,
    folder: Dir = FLEET,
    as_json: Json = False,
    dry_run: DryRun = False,
    progress: Voice = Progress.AUTO,
) -> None:
    """Show or write the trust bundle, or rotate a role's key."""
    with speaking(as_json, progress, dry_run) as out, fleet_at(folder, offline) as fleet:
        outcome = (
            fleet.rotate(rotate, overlap_days, _now_ms()) if rotate else Outcome("kept", bundle=fleet.trust_bundle())
        )
        _finish(fleet, outcome, None, dry_run)
        if out_file and not dry_run:
            write_file(out_file, fleet.folder.read("trust.bundle"))
        now = outcome.bundle or fleet.trust_bundle()
        roles = report.roles(now)
        facts = {"verdict": outcome.verdict, "fleet": now.fleet, "version": now.version, "roles": roles}
        out.result(
            facts, f"trust bundle version {now.version}: " + ", ".join(f"{k} {len(v)}" for k, v in roles.items())
        )


@app.command()
def export(
    receiver: Annotated[Receiver, typer.Argument(help="Who gets the files.")],
    to: Annotated[Path, typer.Option("--to", help="Folder for the files.")],
    folder: Dir = FLEET,
    as_json: Json = False,
    dry_run: DryRun = False,
    progress: Voice = Progress.AUTO,
) -> None:
    """Write what a bridge, broker or device is given of the fleet. Private keys go to a bridge only."""
    with speaking(as_json, progress, dry_run) as out, fleet_at(folder) as fleet:
        files = files_for(fleet, receiver, _now_ms())
        for file in files if not dry_run else ():
            write_file(to / file.name, file.data, private=file.private)
        names = [file.name for file in files]
        out.result({"to": str(to), "files": names}, f"{to}: " + ", ".join(names))


@app.command(name="list")
def list_parties(folder: Dir = FLEET, as_json: Json = False) -> None:
    """All devices and servers of the fleet."""
    with speaking(as_json) as out, fleet_at(folder) as fleet:
        parties = fleet.parties()
        facts = {
            "fleet": fleet.name,
            "parties": [{**registry_file.row(party), **report.renewal(party)} for party in parties],
        }
        rows = [(party.party_id, party.kind.value, party.state, report.last_day(party)) for party in parties]
        out.table(facts, ("id", "kind", "state", "valid to"), rows)


@app.command()
def show(party_id: str, folder: Dir = FLEET, as_json: Json = False) -> None:
    """One device or server, with its certificates."""
    with speaking(as_json) as out, fleet_at(folder) as fleet:
        party = fleet.party(party_id)
        facts = {**party.model_dump(mode="json"), **report.renewal(party)}
        rows = [(name, str(value)) for name, value in facts.items() if name not in ("certificates", "retired_keys")]
        rows += [
            ("certificate", f"{issued.serial} to {at(issued.not_after_ms):%Y-%m-%d}") for issued in party.certificates
        ]
        out.table(facts, ("what", "value"), rows)


def _read_request(path: Path) -> bytes:
    data = read_file(path)
    if len(data) > MAX_REQUEST_BYTES:
        remedy = "Name a request made on a device."
        raise Refused(f"{len(data)} bytes, at most {MAX_REQUEST_BYTES}", where=str(path), remedy=remedy)
    return data


def _finish(fleet: Fleet, outcome: Outcome, chain: Path | None, dry_run: bool) -> Party | None:
    """Write the record first, then the certificate that goes to the party."""
    if not dry_run:
        fleet.folder.apply(outcome.writes)
        if chain and outcome.party and outcome.party.newest:
            write_file(chain, outcome.party.newest.pem.encode())
    return outcome.party


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def main() -> None:
    app(prog_name="pw-provision")


if __name__ == "__main__":
    main()
