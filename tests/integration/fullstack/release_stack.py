"""The demo's world with signed releases: a served repository, slots as files, and the firmware's part played."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import edge
from cloud_bridge.fleet import twins
from cloud_bridge.storage.engine import open_database
from edge.core.release.autoboot import Autoboot, parse_autoboot
from edge.wire.release import ReleaseKind
from hil.demo.folder import DEVICE_ID
from hil.demo.world import run
from hil.process import Deployable
from tests.integration.fullstack import stack
from tests.integration.fullstack.stack import StackWorld
from tests.release_world import BOARD, PRODUCT, ReleaseWorld

TRIAL_S = 5


def program_bundle(path: Path, *, broken: bool = False) -> Path:
    """This very program as a bundle; broken: it ends before it does anything."""
    source = Path(edge.__file__).parent
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        archive.add(source, "site/edge", filter=lambda item: None if "__pycache__" in item.name else item)
        if broken:
            (path.parent / "broken.py").write_text("raise SystemExit('broken on purpose')\n")
            archive.add(path.parent / "broken.py", "site/edge/__init__.py")
    return path


class ReleaseStack(StackWorld):
    """`broken`: image versions in whose slot no agent starts."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.broken: set[str] = set()
        self.place = self.folder.root / "card"
        (self.folder.root / "shop").mkdir()
        self.releases = ReleaseWorld(self.folder.root / "shop")

    async def stop(self) -> None:
        await super().stop()
        self.releases.close()

    def _write_configuration(self, root_public: str, device_port: int) -> None:
        super()._write_configuration(root_public, device_port)
        place = self.place
        for folder in ("cfg", "run"):
            (place / folder).mkdir(parents=True)
        (place / "cfg" / "autoboot.txt").write_bytes(Autoboot("a").to_bytes())
        for slot in "ab":
            (place / f"boot_{slot}").write_bytes(b"\0" * 200_000)
            (place / f"root_{slot}").write_bytes(b'{"release": "1.0.0"}\n'.ljust(200_000, b"\0"))
        (place / "restart").write_text(f'#!/bin/sh\necho "$1" >> {place}/asked\n')
        (place / "restart").chmod(0o755)
        (place / "root.json").write_bytes(self.releases.repository.root_json())
        self._firmware()
        with (self.folder.device / "locker.toml").open("a") as file:
            file.write(self._section())

    def _section(self) -> str:
        place, values = self.place, {}
        values = {
            "url": self.releases.source().url, "root_file": place / "root.json", "product": PRODUCT, "board": BOARD,
            "folder": place / "releases", "run_dir": place / "run", "restart": place / "restart",
            "label_file": place / "label", "cfg_dir": place / "cfg", "cmdline_file": place / "cmdline",
        }  # fmt: skip
        lines = ["[release]", *(f"{key} = {json.dumps(str(value))}" for key, value in values.items())]
        lines += [f"trial_s = {TRIAL_S}", "reserve_bytes = 0"]
        for slot in "ab":
            lines += [f"[release.slot_{slot}]"]
            lines += [f'{part} = "{place}/{part}_{slot}"' for part in ("boot", "root")]
        return "\n".join(lines) + "\n"

    def _name_processes(self) -> None:
        super()._name_processes()
        words = ["edge", "launch", "--config", str(self.folder.device / "locker.toml")]
        self.processes["locker"] = Deployable("locker", words, self.folder.logs / "locker.log")

    # --- the device's own hands ------------------------------------------------------------------------------

    async def update(self) -> Mapping[str, str]:
        """One run of the updater; what it says of each kind."""
        config = str(self.folder.device / "locker.toml")
        words: Mapping[str, str] = json.loads(await run("edge", "update", "--config", config, "--once", "--json"))
        return words

    def asked(self) -> list[str]:
        """Which restarts the updater has asked for since the last look."""
        path = self.place / "asked"
        words = path.read_text().split() if path.exists() else []
        path.unlink(missing_ok=True)
        return words

    def slot(self) -> str:
        return (self.place / "cmdline").read_text().rpartition("pw_slot=")[2][0]

    def version(self) -> str:
        return str(json.loads((self.place / "label").read_text())["release"])

    async def boot(self, *, trial: bool = False) -> None:
        """The machine starts anew: firmware, slot, agent (unless the image in that slot is broken)."""
        await self.kill("locker")
        self._firmware(trial)
        if self.version() not in self.broken:
            await self.revive("locker")
            await stack.ready(self)

    async def restart_agent(self) -> None:
        """The agent's unit starts anew; the machine goes on."""
        await self.kill("locker")
        await self.revive("locker")
        await stack.ready(self)

    def agent_environment(self) -> str:
        pid = self.processes["locker"].pid
        return Path(f"/proc/{pid}/environ").read_bytes().decode()

    def _firmware(self, trial: bool = False) -> None:
        found = parse_autoboot((self.place / "cfg" / "autoboot.txt").read_bytes())
        slot = found.other if trial else found.committed
        (self.place / "cmdline").write_text(f"console=serial0 ro pw_slot={slot} quiet\n")
        (self.place / "label").write_bytes((self.place / f"root_{slot}").read_bytes().partition(b"\n")[0])
        shutil.rmtree(self.place / "run")
        (self.place / "run").mkdir()

    # --- the service side ------------------------------------------------------------------------------------

    async def wish(self, version: str | None, kind: ReleaseKind = ReleaseKind.IMAGE, attempt: int = 0) -> None:
        """What the fleet wants of this device; it is told and follows."""
        wanted = {"product": PRODUCT, "kind": kind.value, "version": version, "attempt": attempt}
        db = open_database(f"sqlite:///{self.folder.bridge / 'bridge.db'}")
        try:
            value = None if version is None else wanted
            await db.write(lambda conn: twins.set_desired(conn, DEVICE_ID, "release", value))
        finally:
            await db.close()
        await stack.ready(self)

    async def told(self) -> list[dict[str, Any]]:
        """The life of updates as the ledger has it."""
        found = await stack.ledger(self)
        return [event for event in found if event["type"].startswith("release_")]
