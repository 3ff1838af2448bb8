"""The fleet's root is exchanged under a running mosquitto; the device moves by its trust bundle alone."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge.agents.trust_anchors import ANCHORS, keep_anchors
from edge.link.mqtt_settings import TlsFiles
from edge.storage.document_file import DocumentFiles
from edge.storage.key_file import KeyFile
from edge.wire.enrolment import DeviceKind
from provisioning.export import Receiver, files_for
from provisioning.fleet import Fleet, Outcome
from provisioning.founding import new_fleet
from provisioning.profiles import Kind
from provisioning.signing_request import Algorithm, new_key, request_for
from provisioning.storage import FleetFolder, write_file
from tests.integration.provisioning.real_broker import broker_on, is_let_in

FLEET = "root.fleet"
DEVICE = "locker-0001"
DAY_MS = 86_400_000


class Site:
    """A fleet, the files of its broker, and one device with what it was given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_ms = time.time_ns() // 1_000_000
        place = FleetFolder(folder / "fleet")
        place.create(new_fleet(FLEET, self.now_ms)[1])
        self.files = folder / "broker"
        self.key = new_key(Algorithm.P256)
        self.keys = KeyFile(folder / "keys", DEVICE)
        self.documents = DocumentFiles(folder / "documents")
        self.tls = TlsFiles(
            folder / "given.pem", self.keys.certificate_path, self.keys.tls_key_path, folder / "documents" / ANCHORS
        )
        write_file(folder / "given.pem", self.fleet.trusted_pem(self.now_ms))
        self.equip_broker(self.now_ms)
        self.renew_device(self.now_ms)

    @property
    def fleet(self) -> Fleet:
        return Fleet(FleetFolder(self.folder / "fleet"))

    def done(self, outcome: Outcome) -> bytes:
        self.fleet.folder.apply(outcome.writes)
        return outcome.party.newest.pem.encode() if outcome.party and outcome.party.newest else b""

    def equip_broker(self, at_ms: int) -> None:
        """As `export broker` and `issue broker.1` at that time."""
        request = request_for("broker.1", self.key)
        chain = self.done(self.fleet.issue(request, "broker.1", Kind.BROKER, self.now_ms, hosts=["dns:localhost"]))
        write_file(self.files / "broker.key", self.key, private=True)
        write_file(self.files / "broker.pem", chain)
        for file in files_for(self.fleet, Receiver.BROKER, at_ms):
            write_file(self.files / file.name, file.data)

    def renew_device(self, at_ms: int) -> None:
        request = self.keys.enrolment_request(FLEET, DeviceKind.LOCKER)
        self.keys.install_certificate(self.done(self.fleet.enrol(request, at_ms)))

    def trust(self, at_ms: int) -> None:
        """The device is told the newest bundle."""
        keep_anchors(self.documents, self.fleet.trust_bundle(), at_ms)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


async def test_root_rotation_keeps_every_device_on_the_broker_from_the_first_day_to_the_last(site: Site) -> None:
    stale = site.folder / "stale"
    shutil.copytree(site.folder / "broker", stale)
    async with broker_on(site.files, site.folder / "a") as port:
        assert await is_let_in(port, DEVICE, site.tls)
        site.done(site.fleet.rotate_authority(200, site.now_ms))
    site.equip_broker(site.now_ms)
    async with broker_on(site.files, site.folder / "b") as port:
        assert await is_let_in(port, DEVICE, site.tls), "old certificate, knows only the old root"
        site.trust(site.now_ms)
        assert await is_let_in(port, DEVICE, site.tls), "old certificate, knows both roots"
        former = site.folder / "former.pem"
        shutil.copy(site.keys.certificate_path, former)
        site.renew_device(site.now_ms)
        assert site.keys.certificate_path.read_bytes() != former.read_bytes()
        assert await is_let_in(port, DEVICE, site.tls), "new certificate, knows both roots"

    over_ms = site.now_ms + 201 * DAY_MS
    site.equip_broker(over_ms)
    site.trust(over_ms)
    assert site.tls.anchors is not None and site.tls.anchors.read_text().count("BEGIN") == 2
    async with broker_on(site.files, site.folder / "d") as port:
        assert await is_let_in(port, DEVICE, site.tls), "only the new root is left"
        shutil.copy(former, site.keys.certificate_path)
        assert not await is_let_in(port, DEVICE, site.tls), "a certificate of the former root"
    async with broker_on(stale, site.folder / "e") as port:
        assert not await is_let_in(port, DEVICE, site.tls), "a broker of the former root"


async def test_revoked_certificate_of_the_former_authority_stays_out_during_the_overlap(site: Site) -> None:
    site.done(site.fleet.rotate_authority(200, site.now_ms))
    site.equip_broker(site.now_ms)
    async with broker_on(site.files, site.folder / "a") as port:
        assert await is_let_in(port, DEVICE, site.tls)
        site.done(site.fleet.revoke(DEVICE, "stolen", site.now_ms))
        for file in files_for(site.fleet, Receiver.BROKER, site.now_ms):
            write_file(site.files / file.name, file.data)
        for _ in range(50):
            if not await is_let_in(port, DEVICE, site.tls):
                return
        pytest.fail("the broker still takes the revoked certificate")


async def test_revocation_reaches_the_broker_through_the_publishing_service(site: Site) -> None:
    command = [sys.executable, "-m", "provisioning", "publish", "--broker", str(site.files), "--every-s", "1"]
    environment = {**os.environ, "PW_FLEET_DIR": str(site.folder / "fleet")}
    async with broker_on(site.files, site.folder / "a") as port:
        assert await is_let_in(port, DEVICE, site.tls)
        service = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.DEVNULL)
        try:
            site.done(site.fleet.revoke(DEVICE, "stolen", site.now_ms))
            async with asyncio.timeout(60):
                while await is_let_in(port, DEVICE, site.tls):  # noqa: ASYNC110  another process does the work
                    await asyncio.sleep(0.2)
        finally:
            service.terminate()
            await service.wait()
