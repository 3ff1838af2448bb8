"""The same story as a fleet runs it: provisioned certificates, mosquitto with mTLS alone, the bridge on PostgreSQL.

One world for the whole module; the tests build on each other in this order, and the last one revokes the device.
"""

from __future__ import annotations

import asyncio
import datetime
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import cbor2
import paho.mqtt.client as mqtt
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloud_bridge.fleet import store as fleet_store
from cloud_bridge.keyring import load_keyring
from cloud_bridge.ports import SystemRandom
from cloud_bridge.storage.engine import open_database
from edge.storage.event_store import EventStore
from edge.storage.key_file import KeyFile
from edge.storage.limits import LogLimits
from edge.storage.opening import Owner, Start, open_event_log
from edge.wire.envelope import Kind, open_envelope, seal, wrap
from edge.wire.messages import Batch, Command
from edge.wire.topics import Channel, topic
from hil.demo.folder import DEVICE_ID, FLEET, Folder
from hil.demo.story import Story
from hil.demo.world import DemoWorld, run
from hil.errors import ProcessFailed
from hil.process import Deployable
from tests.integration.brokers import free_port, stock_amqtt
from tests.integration.fullstack import stack
from tests.integration.postgres import find_postgres, private_cluster
from tests.integration.tls_material import Authority

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.postgres,
]


class ProductionWorld(DemoWorld):
    """The demo's world over other parts: PostgreSQL for SQLite, mosquitto for the embedded broker, keys for tokens."""

    def __init__(self, folder: Folder, database: str) -> None:
        super().__init__(folder, lambda text: None)
        self.database = database

    @property
    def pki(self) -> Path:
        return self.folder.root / "pki"

    async def provision(self, *words: str) -> str:
        return await run("provisioning", *words, "--dir", str(self.folder.fleet))

    async def _provision(self) -> str:
        root_public = await super()._provision()
        self.pki.mkdir()
        for name, kind, hosts in (("broker.main", "broker", ["--host", "ip:127.0.0.1"]), ("bridge.1", "bridge", [])):
            key, csr = str(self.pki / f"{name}.key"), str(self.pki / f"{name}.csr")
            await run("provisioning", "request", name, "--kind", kind, "--key", key, "--csr", csr)
            out = str(self.pki / f"{name}.pem")
            await self.provision("issue", name, "--csr", csr, "--kind", kind, "--out", out, *hosts)
        await self.provision("export", "broker", "--to", str(self.pki))
        words = ["--keys-dir", str(self.folder.keys), "--device-id", DEVICE_ID]
        await run("edge", "install-certificate", *words, str(self.folder.device / f"{DEVICE_ID}.pem"))
        return root_public

    def _write_configuration(self, root_public: str, device_port: int) -> None:
        super()._write_configuration(root_public, device_port)
        pki, token = self.pki, self.folder.secret("bridge")
        _change(
            self._bridge_toml,
            (f'"sqlite:///{self.folder.bridge / "bridge.db"}"', f'"{self.database}"'),
            ('username = "bridge.1"', f'ca = "{pki / "ca.pem"}"\ncert = "{pki / "bridge.1.pem"}"'),
            (f'password = "{token}"', f'key = "{pki / "bridge.1.key"}"'),
        )
        _change(
            self.folder.device / "locker.toml",
            ("tls = false", f'ca_file = "{self.folder.device / "fleet" / "ca.pem"}"'),
            (f'password_file = "{self.folder.root / "device.secret"}"', ""),
        )

    def _name_processes(self) -> None:
        super()._name_processes()
        registry = str(self.folder.bridge / "fleet" / "devices.json")
        words = ["cloud_bridge.broker", "mosquitto", "run", "--folder", str(self.folder.root / "mosquitto")]
        words += ["--listen", f"127.0.0.1:{self.broker_port}", "--bridge", "bridge.1", "--registry", registry]
        for option, name in (("cert", "broker.main.pem"), ("key", "broker.main.key"), ("ca", "ca.pem")):
            words += [f"--{option}", str(self.pki / name)]
        words += ["--revoked", str(self.pki / "crl.pem")]
        self.processes["broker"] = Deployable("broker", words, self.folder.logs / "broker.log")


def _change(path: Path, *pairs: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ProductionWorld]:
    if find_postgres() is None:
        pytest.fail("PostgreSQL is missing. Remedy: apt-get install postgresql")
    with private_cluster() as database:
        made = ProductionWorld(Folder(tmp_path_factory.mktemp("fleet")), database)
        try:
            await made.start()
            yield made
        finally:
            await made.stop()


