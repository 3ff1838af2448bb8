"""`edge.ports.SerialLine` over pyserial: the device's only user of the serial library."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import termios

import serial

from edge.errors import LineLost

READ_BYTES = 4096
WRITE_TIMEOUT_S = 1.0
SENT_STEP_S = 0.001


class PySerialLine:
    """An open port, owned exclusively, read through the event loop. Once lost it stays lost: open a new one."""

    def __init__(self, port: serial.Serial, write_timeout_s: float = WRITE_TIMEOUT_S) -> None:
        self._port = port
        self._write_timeout_s = write_timeout_s
        self._fd: int = port.fileno()
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._fresh = asyncio.Event()
        self._lost = ""
        self._loop.add_reader(self._fd, self._receive)

    @classmethod
    def open(cls, path: str, baud: int) -> PySerialLine:
        """Open a port by its stable path.

        Raises:
            LineLost: absent, busy or not permitted; plug it in, or end the other user.
        """
        try:
            port = serial.Serial(path, baud, timeout=0, write_timeout=0, exclusive=True)
        except (serial.SerialException, OSError, ValueError) as error:
            raise LineLost(str(error), where=path, remedy="Check the adapter's plug, path and user.") from error
        return cls(port)

    async def write(self, data: bytes) -> None:
        """Put all bytes on the wire.

        What does not get out in time is dropped and the line is lost: bytes that lie in a stalled adapter's buffer
        must not move a lock at some later moment.
        """
        try:
            async with asyncio.timeout(self._write_timeout_s):
                await self._push(memoryview(data))
                await self._sent()
        except TimeoutError:
            self._forget_output()
            self._stop("the adapter does not take what is sent")
            self._check()
        except OSError as error:
            self._stop(os.strerror(error.errno or errno.EIO))
            self._check()

    async def read(self) -> bytes:
        while not self._received:
            self._check()
            self._fresh.clear()
            await self._fresh.wait()
        data = bytes(self._received)
        self._received.clear()
        return data

    def discard_input(self) -> None:
        """Drop what has arrived, in the kernel too."""
        self._receive()
        self._received.clear()

    async def close(self) -> None:
        self._stop("closed")

    def _receive(self) -> None:
        if self._lost:
            return
        try:
            data = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._stop(os.strerror(error.errno or errno.EIO))
            return
        if not data and not self._is_there():
            self._stop("the adapter is gone")
        self._received += data
        self._fresh.set()

    def _is_there(self) -> bool:
        # With VMIN 0 a terminal also returns no bytes when there are simply none, so emptiness alone proves nothing.
        try:
            return bool(self._port.in_waiting >= 0)
        except (OSError, serial.SerialException):
            return False

    async def _push(self, rest: memoryview) -> None:
        while rest:
            self._check()
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:
                await self._writable()

    async def _writable(self) -> None:
        ready = asyncio.Event()
        self._loop.add_writer(self._fd, ready.set)
        try:
            await ready.wait()
        finally:
            if not self._lost:
                self._loop.remove_writer(self._fd)

    async def _sent(self) -> None:
        # A port that dies here may have sent everything: that is for the reader to find out, not a failed writing.
        with contextlib.suppress(OSError):
            while not self._lost and self._port.out_waiting:  # noqa: ASYNC110 - the kernel gives no event for it
                await asyncio.sleep(SENT_STEP_S)

    def _forget_output(self) -> None:
        if not self._lost:
            with contextlib.suppress(termios.error):
                termios.tcflush(self._fd, termios.TCOFLUSH)

    def _check(self) -> None:
        if self._lost:
            raise LineLost(self._lost, where=str(self._port.port), remedy="Plug the adapter in again.")

    def _stop(self, why: str) -> None:
        if self._lost:
            return
        self._lost = why
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._fresh.set()
        self._port.close()
