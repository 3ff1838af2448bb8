"""`pw-cloud rollouts …`: make, watch and steer staged rollouts. Heavy imports stay inside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cloud_bridge.terminal import Config, Json, Tenant, answer, group, guard, read_db, write_db

rollouts_cli = group("Staged rollouts of releases.")
Id = Annotated[str, typer.Argument(help="The rollout's id.")]
ACTOR = "pw-cloud"


@rollouts_cli.command()
def create(
    version: Annotated[str, typer.Argument(help="The release's version.")],
    kind: Annotated[str, typer.Option(help="image or agent.")],
    product: Annotated[str, typer.Option()] = "parcelworks-locker",
    board: Annotated[str, typer.Option()] = "rpi-arm64",
    phase: Annotated[list[str] | None, typer.Option(help="A number of devices, or 10%; for each phase once.")] = None,
    max_failed_permille: Annotated[int, typer.Option(min=0, max=1000)] = 20,
    max_silent_permille: Annotated[int, typer.Option(min=0, max=1000)] = 100,
    silent_after_s: Annotated[int, typer.Option(min=0)] = 86_400,
    soak_s: Annotated[int, typer.Option(min=0)] = 3_600,
    offline_after_s: Annotated[int, typer.Option(min=0)] = 86_400,
    tenant: Tenant = "main",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Begin a rollout; phases are 1, 10%, 50% and 100% unless named. Its first devices are asked within seconds."""
    from cloud_bridge.errors import InvalidData
    from cloud_bridge.ports import SystemClock
    from cloud_bridge.rollouts.http import shares_of
    from cloud_bridge.rollouts.model import Gates, Target
    from edge.wire.errors import WireError
    from edge.wire.release import ReleaseKind, parse_version

    def make() -> None:
        if kind not in set(ReleaseKind):
            raise InvalidData(f"no kind {kind!r:.40}", where="--kind", remedy="Use image or agent.")
        try:
            target = Target(product, board, ReleaseKind(kind), parse_version(version))
        except WireError as error:
            raise InvalidData(error.what, where=error.where, remedy=error.remedy) from error
        gates = Gates(max_failed_permille, max_silent_permille, silent_after_s, soak_s, offline_after_s)
        shares, now_ms = shares_of(phase or ["1", "10%", "50%", "100%"]), SystemClock().now_ms()
        made = write_db(
            config,
            lambda conn: _rollouts().make(conn, tenant, target, shares, gates, actor=ACTOR, now_ms=now_ms),
        )
        answer({"rollout_id": made.rollout_id}, as_json, made.rollout_id)

    guard(make)


@rollouts_cli.command("list")
def list_rollouts(tenant: Tenant = "main", config: Config = None, as_json: Json = False) -> None:
    """List rollouts, newest first."""
    from cloud_bridge.rollouts import store
    from cloud_bridge.rollouts.view import summary

    def show() -> None:
        rows = [summary(row) for row in read_db(config, lambda conn: store.list_rollouts(conn, tenant))]
        lines = [
            f"{row['rollout_id']}\t{row['state']}\t{row['kind']} {row['version']}\tphase {row['phase_no']} of "
            f"{len(row['phases'])}\t{row['reason']}"
            for row in rows
        ]
        answer({"rollouts": rows}, as_json, "\n".join(lines))

    guard(show)


@rollouts_cli.command()
def show(rollout_id: Id, tenant: Tenant = "main", config: Config = None, as_json: Json = False) -> None:
    """Show a rollout: its denominator, its devices, and who is left out and why."""
    from cloud_bridge.ports import SystemClock
    from cloud_bridge.rollouts import store
    from cloud_bridge.rollouts.view import details

    def find(conn: Any) -> dict[str, Any]:
        found = store.require_rollout(conn, tenant, rollout_id)
        counted = _rollouts().census(conn, found, SystemClock().now_ms())
        return details(found, counted, store.asked_of(conn, rollout_id))

    def tell() -> None:
        found = read_db(config, find)
        answer(found, as_json, _text(found))

    guard(tell)


@rollouts_cli.command()
def pause(rollout_id: Id, tenant: Tenant = "main", config: Config = None, as_json: Json = False) -> None:
    """Ask no more devices; those that were asked go on."""
    _steer("pause", rollout_id, tenant, config, as_json)


@rollouts_cli.command()
def resume(rollout_id: Id, tenant: Tenant = "main", config: Config = None, as_json: Json = False) -> None:
    """Go on; after a halt, the failures until now are taken as they are."""
    _steer("resume", rollout_id, tenant, config, as_json)


@rollouts_cli.command()
def retry(rollout_id: Id, tenant: Tenant = "main", config: Config = None, as_json: Json = False) -> None:
    """Ask again who failed or said nothing, and go on."""
    _steer("retry", rollout_id, tenant, config, as_json)


@rollouts_cli.command()
def abort(rollout_id: Id, tenant: Tenant = "main", config: Config = None, as_json: Json = False) -> None:
    """End it; who has not kept the release gets the former wish back."""
    _steer("abort", rollout_id, tenant, config, as_json)


def _steer(word: str, rollout_id: str, tenant: str, config: Path | None, as_json: bool) -> None:
    from cloud_bridge.ports import SystemClock
    from cloud_bridge.rollouts.view import summary

    def steer() -> None:
        work, now_ms = getattr(_rollouts(), word), SystemClock().now_ms()
        after = summary(write_db(config, lambda conn: work(conn, tenant, rollout_id, now_ms)))
        answer(after, as_json, f"{rollout_id} is {after['state']}")

    guard(steer)


def _rollouts() -> Any:
    from cloud_bridge.fleet import twins
    from cloud_bridge.ports import SystemRandom
    from cloud_bridge.rollouts.service import Rollouts

    return Rollouts(SystemRandom(), twins.desired_doc, twins.set_desired)


def _text(found: dict[str, Any]) -> str:
    head = (
        f"{found['kind']} {found['version']} for {found['product']} on {found['board']}: {found['state']} "
        f"{found['reason']}".rstrip()
    )
    phases = f"phase {found['phase_no']} of {', '.join(found['phases'])}"
    counts = (
        f"{found['asked']} of {found['allowed']} asked, {found['eligible']} eligible: {found['committed_now']} "
        f"committed, {found['failed_now']} failed"
    )
    devices = [f"  {item['device_id']}\t{item['state']}\t{item['reason']}" for item in found["devices"]]
    left_out = [f"  {item['device_id']}\t{item['reason']}" for item in found["excluded"]]
    return "\n".join([head, phases, counts, *devices, f"left out: {len(left_out)}", *left_out])