async def test_story_holds_over_mutual_tls_and_postgresql(world: ProductionWorld) -> None:
    await Story(world, lambda text: None).play()
    events = await stack.ledger(world)
    stack.assert_gapless(events)
    stack.assert_one_pulse_for_each_authority(await stack.pulses(world), events)


# --- who is let in ---------------------------------------------------------------------------------------------


def _certificate(folder: Path, issuer: x509.Certificate, key: Any, until: datetime.datetime) -> tuple[Path, Path]:
    """A client certificate for the locker's own name, signed by `key`."""
    own = ec.generate_private_key(ec.SECP256R1())
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DEVICE_ID)]))
        .issuer_name(issuer.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - datetime.timedelta(days=1))
        .not_valid_after(until)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "client.pem", folder / "client.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM) + issuer.public_bytes(serialization.Encoding.PEM))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private.write_bytes(own.private_bytes(encoding, form, serialization.NoEncryption()))
    return pem, private


def lets_in(world: ProductionWorld, certificate: tuple[Path, Path] | None) -> bool:
    """Whether the broker answers CONNECT with success."""
    verdicts: list[bool] = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="probe", reconnect_on_failure=False)
    context = ssl.create_default_context(cafile=str(world.pki / "ca.pem"))
    if certificate is not None:
        context.load_cert_chain(*map(str, certificate))
    client.tls_set_context(context)
    client.on_connect = lambda _c, _u, _f, code, _p: verdicts.append(not code.is_failure)
    try:
        client.connect("127.0.0.1", world.broker_port)
        end_s = time.monotonic() + 5
        while not verdicts and time.monotonic() < end_s and client.loop(0.1) == mqtt.MQTT_ERR_SUCCESS:
            pass
    except (ssl.SSLError, ConnectionError):
        return False
    client.disconnect()
    return any(verdicts)


@pytest.mark.parametrize("whose", ["nobody", "another_authority", "expired", "running"])
async def test_broker_takes_only_running_certificates_of_its_own_fleet(
    world: ProductionWorld, tmp_path: Path, whose: str
) -> None:
    """The control, `running`, differs from `expired` in its last day only."""
    now = datetime.datetime.now(datetime.UTC)
    issuing = x509.load_pem_x509_certificate((world.folder.fleet / "ca" / "issuing.pem").read_bytes())
    key = serialization.load_pem_private_key((world.folder.fleet / "ca" / "issuing.key").read_bytes(), None)
    hour = datetime.timedelta(hours=1)
    if whose == "nobody":
        shown = None
    elif whose == "another_authority":
        issued = Authority(tmp_path / "other").issue(DEVICE_ID)
        shown = (issued.certificate, issued.key)
    else:
        shown = _certificate(tmp_path, issuing, key, now - hour if whose == "expired" else now + hour)
    assert await asyncio.to_thread(lets_in, world, shown) == (whose == "running")


@pytest.mark.slow
async def test_bridge_refuses_to_go_live_on_a_broker_that_lets_strangers_in(
    world: ProductionWorld, tmp_path: Path
) -> None:
    text = world._bridge_toml.read_text().partition("[mqtt]")[0]
    text = text.replace(f'"{world.database}"', f'"sqlite:///{tmp_path / "own.db"}"')
    text = text.replace(f"listen_port = {world.http_port}", f"listen_port = {free_port()}")
    with stock_amqtt(tmp_path) as broker:
        config = tmp_path / "open.toml"
        config.write_text(f"{text}[mqtt]\nport = {broker.port}\n")
        with pytest.raises(ProcessFailed) as failed:
            await asyncio.wait_for(run("cloud_bridge", "serve", "--config", str(config)), 60)
    assert "lets clients in without credentials" in failed.value.remedy


# --- what a broker that keeps anything can do --------------------------------------------------------------------


