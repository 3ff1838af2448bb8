"""The locker controller as a process: opens log, keys, boards, page and link, and runs them until told to stop."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import structlog

from edge.agents.authority_clock import AuthorityClock
from edge.agents.decommission import ClosedForGood, Decommissioned, end, is_decommissioned, until_receipted, wipe
from edge.agents.diagnostics import configure
from edge.agents.hardware import Hardware, HardwareListeners
from edge.agents.keypad_entry import KeypadEntry
from edge.agents.layout import compartments, log_limits
from edge.agents.locker import TRUST, LockerAgent, LockerPorts, Rebuilt
from edge.agents.programs import package_version, program_slots
from edge.agents.release_watch import ReleaseWatch
from edge.agents.renewal import Renewal
from edge.agents.system_random import SystemRandom
from edge.agents.trust_anchors import ANCHORS, keep_anchors
from edge.config import AgentConfig
from edge.core.locker.state import LockerState
from edge.drivers.lock_bank import BoardNotice, Presence
from edge.errors import ConfigError, EdgeError
from edge.link.http_link import HttpLink, HttpSettings
from edge.link.mqtt import LinkListeners, MqttLink
from edge.link.mqtt_settings import MqttSettings, TlsFiles
from edge.link.sync_driver import SyncIdentity
from edge.ports import Random
from edge.screen.server import ScreenServer
from edge.storage.document_file import DocumentFiles
from edge.storage.event_log import ThreadedEventLog
from edge.storage.key_file import KeyFile
from edge.storage.opening import OpenedLog, Owner, Start, open_event_log
from edge.wire.envelope import Kind, open_envelope
from edge.wire.errors import WireError
from edge.wire.keys import TrustBundle
from edge.wire.messages import Bundle
from edge.wire.release import Version

AGENT = "parcelworks-locker"
TRIM_EVERY_S = 3600

_log = structlog.get_logger()


class LockerProcess:
    """One running locker controller."""

    def __init__(self, config: AgentConfig) -> None:
        """
        Raises:
            ConfigError, StorageFailed, StorageFull: it cannot start; the message says what to mend.
        """
        self._config = config
        self._keys = KeyFile(config.keys_dir, config.device_id)
        random = SystemRandom()
        owner = Owner(config.fleet, config.device_id, self._keys)
        # The floor is inside the log, so the log opens with the last one it knows; a fresh one starts at zero.
        self._opened: OpenedLog[ThreadedEventLog] = open_event_log(
            config.data_dir / "log", owner, Start(random, 0), ThreadedEventLog, log_limits(config.storage)
        )
        clock = AuthorityClock(self._opened.floor_at_ms)
        documents = DocumentFiles(config.data_dir / "documents")
        root_public = bytes.fromhex(config.root_public_hex)
        trust = _newest_trust(config, documents, root_public)
        keep_anchors(documents, trust, clock.now().at_ms)
        self._link = _open_link(config, self._keys, random, self._listeners())
        self._hardware = Hardware(config, self._hardware_listeners())
        opened = self._opened
        self._agent = LockerAgent(
            SyncIdentity(config.fleet, config.device_id, f"{AGENT}/{_version(config)}", root_public),
            LockerPorts(
                log=opened.log,
                bus=self._link,
                bank=self._hardware.bank,
                keys=self._keys,
                clock=clock,
                random=random,
                documents=documents,
                on_change=self._changed,
                on_signal=self._hardware.sound,
                on_light=self._hardware.light,
            ),
            Rebuilt.from_log(opened.head, opened.snapshot, opened.tail),
            trust,
            compartments(config),
        )
        self._clock = clock
        self._watch: ReleaseWatch | None = None
        if config.release is not None:
            boards_answer = self._hardware.boards_answer
            self._watch = ReleaseWatch(config, config.release, self._agent, clock, boards_answer)
        self._keypad = KeypadEntry(self._agent.enter_pin, lambda: clock.now().mono_ms)
        self._screen = ScreenServer(self._agent, config.screen.host, config.screen.port)

    @property
    def log_public(self) -> bytes:
        return self._keys.log_public

    async def run(self, ready: Callable[[str], None]) -> None:
        """Run until cancelled. Outputs stay as they are: stopping moves nothing.

        Raises:
            Decommissioned: in a group; the log is closed, keys and data may go.
        """
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._agent.run())
                group.create_task(self._link.run())
                group.create_task(self._screen.run(ready))
                group.create_task(self._trim_forever())
                if self._config.enrolment is not None:
                    group.create_task(Renewal(self._config, self._keys).run(lambda: self._clock.now().at_ms))
                group.create_task(self._hardware.run())
                if self._watch is not None:
                    group.create_task(self._watch.run())
                group.create_task(until_receipted(self._opened.log, lambda: self._agent.runtime.state))
        finally:
            await self._opened.log.close()
            await self._hardware.close()

    def _changed(self, state: LockerState) -> None:
        self._screen.changed()
        if self._watch is not None:
            self._watch.changed(state)

    def _hardware_listeners(self) -> HardwareListeners:
        return HardwareListeners(
            board=self._board_noticed,
            scan=lambda text: self._agent.scan(text),
            key=self._key_pressed,
            reading=lambda reading: self._agent.reading(reading),
        )

    def _key_pressed(self, key: str) -> None:
        """A page that is open takes the keys; without one, a code can still be typed."""
        if not self._screen.key(key):
            self._keypad.take(key)

    def _listeners(self) -> LinkListeners:
        return LinkListeners(
            connected=lambda: self._agent.sync.connected(),
            disconnected=lambda: self._agent.sync.disconnected(),
            received=lambda channel, payload, retained: self._agent.sync.received(channel, payload, retained),
            failed=lambda why: _log.info("no link", why=why),
        )

    def _board_noticed(self, notice: BoardNotice) -> None:
        _log.info("board", module=notice.module, presence=notice.presence.value, reason=notice.reason)
        self._agent.board(notice.module, notice.presence is Presence.FOUND)

    async def _trim_forever(self) -> None:
        while True:
            await asyncio.sleep(TRIM_EVERY_S)
            while await self._opened.log.trim(self._clock.now().at_ms):
                pass


def _version(config: AgentConfig) -> Version:
    """The version of the program that runs here."""
    release = config.release
    return package_version() if release is None else program_slots(config, release).version()


def _newest_trust(config: AgentConfig, documents: DocumentFiles, root_public: bytes) -> TrustBundle:
    """The bundle from provisioning, or a newer one that the cloud has sent since (verified when it came)."""
    where = str(config.trust_file)
    try:
        envelope = open_envelope(config.trust_file.read_bytes())
        if envelope.kind is not Kind.BUNDLE:
            raise ConfigError("not a trust bundle", where=where, remedy="Copy the fleet's trust bundle here.")
        envelope.verify(root_public)
        provisioned = Bundle.parse(envelope.body).bundle
    except OSError as error:
        raise ConfigError(str(error), where=where, remedy="Copy the fleet's trust bundle here.") from error
    except WireError as error:
        raise ConfigError(str(error), where=where, remedy="Check root_public_hex and the bundle file.") from error
    stored = documents.load(TRUST)
    if stored is None:
        return provisioned
    try:
        newer = Bundle.parse(stored).bundle
    except WireError as error:  # the cloud sends it again
        _log.error("the stored trust bundle is damaged; going on with the provisioned one", error=str(error))
        return provisioned
    return newer if newer.version > provisioned.version else provisioned


def _open_link(config: AgentConfig, keys: KeyFile, random: Random, listeners: LinkListeners) -> MqttLink | HttpLink:
    """MQTT, unless the configuration says that only HTTP gets through."""
    if config.http is None:
        return MqttLink(_mqtt_settings(config, keys), random, listeners)
    token = _read_secret(config.http.token_file, "http.token_file")
    return HttpLink(HttpSettings(config.http.url, token), random, listeners)


def _mqtt_settings(config: AgentConfig, keys: KeyFile) -> MqttSettings:
    mqtt = config.mqtt
    tls = username = password = None
    if mqtt.tls:
        if mqtt.ca_file is None:
            raise ConfigError("mqtt.ca_file is missing", where="mqtt", remedy="Name the fleet CA's certificate file.")
        anchors = config.data_dir / "documents" / ANCHORS
        tls = TlsFiles(mqtt.ca_file, keys.certificate_path, keys.tls_key_path, anchors)
    elif mqtt.password_file is not None:
        username, password = config.device_id, _read_secret(mqtt.password_file, "mqtt.password_file")
    return MqttSettings(
        host=mqtt.host,
        port=mqtt.port,
        device_id=config.device_id,
        tls=tls,
        username=username,
        password=password,
        keepalive_s=mqtt.keepalive_s,
        first_retry_ms=mqtt.first_retry_ms,
        max_retry_ms=mqtt.max_retry_ms,
    )


def _read_secret(path: Path, key: str) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(error), where=key, remedy="Put the secret into that file, mode 0600.") from error


async def serve(config: AgentConfig) -> int:
    """Run the agent until SIGTERM or SIGINT. Prints one JSON line on stdout when the page answers."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    configure()
    process = None if is_decommissioned(config) else LockerProcess(config)

    def ready(url: str) -> None:
        sys.stdout.write(json.dumps({"event": "ready", "screen": url, "device_id": config.device_id}) + "\n")
        sys.stdout.flush()

    code = 0
    try:
        async with asyncio.TaskGroup() as group:
            work = group.create_task(_live(config, process, ready))
            await stop.wait()
            work.cancel()
    except* EdgeError as failed:
        for error in _leaves(failed):
            _log.error("stopped", error=str(error), remedy=error.remedy)
        code = 1
    return code


async def _live(config: AgentConfig, process: LockerProcess | None, ready: Callable[[str], None]) -> None:
    """A locker in service until it is decommissioned; from then on (None), over every restart, a closed page."""
    if process is not None:
        try:
            await process.run(ready)
        except* Decommissioned as ended:
            end(config, _first(ended).head, process.log_public)
    else:
        wipe(config)
    _log.info("decommissioned", receipts=str(config.data_dir))
    await ScreenServer(ClosedForGood(config), config.screen.host, config.screen.port).run(ready)


def _first(group: ExceptionGroup[Decommissioned]) -> Decommissioned:
    found = group.exceptions[0]
    return _first(found) if isinstance(found, ExceptionGroup) else found


def _leaves(group: ExceptionGroup[EdgeError]) -> list[EdgeError]:
    """The errors themselves, out of the groups of the tasks that they ended."""
    return [
        leaf
        for error in group.exceptions
        for leaf in (_leaves(error) if isinstance(error, ExceptionGroup) else [error])
    ]
