"""`pw-provision revoke`, `retire`, `crl` and `publish`: how trust ends, and how brokers and bridges learn of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from provisioning import report
from provisioning.approvals import PLACE, Approvals
from provisioning.errors import ProvisioningError, Usage
from provisioning.export import Receiver
from provisioning.fleet import Fleet, Outcome, fleet_at
from provisioning.options import FLEET, Dir, DryRun, Json, Voice
from provisioning.output import Progress, speaking
from provisioning.publishing import publish as publish_files
from provisioning.storage import Write

Reason = Annotated[str, typer.Option("--reason", help="Why, for the record.")]


def revoke(
    party_id: Annotated[str, typer.Argument(help="Id of the device or server.")],
    reason: Reason,
    folder: Dir = FLEET,
    as_json: Json = False,
    dry_run: DryRun = False,
    progress: Voice = Progress.AUTO,
) -> None:
    """End a party's trust for ever: certificates onto the revocation list, keys never accepted again."""
    with speaking(as_json, progress, dry_run) as out, fleet_at(folder) as fleet:
        outcome = fleet.revoke(party_id, _checked(reason), _now_ms())
        _apply(fleet, outcome, dry_run)
        out.step("Give the brokers the new list: pw-provision export broker.")
        out.result(
            report.outcome(outcome), f"{party_id} revoked" if outcome.writes else f"{party_id} was revoked before"
        )


def retire(
    party_id: Annotated[str, typer.Argument(help="Id of the device.")],
    reason: Reason,
    folder: Dir = FLEET,
    as_json: Json = False,
    dry_run: DryRun = False,
    progress: Voice = Progress.AUTO,
) -> None:
    """Take a device out of service: revoke it and take it off the approval list. Its record is kept for ever."""
    with speaking(as_json, progress, dry_run) as out, fleet_at(folder) as fleet:
        outcome = fleet.revoke(party_id, _checked(reason), _now_ms())
        before = Approvals.parse(fleet.folder.find(PLACE))
        after = before.without([party_id])
        _apply(fleet, outcome, dry_run)
        if not dry_run and after != before:
            fleet.folder.apply([Write(PLACE, after.encode())])
        for step in ("On the device: pw-edge wipe.", "Brokers and bridges: pw-provision publish."):
            out.step(step)
        facts = {**report.outcome(outcome), "approval_removed": after != before}
        out.result(facts, f"{party_id} retired; its {len(outcome.party.certificates) if outcome.party else 0} "
                          "certificates are revoked, its record stays")  # fmt: skip


def crl(folder: Dir = FLEET, as_json: Json = False, dry_run: DryRun = False, progress: Voice = Progress.AUTO) -> None:
    """Sign the revocation list anew. It is valid for 30 days; a broker with an outdated list refuses everybody."""
    with speaking(as_json, progress, dry_run) as out, fleet_at(folder) as fleet:
        outcome = fleet.refresh_revocations(_now_ms())
        _apply(fleet, outcome, dry_run)
        out.result({"verdict": outcome.verdict}, "revocation list renewed")


def publish(
    broker: Annotated[Path | None, typer.Option(help="Folder of a broker's files.")] = None,
    bridge: Annotated[Path | None, typer.Option(help="Folder of a bridge's files; private keys go there.")] = None,
    every_s: Annotated[int, typer.Option(min=0, max=240, help="Look so often, until SIGTERM; 0: once.")] = 0,
    folder: Dir = FLEET,
    as_json: Json = False,
    dry_run: DryRun = False,
    progress: Voice = Progress.AUTO,
) -> None:
    """Keep the folders of broker and bridge up to date: whoever is revoked is cut off there within the interval."""
    given = {Receiver.BROKER: broker, Receiver.BRIDGE: bridge}
    receivers = {receiver: path for receiver, path in given.items() if path is not None}
    with speaking(as_json, progress, dry_run) as out:
        if not receivers:
            raise Usage("neither --broker nor --bridge", where="publish", remedy="Name a folder.")
        names = publish_files(folder, receivers, _now_ms(), dry_run=dry_run)
        out.result({"changed": names}, "\n".join(names) or "nothing has changed")
    while every_s and not dry_run:
        time.sleep(every_s)
        with speaking(as_json, progress) as out:
            try:
                for name in publish_files(folder, receivers, _now_ms()):
                    out.step(f"changed: {name}")
            except ProvisioningError as error:  # the files there still hold; it is tried again
                out.problem(error)


def _checked(reason: str) -> str:
    if not reason.isprintable() or not 1 <= len(reason) <= 200:
        raise Usage("not 1 to 200 printable characters", where="--reason", remedy="Say why in one line.")
    return reason


def _apply(fleet: Fleet, outcome: Outcome, dry_run: bool) -> None:
    if not dry_run:
        fleet.folder.apply(outcome.writes)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