async def test_retained_command_is_refused_on_record_and_without_a_pulse(world: ProductionWorld) -> None:
    """mosquitto keeps what a bridge retains; the device judges the flag itself."""
    await stack.ready(world)
    before = await stack.pulses(world)
    command_id = SystemRandom().token(16).hex()
    keyring = load_keyring(world.folder.bridge / "fleet", world.folder.bridge / "state", SystemRandom())
    now_ms = time.time_ns() // 1_000_000
    args = {"compartment_no": 3, "purpose": "inspect"}
    nonce = await _nonce(world)
    command = Command(command_id, DEVICE_ID, nonce, "open_compartment", args, now_ms, now_ms + 50_000, "x", "test")
    world.cable.pull()
    await world.kiosk.do("", "", lambda view: not view["online"])
    await asyncio.to_thread(_retain, world, seal(Kind.COMMAND, command.encode(), keyring.cloud.commands))
    world.cable.plug()

    async def refused() -> Any:
        found = stack.of_type(await stack.ledger(world), "command_refused")
        return [event for event in found if event["data"]["command_id"] == command_id]

    (event,) = await stack.until("the refusal is on record", refused)
    assert event["data"]["reason"] == "retained"
    assert await stack.pulses(world) == before
    await asyncio.to_thread(_retain, world, b"")


async def _nonce(world: ProductionWorld) -> bytes:
    db = open_database(world.database)
    try:
        session = await db.read(lambda conn: fleet_store.load_session(conn, DEVICE_ID))
    finally:
        await db.close()
    return bytes(session.nonce)


def _retain(world: ProductionWorld, payload: bytes) -> None:
    """As somebody with the bridge's own certificate could; it takes the bridge's place for a moment."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="bridge.1", reconnect_on_failure=False)
    client.tls_set(str(world.pki / "ca.pem"), str(world.pki / "bridge.1.pem"), str(world.pki / "bridge.1.key"))
    client.connect("127.0.0.1", world.broker_port)
    client.loop_start()
    try:
        sent = client.publish(topic(DEVICE_ID, Channel.COMMANDS), payload, 1, True)
        sent.wait_for_publish(10)
        assert sent.is_published()
    finally:
        client.disconnect()
        client.loop_stop()


# --- revocation ------------------------------------------------------------------------------------------------


async def test_revoked_device_is_cut_off_within_seconds_and_its_batches_are_refused(world: ProductionWorld) -> None:
    await stack.ready(world)
    token = await world.bridge.call("POST", "/v1/tokens", {"role": "device", "actor": DEVICE_ID, "days": 1})
    size = len(await stack.ledger(world))
    certificate = (world.folder.keys / "tls.pem", world.folder.keys / "tls.key")
    assert await asyncio.to_thread(lets_in, world, certificate)
    await world.kiosk.do("", "", lambda view: view["online"], 40)  # the probe bore its name and took its place
    await world.provision("revoke", DEVICE_ID, "--reason", "stolen")
    await world.provision("export", "broker", "--to", str(world.pki))
    await world.provision("export", "bridge", "--to", str(world.folder.bridge / "fleet"))

    async def shut_out() -> bool:
        return not await asyncio.to_thread(lets_in, world, certificate)

    await stack.until("the broker refuses the revoked certificate", shut_out, 15)
    await world.hand("force", 10)
    world.cable.reset()
    await world.kiosk.do("", "", lambda view: not view["online"], 15)
    await world._register_devices()
    await world.processes["locker"].stop()
    batch = await asyncio.to_thread(_newest_batch, world, size)
    headers = {"Authorization": f"Bearer {token['token']}", "Content-Type": "application/cbor"}
    async with (
        aiohttp.ClientSession(headers={**headers, "Idempotency-Key": "a" * 32}) as session,
        session.post(f"{world.url}/v1/ingest", data=batch) as reply,
    ):
        answers = cbor2.loads(await reply.read())
    assert reply.status == 200
    assert [open_envelope(envelope).kind for _, envelope in answers] == [Kind.REFUSAL]
    events = await stack.ledger(world)
    assert len(events) == size and not stack.of_type(events, "door_opened_unauthorised")


def _newest_batch(world: ProductionWorld, first: int) -> bytes:
    """What the device would send next, read from its own log: the forced door is in it."""
    owner = Owner(FLEET, DEVICE_ID, KeyFile(world.folder.keys, DEVICE_ID))
    start = Start(SystemRandom(), 0)
    log: EventStore = open_event_log(world.folder.device / "log", owner, start, lambda store: store, LogLimits()).log
    try:
        found = log.read(first, 500, 100_000)
        assert found is not None and any(b"door_opened_unauthorised" in raw for raw in found.events)
        stream = log.head().stream
    finally:
        log.close()
    return wrap(Kind.BATCH, Batch(DEVICE_ID, stream, found.first, found.checkpoint, found.events).encode())
