"""One device's messages keep their order, devices do not wait for each other, and the whole is bounded."""

from __future__ import annotations

import asyncio

import pytest

from cloud_bridge.device_lanes import DeviceLanes, Fate


async def _take(lanes: DeviceLanes) -> tuple[str, bytes] | None:
    """The next message, or None when no device has one to give."""
    taking = asyncio.ensure_future(lanes.take())
    await asyncio.sleep(0)
    if not taking.done():
        taking.cancel()
        return None
    device_id, _, payload = taking.result()
    return device_id, payload


async def test_lanes_while_a_device_is_worked_on_hold_back_its_next_message_only() -> None:
    lanes = DeviceLanes(max_waiting=8)
    for device_id, payload in (("a", b"1"), ("a", b"2"), ("b", b"3")):
        assert lanes.put(device_id, "up", payload) is Fate.RECEIVED
    assert [await _take(lanes), await _take(lanes), await _take(lanes)] == [("a", b"1"), ("b", b"3"), None]
    lanes.done("a")
    assert await _take(lanes) == ("a", b"2")


async def test_lanes_when_full_shed_the_next_message_and_take_again_after_one_left() -> None:
    lanes = DeviceLanes(max_waiting=2)
    assert [lanes.put("a", "up", b"%d" % n) for n in range(3)] == [Fate.RECEIVED, Fate.RECEIVED, Fate.SHED]
    await _take(lanes)
    assert lanes.put("b", "up", b"3") is Fate.RECEIVED


async def test_lanes_the_same_message_again_while_the_first_waits_is_left_out() -> None:
    lanes = DeviceLanes(max_waiting=8)
    fates = [lanes.put("a", "up", payload) for payload in (b"knock", b"knock", b"batch", b"knock")]
    assert fates == [Fate.RECEIVED, Fate.REPEATED, Fate.RECEIVED, Fate.REPEATED]
    await _take(lanes)
    assert lanes.put("a", "up", b"knock") is Fate.RECEIVED
    assert lanes.put("b", "up", b"batch") is Fate.RECEIVED


@pytest.mark.parametrize("words", [(b"online", b"offline", b"online"), (b"offline", b"online", b"offline")])
async def test_lanes_of_presence_the_last_word_is_kept(words: tuple[bytes, ...]) -> None:
    lanes, taken = DeviceLanes(max_waiting=8), []
    assert {lanes.put("a", "presence", word) for word in words} == {Fate.RECEIVED}
    for _ in words:
        taken.append(await _take(lanes))
        lanes.done("a")
    assert taken == [("a", word) for word in words]
