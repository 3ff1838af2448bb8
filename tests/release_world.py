"""A release repository that is really served, and a device of two slots whose firmware the test plays."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import threading
import time
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from edge.agents.status_file import HEALTH, up_for_s, write_busy, write_health
from edge.agents.updater import Slots, Updater, UpdaterPorts
from edge.core.release.autoboot import Autoboot, parse_autoboot
from edge.core.release.machine import Health, Update
from edge.core.release.record import decode_update
from edge.drivers.image_slots import ImageSlots, SlotPaths
from edge.drivers.program_slots import ProgramPlaces, ProgramSlots
from edge.link.release_client import ReleaseClient, ReleaseSource
from edge.storage.document_file import DocumentFiles
from edge.wire import canonical
from edge.wire.messages import Desired
from edge.wire.release import Release, ReleaseKind, parse_version
from provisioning.releases.bundle import copy_into, read_bundle
from provisioning.releases.commands import publish
from provisioning.releases.repository import Repository
from provisioning.storage import FleetFolder

PRODUCT, BOARD = "parcelworks-locker", "rpi-arm64"
WELL = Health(agent_up=True, log_writable=True, boards_answer=True, bridge_reached=True)
DAY_MS = 86_400_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def image_bundle(path: Path, version: str, *, padding: int = 100_000) -> Path:
    """A bundle whose root begins with its label, as the test's firmware reads it."""
    label = json.dumps({"release": version}).encode() + b"\n"
    with tarfile.open(path, "w:") as archive:
        for name in ("boot_a.img", "boot_b.img", "root.img"):
            data = label + name.encode() + version.encode() * (padding // len(version))
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def program_bundle(path: Path, version: str) -> Path:
    """A program that is nothing but its version."""
    data = f"version = {version!r}\n".encode() * 5_000
    with tarfile.open(path, "w:gz", compresslevel=0) as archive:
        for name in ("site/edge/__main__.py", "site/edge/other.py"):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


class Shop(ThreadingHTTPServer):
    """Serves a repository's folder. `cut_after_bytes`: connections that carry a bundle break after so many.

    `ranges`: whether the server knows them. `starts`: where each transfer of a bundle began.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
        self.cut_after_bytes: int | None = None
        self.ranges = True
        self.starts: list[int] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class Quiet(SimpleHTTPRequestHandler):
    server: Shop

    def log_message(self, *_words: object) -> None:
        pass

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.suffix != ".bundle" or not path.is_file():
            super().do_GET()
            return
        data, asked = path.read_bytes(), self.headers.get("Range", "")
        first = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.server.ranges else 0
        self.server.starts.append(first)
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        self.wfile.write(data[first:][: self.server.cut_after_bytes])


@dataclass
class ReleaseWorld:
    """`made_at_ms`: when the repository was made and signed. `kind`: what is released unless it is said."""

    root: Path
    made_at_ms: int = field(default_factory=now_ms)
    kind: ReleaseKind = ReleaseKind.IMAGE

    def __post_init__(self) -> None:
        self.folder = FleetFolder(self.root / "fleet")
        self.folder.create(())
        self.repository = Repository(self.folder)
        self.folder.apply(self.repository.create(self.made_at_ms))
        self.served = self.root / "served"
        self.publish()
        self.server = Shop(self.served)

    def close(self) -> None:
        self.server.close()

    def publish(self) -> None:
        publish(self.served, folder=self.folder.path)

    def release(
        self, version: str, kind: ReleaseKind | None = None, bundle: Path | None = None, min_version: str | None = None
    ) -> Release:
        """Sign and publish a release."""
        kind = kind or self.kind
        make = image_bundle if kind is ReleaseKind.IMAGE else program_bundle
        path = bundle or make(self.root / f"{version}.tar", version)
        oldest = None if min_version is None else parse_version(min_version)
        found = read_bundle(path, PRODUCT, BOARD, kind, parse_version(version), oldest)
        writes = self.repository.add(found, self.made_at_ms)
        copy_into(self.folder, path, found)
        self.folder.apply(writes)
        self.publish()
        return found.release

    def source(self, name: str = "device") -> ReleaseSource:
        url = f"http://127.0.0.1:{self.server.server_address[1]}"
        return ReleaseSource(url, self.root / name / "releases", self.repository.root_json())

    def keep(self) -> Path:
        """What is served now, set aside for an attacker."""
        kept = self.root / f"kept-{len(list(self.root.glob('kept-*')))}"
        shutil.copytree(self.served, kept)
        return kept


class Device:
    """Slots as plain files, a firmware that knows `autoboot.txt`, and an agent that is well or not."""

    def __init__(self, world: ReleaseWorld, version: str = "1.0.0") -> None:
        self.root = world.root / "device"
        self.world = world
        self.health: Health = WELL
        self.busy = False
        self.at_ms = world.made_at_ms
        self.waited_s = 0
        self.reserve_bytes = 0
        self.once: str | None = None
        cfg = self.root / "cfg"
        cfg.mkdir(parents=True)
        (cfg / "autoboot.txt").write_bytes(Autoboot("a").to_bytes())
        label = json.dumps({"release": version}).encode() + b"\n"
        self.partitions = {
            slot: {f"boot_{slot}.img": self.root / f"boot_{slot}", "root.img": self.root / f"root_{slot}"}
            for slot in "ab"
        }
        for files in self.partitions.values():
            for path in files.values():
                path.write_bytes(label.ljust(300_000, b"\0"))
        paths = SlotPaths(cfg, self.partitions, self.root / "cmdline", self.root / "label", self._restart)
        self.slots = ImageSlots(paths)
        self.documents = DocumentFiles(self.root / "documents")
        self.records = DocumentFiles(self.root / "records")
        self.boot()

    def _restart(self, slot: str | None) -> None:
        self.once = slot
        self.boot()

    def boot(self) -> None:
        """What the Pi's firmware does: the trial once, else what is committed."""
        slot = self.once or parse_autoboot((self.root / "cfg" / "autoboot.txt").read_bytes()).committed
        self.once = None
        (self.root / "cmdline").write_text(f"console=serial0 root=PARTUUID=1-05 ro pw_slot={slot} quiet\n")
        (self.root / "label").write_bytes((self.root / f"root_{slot}").read_bytes().partition(b"\n")[0])

    def wish(self, version: str, kind: ReleaseKind = ReleaseKind.IMAGE, attempt: int = 0) -> None:
        section = {"release": {"kind": kind.value, "version": version, "attempt": attempt}}
        self.documents.save("desired.cbor", Desired("locker-0001", 1, 1, canonical.encode(section)).encode())

    def program(self) -> ProgramSlots:
        """The slots of its program; what restarts it, the test plays."""
        return ProgramSlots(
            ProgramPlaces(self.root / "program", self.root, self.slots.version(), lambda: None)
        )  # fmt: skip

    def look(self, kind: ReleaseKind = ReleaseKind.IMAGE, slots: Slots | None = None) -> str:
        """One run of the updater."""
        write_busy(self.root, self.busy)
        write_health(self.root, self.health, self.at_ms, self._up_for_s())
        if not self.health.agent_up:
            (self.root / HEALTH).unlink()
        return Updater(kind, slots or self.slots, self._ports()).look()

    def _ports(self) -> UpdaterPorts:
        return UpdaterPorts(self.documents, self.records, self.root, self._client, self._up_for_s, PRODUCT, BOARD)

    def _up_for_s(self) -> int:
        return up_for_s() + self.waited_s

    def _client(self, floor_at_ms: int) -> ReleaseClient:
        source = replace(self.world.source(), floor_at_ms=floor_at_ms, reserve_bytes=self.reserve_bytes)
        return ReleaseClient(source)

    @property
    def record(self) -> Update:
        data = self.records.load("update-image.json")
        return Update() if data is None else decode_update(data)
