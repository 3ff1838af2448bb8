"""The cable between a device and its broker, over real sockets."""

from __future__ import annotations

import asyncio

import pytest

from hil.cable import Cable


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1024):
            writer.write(data)
    except ConnectionError:
        pass
    finally:
        writer.close()


async def test_reset_cable_resets_the_peer_and_says_how_many() -> None:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    cable = Cable(server.sockets[0].getsockname()[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", await cable.open())
    writer.write(b"through")
    assert await reader.readexactly(7) == b"through"

    assert cable.reset() == 1

    with pytest.raises(ConnectionResetError):
        await reader.read(1)
    assert cable.reset() == 0
    writer.close()
    await cable.close()
    server.close()


async def test_pulled_cable_carries_nothing_until_it_is_plugged_again() -> None:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    cable = Cable(server.sockets[0].getsockname()[1])
    port = await cable.open()
    cable.pull()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await _read_end(reader) == b""
    writer.close()

    cable.plug()

    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"again")
    assert await reader.readexactly(5) == b"again"
    writer.close()
    await cable.close()
    server.close()


async def _read_end(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(1)
    except ConnectionResetError:
        return b""
