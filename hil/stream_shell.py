"""A shell at the end of a byte stream: a guest's console, or the serial console of a real device."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable

from hil.errors import ProcessFailed
from hil.protocols import Answer

_CHUNK_CHARS = 2_000
_KEPT_CHARS = 4_000


class StreamShell:
    """`hil.protocols.Shell` over a stream. Each answer ends with a mark that the command's own echo cannot contain."""

    def __init__(self, reader: asyncio.StreamReader, write: Callable[[bytes], None], where: str) -> None:
        self._reader = reader
        self._write = write
        self._where = where
        self._number = 0
        self._text = ""
        self._turn = asyncio.Lock()

    async def wait_for(self, pattern: str, timeout_s: float) -> re.Match[str]:
        """Read on until the text matches.

        Raises:
            ProcessFailed: it did not in time, or the stream ended; the last words are quoted.
        """
        wanted = re.compile(pattern)
        try:
            async with asyncio.timeout(timeout_s):
                while (found := wanted.search(self._text)) is None:
                    data = await self._reader.read(65536)
                    if not data:
                        raise ProcessFailed("the console ended", where=self._where, remedy=self._tail())
                    self._text += data.decode("utf-8", "replace").replace("\r", "")
        except TimeoutError:
            what = f"nothing like {pattern!r} within {timeout_s:.0f} s"
            raise ProcessFailed(what, where=self._where, remedy=self._tail()) from None
        self._text = self._text[found.end() :]
        return found

    async def run(self, command: str, timeout_s: float = 60) -> Answer:
        async with self._turn:
            self._number += 1
            mark = f"rig-{self._number}"
            self._write(f"{{ {command}\n}} </dev/null 2>&1; printf '\\n%s:%d:end\\n' {mark} $?\n".encode())
            found = await self.wait_for(rf"(?s)(.*?)\n?{mark}:(\d+):end\n", timeout_s)
        return Answer(int(found[2]), found[1].strip("\n"))

    async def put(self, data: bytes, device_path: str) -> None:
        """Write a file on the device, in pieces that a console takes."""
        text = base64.b64encode(data).decode()
        await self._checked(f": > {device_path}.b64")
        for start in range(0, len(text), _CHUNK_CHARS):
            await self._checked(f"printf %s {text[start : start + _CHUNK_CHARS]} >> {device_path}.b64")
        await self._checked(f"base64 -d {device_path}.b64 > {device_path} && rm {device_path}.b64")

    async def _checked(self, command: str) -> None:
        answer = await self.run(command)
        if answer.code:
            raise ProcessFailed(f"ended with {answer.code}", where=self._where, remedy=answer.text[-800:])

    def _tail(self) -> str:
        return f"The console ends: …{self._text[-_KEPT_CHARS:]}"
