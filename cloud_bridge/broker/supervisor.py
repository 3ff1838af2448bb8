"""Keeps mosquitto running: made files first, ready only after a real handshake, again after a crash, never open."""

from __future__ import annotations

import asyncio
import ctypes
import shutil
import signal
import socket
import ssl
import sys
from asyncio.subprocess import Process
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from cloud_bridge.broker.mosquitto import MosquittoConfig
from cloud_bridge.errors import ConfigError, LinkDown

logger = structlog.get_logger("mosquitto")
STORE_MAGIC = b"\x00\xb5\x00mosquitto db"
_BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_STEADY_S = 60.0
_PR_SET_PDEATHSIG = 1
_READY_S = 15.0
_STOP_S = 10.0
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}
Stamps = dict[Path, tuple[int, int]]


def next_failures(failures: int, ran_s: float) -> int:
    """How many failures in a row there are after one more; a run of over a minute ends the row."""
    return 1 if ran_s > _STEADY_S else failures + 1


def backoff_s(failures: int) -> float:
    """The pause before the next start, after `failures` (from 1) in a row."""
    return _BACKOFF_S[min(failures, len(_BACKOFF_S)) - 1]


class MosquittoSupervisor:
    """One mosquitto process and the files that it was started from."""

    def __init__(self, config: MosquittoConfig, *, poll_s: float = 2.0) -> None:
        self._config = config
        self._poll_s = poll_s
        self._process: Process | None = None
        self._seen: Stamps = {}

    @property
    def process_id(self) -> int | None:
        """Of the running broker, None between runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def run(self, *, stop: asyncio.Event, ready: Callable[[int], None] = lambda port: None) -> None:
        """Serve until `stop` is set; `ready` is told the port at every start that succeeded.

        Raises:
            ConfigError: the files cannot be made, or there is no mosquitto.
            LinkDown: the very first start fails.
        """
        self._seen = self._stamps()  # before they are read: a change from now on is noticed
        self._config.write()
        failures, ever_served = 0, False
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            started_at_s = loop.time()
            try:
                await self._start()
                ever_served = True
                ready(self._config.listen_port)
                await self._watch(stop)
            except LinkDown as error:
                if not ever_served:
                    raise
                logger.error("start failed", what=error.what)
            finally:
                await self._end()
            failures = next_failures(failures, loop.time() - started_at_s)
            if not stop.is_set():
                await _pause(stop, backoff_s(failures))

    async def _start(self) -> None:
        """Start and wait for a handshake; a store that stops it is moved aside, once."""
        move_aside_if_spoilt(self._config.store_file)
        taken = not _can_bind(self._config.listen_host, self._config.listen_port)
        if not taken and await self._spawn():
            return
        if not taken and self._config.store_file.exists():
            move_aside(self._config.store_file)
            if await self._spawn():
                return
        raise LinkDown(
            f"mosquitto does not start on port {self._config.listen_port}{', which is taken' if taken else ''}",
            where=str(self._config.config_file),
            remedy="Free the port." if taken else "Read its lines above; is a certificate unreadable?",
        )

    async def _spawn(self) -> bool:
        path = find_mosquitto(self._config.executable)
        self._process = await asyncio.create_subprocess_exec(
            path, "-c", str(self._config.config_file), stdin=asyncio.subprocess.DEVNULL, stdout=sys.stderr.fileno(),
            preexec_fn=_end_with_parent,
        )  # fmt: skip
        try:
            async with asyncio.timeout(_READY_S):
                while not await self._answers():
                    if self._process.returncode is not None:
                        return False
                    await asyncio.sleep(0.05)
        except TimeoutError:
            await self._end()
            return False
        return self._process.returncode is None

    async def _answers(self) -> bool:
        """A handshake that shows our own certificate; any other listener on the port does not count."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        host = _LOOPBACK.get(self._config.listen_host, self._config.listen_host)
        try:
            _, writer = await asyncio.open_connection(host, self._config.listen_port, ssl=context)
        except OSError:
            return False
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.transport.abort()
        own = ssl.PEM_cert_to_DER_cert(_first_certificate(self._config.certificate.read_text("ascii")))
        return bool(shown == own)

    async def _watch(self, stop: asyncio.Event) -> None:
        """Until the process ends or `stop`: changed inputs are made into rules and a SIGHUP makes them hold."""
        while self._process is not None and self._process.returncode is None and not stop.is_set():
            await _pause(stop, self._poll_s, self._process)
            if (now := self._stamps()) != self._seen:
                self._seen = now
                self._reload()
        if not stop.is_set():
            logger.error("mosquitto ended", code=self._process.returncode if self._process else None)

    def _reload(self) -> None:
        try:
            self._config.write()
        except ConfigError as error:
            return logger.error("rules kept as they were", what=error.what, where=error.where)
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGHUP)
            logger.info("rules and revocations reloaded")

    def _stamps(self) -> Stamps:
        config = self._config
        stamps: Stamps = {}
        for path in (config.revoked, config.registry, config.certificate, config.client_authority):
            if path is not None:
                with suppress(OSError):
                    stat = path.stat()
                    stamps[path] = (stat.st_mtime_ns, stat.st_size)
        return stamps

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()


def _end_with_parent() -> None:
    """In the child: Linux sends it SIGTERM when its supervisor dies, or the next one would find the port taken."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def find_mosquitto(executable: str = "mosquitto") -> str:
    """Path of the broker's program; Debian keeps it out of an ordinary user's PATH.

    Raises:
        ConfigError: not installed.
    """
    path = shutil.which(executable) or shutil.which(executable, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        raise ConfigError(f"{executable} is not installed", where="mosquitto", remedy="apt-get install mosquitto")
    return path


def move_aside_if_spoilt(store: Path) -> Path | None:
    """Move a store away that does not begin as one (a power cut can leave zeros): mosquitto would refuse to start."""
    try:
        with store.open("rb") as file:
            head = file.read(len(STORE_MAGIC))
    except FileNotFoundError:
        return None
    return None if head == STORE_MAGIC else move_aside(store)


def move_aside(store: Path) -> Path:
    """Rename the store to the first free `….spoilt-<n>`; what it held is in the devices' logs."""
    number = 1
    while (target := store.with_name(f"{store.name}.spoilt-{number}")).exists():
        number += 1
    store.rename(target)
    logger.warning("store moved aside", to=str(target))
    return target


def _can_bind(host: str, port: int) -> bool:
    """Whether the port is free: a broker of the same certificate there would be taken for our own."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


async def _pause(stop: asyncio.Event, span_s: float, process: Process | None = None) -> None:
    """Wait for the span, or less when `stop` is set or the process ends."""
    waits = {asyncio.Task(stop.wait())} | ({asyncio.Task(process.wait())} if process else set())
    try:
        await asyncio.wait(waits, timeout=span_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _first_certificate(text: str) -> str:
    end = "-----END CERTIFICATE-----"
    return text[text.find("-----BEGIN") : text.find(end) + len(end)]
