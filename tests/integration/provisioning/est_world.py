"""A fleet with its enrolment server as a process, and new cards that want to be devices of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from provisioning.__main__ import app
from provisioning.fleet import Fleet
from provisioning.founding import new_fleet
from provisioning.profiles import Kind
from provisioning.signing_request import Algorithm, new_key, request_for
from provisioning.storage import FleetFolder, write_file

FLEET = "est.fleet"
DAY_MS = 86_400_000


class EstWorld:
    """`url`: of the running server, up to `/.well-known/est`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_ms = time.time_ns() // 1_000_000
        self.place = FleetFolder(folder / "fleet")
        self.place.create(new_fleet(FLEET, self.now_ms)[1])
        self.url = ""
        self.cards = 0
        key = new_key(Algorithm.P256)
        issued = self.fleet.issue(
            request_for("est.1", key), "est.1", Kind.EST, self.now_ms, hosts=["dns:localhost", "ip:127.0.0.1"]
        )
        self.place.apply(issued.writes)
        write_file(folder / "est.key", key, private=True)
        write_file(folder / "est.pem", issued.party.newest.pem.encode())
        write_file(folder / "ca.pem", self.fleet.trusted_pem(self.now_ms))

    @property
    def fleet(self) -> Fleet:
        return Fleet(self.place)

    def cli(self, *words: object, code: int = 0) -> dict[str, Any]:
        """A command of pw-provision on this fleet; its JSON."""
        done = CliRunner().invoke(app, [*map(str, words), "--json"], env={"PW_FLEET_DIR": str(self.place.path)})
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    def approve(self, *serials: str) -> None:
        file = self.folder / "serials.csv"
        file.write_text("\n".join(["serial", *serials]))
        self.cli("approvals", "import", file)

    def card(self, *, count: int = 1, any_serial: bool = False, kind: str = "locker", url: str = "") -> Path:
        """A new card's folder with a claim on it."""
        self.cards += 1
        card = self.folder / f"card-{self.cards}"
        card.mkdir()
        options = ["--any-serial"] if any_serial else []
        self.cli("claims", "add", "--out", card / "claim.json", "--est-url", url or self.url, "--count", count,
                 "--bridge", "broker.example:8883", "--kind", kind, *options)  # fmt: skip
        return card

    def claims(self) -> dict[str, dict[str, Any]]:
        return {item["claim_id"]: item for item in self.cli("claims", "list")["claims"]}


@contextmanager
def est_world(folder: Path) -> Iterator[EstWorld]:
    """With its server running."""
    world = EstWorld(folder)
    command = [sys.executable, "-m", "provisioning", "est", "serve", "--listen", "127.0.0.1:0"]
    command += ["--cert", str(folder / "est.pem"), "--key", str(folder / "est.key")]
    environment = {**os.environ, "PW_FLEET_DIR": str(world.place.path)}
    with (folder / "est.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            assert line, (folder / "est.log").read_text()
            world.url = json.loads(line)["url"]
            yield world
        finally:
            server.terminate()
            server.wait(20)
            assert server.stdout is not None
            server.stdout.close()
