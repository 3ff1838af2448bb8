"""Reads the page's sentences aloud through espeak-ng, one at a time; what was read once is kept in memory."""

from __future__ import annotations

import asyncio
import struct
from collections import OrderedDict
from collections.abc import Mapping

from edge.screen.sentences import Sentences

VOICES = {"en": "en-gb", "de": "de", "fr": "fr-fr", "es": "es", "pl": "pl", "ar": "ar"}
KEPT_BYTES = 4 * 1024 * 1024
WORDS_PER_MINUTE = 150
PATIENCE_S = 10
_HEADER_BYTES = 44


class Speech:
    """`program`: path of espeak-ng, or None where it is not installed: then nothing can be read."""

    def __init__(self, program: str | None, sentences: Sentences) -> None:
        self._program = program
        self._sentences = sentences
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()

    @property
    def available(self) -> bool:
        return self._program is not None

    async def wav(self, language: str, key: str, numbers: Mapping[str, str]) -> bytes | None:
        """The sentence as a WAV file; None when there is no such sentence or it cannot be read."""
        text = self._sentences.text(language, key, numbers)
        if text is None or self._program is None:
            return None
        async with self._one_at_a_time:
            kept = self._kept.get((language, text))
            sound = kept or await self._synthesize(self._program, VOICES[language], text)
            if sound is not None:
                self._keep((language, text), sound)
            return sound

    def _keep(self, name: tuple[str, str], sound: bytes) -> None:
        self._kept[name] = sound
        self._kept.move_to_end(name)
        while sum(map(len, self._kept.values())) > KEPT_BYTES:
            self._kept.popitem(last=False)

    @staticmethod
    async def _synthesize(program: str, voice: str, text: str) -> bytes | None:
        arguments = ("-v", voice, "-s", str(WORDS_PER_MINUTE), "-b", "1", "--stdin", "--stdout")
        try:
            reader = await asyncio.create_subprocess_exec(
                program,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError:
            return None
        try:
            sound, _ = await asyncio.wait_for(reader.communicate(text.encode()), PATIENCE_S)
        except TimeoutError:
            return None
        finally:
            if reader.returncode is None:
                reader.kill()
                await reader.wait()
        return _measured(sound) if reader.returncode == 0 and len(sound) > _HEADER_BYTES else None


def _measured(sound: bytes) -> bytes:
    """The lengths in the header, which a writer to a pipe cannot know."""
    body = sound[_HEADER_BYTES:]
    head = sound[:4] + struct.pack("<I", len(sound) - 8) + sound[8:40] + struct.pack("<I", len(body))
    return head + body
