"""Reading aloud by the real espeak-ng, through the page's server."""

from __future__ import annotations

import asyncio
import io
import shutil
import wave
from pathlib import Path

import aiohttp
import pytest

from edge.screen.sentences import LANGUAGES, Sentences
from edge.screen.server import DIST, ScreenServer
from edge.screen.speech import KEPT_BYTES, Speech
from tests.integration.screen.test_screen_server import Driven


def espeak() -> str:
    program = shutil.which("espeak-ng")
    if program is None:
        pytest.fail("espeak-ng is missing. Remedy: apt-get install espeak-ng")
    return program


def loud(sound: bytes) -> int:
    """The number of samples that are not silence, of a file whose lengths all hold."""
    with wave.open(io.BytesIO(sound)) as heard:
        assert heard.getnchannels() == 1 and heard.getsampwidth() == 2
        samples = heard.readframes(heard.getnframes())
        assert len(samples) == heard.getnframes() * 2 == len(sound) - 44
    return sum(
        abs(int.from_bytes(samples[at : at + 2], "little", signed=True)) > 500 for at in range(0, len(samples), 2)
    )


@pytest.mark.parametrize("language", LANGUAGES)
async def test_speech_reads_a_sentence_in_every_language(language: str) -> None:
    sound = await Speech(espeak(), Sentences(DIST)).wav(language, "door_open", {"no": "12"})
    assert sound is not None and loud(sound) > 5_000


async def test_speech_says_the_number_of_the_door() -> None:
    speech = Speech(espeak(), Sentences(DIST))
    seven, twelve = [await speech.wav("en", "door_open", {"no": no}) for no in ("7", "12")]
    assert seven != twelve
    assert await speech.wav("en", "door_open", {"no": "7"}) == seven


async def test_speech_reads_no_text_of_a_stranger() -> None:
    speech = Speech(espeak(), Sentences(DIST))
    for key, numbers in (("say this", {}), ("door_open", {"no": "<audio src='/etc/passwd'/>"}), ("-w", {}), ("", {})):
        assert await speech.wav("en", key, numbers) is None
    assert await speech.wav("--help", "welcome", {}) is None


@pytest.mark.parametrize("program", [None, "/nonexistent/espeak-ng", "/bin/false", "/bin/true"])
async def test_speech_without_a_reader_is_silent(program: str | None) -> None:
    speech = Speech(program, Sentences(DIST))
    assert speech.available is (program is not None)
    assert await speech.wav("en", "welcome", {}) is None


async def test_speech_asked_at_once_by_many_reads_once(tmp_path: Path) -> None:
    counted = tmp_path / "reader"
    counted.write_text(f'#!/bin/sh\necho x >> {tmp_path}/calls\nexec {espeak()} "$@"\n')
    counted.chmod(0o755)
    speech = Speech(str(counted), Sentences(DIST))
    sounds = await asyncio.gather(*(speech.wav("en", "ok", {}) for _ in range(5)))
    assert len(set(sounds)) == 1 and sounds[0] is not None
    assert (tmp_path / "calls").read_text() == "x\n"


async def test_speech_keeps_no_more_than_its_share_of_memory(tmp_path: Path) -> None:
    long = tmp_path / "reader"
    long.write_text("#!/bin/sh\nhead -c 1500000 /dev/zero\n")
    long.chmod(0o755)
    speech = Speech(str(long), Sentences(DIST))
    for no in range(5):
        assert await speech.wav("en", "door", {"no": str(no)}) is not None
    assert sum(map(len, speech._kept.values())) <= KEPT_BYTES


async def test_speech_comes_from_the_server_and_the_page_knows_whether_it_may_ask() -> None:
    server = ScreenServer(Driven(), "127.0.0.1", 0, speech=Speech(espeak(), Sentences(DIST)))
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    work = asyncio.create_task(server.run(ready.set_result))
    try:
        async with aiohttp.ClientSession() as session:
            url = await ready
            async with session.get(url + "speech/de/door_open.wav?no=3") as answer:
                assert answer.status == 200 and answer.content_type == "audio/wav"
                assert loud(await answer.read()) > 5_000
            for path in (
                "de/nothing.wav",
                "de/door_open.mp3",
                "de/door_open.wav",
                "de/door_open.wav?no=x",
                "xx/ok.wav",
            ):
                async with session.get(url + "speech/" + path) as answer:
                    assert answer.status == 404
            async with session.ws_connect(url + "session") as page:
                assert (await page.receive_json())["speech"] is True
    finally:
        work.cancel()
        await asyncio.wait({work})
