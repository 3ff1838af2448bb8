"""The demo's world: broker, bridge, simulated boards and locker agent as processes, a cable, a mailbox."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from firmware_sim.control_client import ControlClient
from hil.cable import Cable
from hil.demo import folder as places
from hil.demo.clients import BridgeClient, KioskClient, Mailbox
from hil.demo.folder import DEVICE_ID, FLEET, Folder, free_port
from hil.errors import ProcessFailed
from hil.process import Deployable, die_with_parent

T = TypeVar("T")
Tell = Callable[[str], None]
SITE = {"name": "Station Square", "address": "Station Square 1, 10115 Berlin", "language": "en"}


class DemoWorld:
    """Starts everything, keeps it running, breaks it on purpose, stops it without a trace."""

    def __init__(self, folder: Folder, tell: Tell) -> None:
        self.folder = folder
        self._tell = tell
        self.http_port, self.smtp_port, self.broker_port = free_port(), free_port(), free_port()
        self.screen_port = free_port()
        self.cable = Cable(self.broker_port)
        self.mailbox = Mailbox()
        self.processes: dict[str, Deployable] = {}
        self.screen_url = f"http://127.0.0.1:{self.screen_port}/"
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.session: aiohttp.ClientSession
        self.bridge: BridgeClient
        self.kiosk: KioskClient
        self.courier: BridgeClient
        self.hands: ControlClient

    async def start(self) -> None:
        """Provision what is missing, then start the processes in order; each is ready before the next."""
        self.folder.make()
        root_public = await self._provision()
        self._write_configuration(root_public, await self.cable.open())
        self.mailbox.open(self.smtp_port)
        self.session = aiohttp.ClientSession()
        self._name_processes()
        self._tell("starting the broker and the simulated lock boards")
        await _all(self._start("broker"), self._start("boards"), self._register_devices())
        self.hands = await ControlClient.connect(self.folder.control)
        self._tell("starting the bridge and the locker controller")
        await _all(self._start("bridge"), self._start("locker"), self._operator_token())
        await self._install_locker()
        await self._invite()
        self.kiosk = KioskClient(self.session, self.screen_url)

    def _write_configuration(self, root_public: str, device_port: int) -> None:
        places.write_simulator(self.folder)
        places.write_broker(self.folder)
        places.write_bridge(self.folder, self.http_port, self.broker_port, self.smtp_port)
        places.write_device(self.folder, root_public, device_port, self.screen_port)

    def _name_processes(self) -> None:
        root, logs = self.folder.root, self.folder.logs
        listen, tokens = f"127.0.0.1:{self.broker_port}", str(root / "broker-tokens.json")
        boards, links, control = str(root / "simulator.json"), str(self.folder.links), str(self.folder.control)
        bridge, agent = str(self._bridge_toml), str(self.folder.device / "locker.toml")
        named = {
            "broker": ["cloud_bridge", "broker", "--listen", listen, "--credentials", tokens],
            "boards": ["firmware_sim", "locker", "--config", boards, "--links", links, "--control", control, "--json"],
            "bridge": ["cloud_bridge", "serve", "--config", bridge],
            "locker": ["edge", "locker", "--config", agent],
        }
        self.processes = {name: Deployable(name, words, logs / f"{name}.log") for name, words in named.items()}

    @property
    def _bridge_toml(self) -> Path:
        return self.folder.bridge / "bridge.toml"

    async def stop(self) -> None:
        """End everything; under two seconds."""
        await asyncio.gather(*(process.stop() for process in self.processes.values()), return_exceptions=True)
        await self.cable.close()
        self.mailbox.close()
        if hasattr(self, "session"):
            await self.session.close()

    # --- preparing -------------------------------------------------------------------------------------------

    async def _provision(self) -> str:
        """A fleet, its keys, and the locker enrolled with keys of its own; all of it only the first time."""
        folder = self.folder
        self.folder.secret("device")
        if not (folder.device / "fleet" / "fleet.json").exists():
            self._tell("making a fleet: authority, role keys, the locker's own keys and certificate")
            words = ["--keys-dir", str(folder.keys), "--device-id", DEVICE_ID, "--fleet", FLEET]
            _, request = await _all(
                run("provisioning", "init", "--fleet", FLEET, "--dir", str(folder.fleet)),
                run("edge", "enrol-request", *words),
            )
            asked = folder.device / "request.json"
            asked.write_text(request, "utf-8")
            await run("provisioning", "enrol", str(asked), "--out", str(folder.device), "--dir", str(folder.fleet))
            for receiver, to in (("bridge", folder.bridge / "fleet"), ("device", folder.device / "fleet")):
                await run("provisioning", "export", receiver, "--to", str(to), "--dir", str(folder.fleet))
        root: str = json.loads((folder.device / "fleet" / "fleet.json").read_text("utf-8"))["root_public"]
        return root

    async def _register_devices(self) -> None:
        registry = str(self.folder.bridge / "fleet" / "devices.json")
        await run("cloud_bridge", "devices", "import", registry, "--config", str(self._bridge_toml))

    async def _operator_token(self) -> None:
        """A token for the story's operator; made anew at every start, kept nowhere."""
        words = ["token", "create", "--role", "operator", "--actor", "demo", "--json"]
        made = await run("cloud_bridge", *words, "--config", str(self._bridge_toml))
        self.bridge = BridgeClient(self.session, self.url, json.loads(made)["token"])

    async def _start(self, name: str) -> None:
        await self.processes[name].start()

    async def _invite(self) -> None:
        """A courier's token, and the link that signs a person in, once."""
        courier = await self.bridge.call("POST", "/v1/tokens", {"role": "courier", "actor": "courier-7", "days": 1})
        self.courier = BridgeClient(self.session, self.url, courier["token"])
        self.login_url: str = await self.login("operator", "demo")

    async def login(self, role: str, actor: str) -> str:
        """A fresh one-time login link."""
        link = await self.bridge.call("POST", "/v1/logins", {"role": role, "actor": actor})
        return str(link["url"])

    async def _install_locker(self) -> None:
        await self.bridge.call("PUT", f"/v1/lockers/{DEVICE_ID}", {**SITE, "compartments": places.compartments()})

    # --- breaking things on purpose ----------------------------------------------------------------------------

    async def kill(self, name: str) -> None:
        """SIGKILL a process: `locker` (the plug), `broker`, `bridge` or `boards`."""
        await self.processes[name].kill()

    async def revive(self, name: str) -> None:
        """Start it again, as systemd would."""
        if not self.processes[name].running:
            await self.processes[name].start()

    async def hand(self, what: str, compartment_no: int) -> Any:
        """A person's hand at a door: `open`, `close`, `put`, `take`, or `force` with a crowbar."""
        row = places.compartments()[compartment_no - 1]
        if what == "force":
            return await self.hands.ask("open", module=row["module"], channel=row["channel"], force=True)
        return await self.hands.ask(what, module=row["module"], channel=row["channel"])

    async def jam(self, compartment_no: int, jammed: bool) -> None:
        row = places.compartments()[compartment_no - 1]
        if jammed:
            await self.hands.ask("set_fault", name="jam", target=row["module"], channel=row["channel"])
        else:
            await self.hands.ask("clear_fault", name="jam", target=row["module"])


async def _all(*parts: Coroutine[Any, Any, T]) -> list[T]:
    """Side by side; the first failure ends the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(part) for part in parts]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    return [task.result() for task in tasks]


async def run(*arguments: str) -> str:
    """Run one of our commands to its end; its stdout.

    Raises:
        ProcessFailed: it did not end with 0; its last words are quoted.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=die_with_parent,
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        words = " ".join(arguments[:3])
        raise ProcessFailed(f"ended with {process.returncode}", where=words, remedy=err.decode()[-800:])
    return out.decode()
