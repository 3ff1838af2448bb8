"""Every public lock-board case, by number: encoded, decoded or refused by the codec of its family."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from edge.wire.errors import Malformed
from edge.wire.frames import kerong_cu, kerong_cu48, winnsen, wkly, xor_8a
from edge.wire.frames.frame import FrameDecoder
from tests.public_vectors import VECTORS, vectors

Case = dict[str, Any]


def families() -> dict[str, list[Case]]:
    found = json.loads(vectors("lockboards.json").read_text())["families"]
    named = {name: family["vectors"] for name, family in found.items()}
    return {**named, "kerong_cu48": found["kerong_cu"]["variant_cu48"]["vectors"]}


def marked(numbers: list[int], count: int) -> tuple[bool, ...]:
    return tuple(number in numbers for number in range(1, count + 1))


def others(numbers: list[int], count: int) -> tuple[bool, ...]:
    return tuple(not flag for flag in marked(numbers, count))


def door(case: Case) -> int:
    return {"open": 0, "closed": 1}[case["door"]]


def wkly_reply(case: Case, command: int) -> wkly.ChannelReply:
    return wkly.ChannelReply(command, case["board"], case["channel"], case.get("status", 0) == 0, door(case))


# (family, operation) → the bytes of a request
REQUESTS: dict[tuple[str, str], Callable[[Case], bytes]] = {
    ("xor_8a", "unlock"): lambda c: xor_8a.encode_unlock(c["board"], c["channel"]),
    ("xor_8a", "unlock_all"): lambda c: xor_8a.encode_unlock_all(c["board"]),
    ("xor_8a", "query_one"): lambda c: xor_8a.encode_query_one(c["board"], c["channel"]),
    ("xor_8a", "query_all"): lambda c: xor_8a.encode_query_all(c["board"]),
    ("kerong_cu", "status"): lambda c: kerong_cu.encode_status(c["board"]),
    ("kerong_cu", "unlock"): lambda c: kerong_cu.encode_unlock(c["board"], c["lock"]),
    ("kerong_cu", "unlock_all"): lambda c: kerong_cu.encode_unlock_all(c["board"]),
    ("kerong_cu", "bus_status"): lambda c: kerong_cu.encode_bus_status(),
    ("kerong_cu", "set_pulse_ms"): lambda c: kerong_cu.encode_set_pulse(c["board"], c["pulse_ms"]),
    ("kerong_cu48", "status"): lambda c: kerong_cu48.encode_status(0),
    ("kerong_cu48", "unlock"): lambda c: kerong_cu48.encode_unlock(0, c["lock"]),
    ("wkly", "unlock"): lambda c: wkly.encode_unlock(c["board"], c["channel"]),
    ("wkly", "query_one"): lambda c: wkly.encode_query_one(c["board"], c["channel"]),
    ("wkly", "query_all"): lambda c: wkly.encode_query_all(c["board"]),
    ("wkly", "open_many"): lambda c: wkly.encode_unlock_many(c["board"], c["channels"]),
    ("winnsen", "unlock"): lambda c: winnsen.encode_unlock(c["station"], c["lock"]),
}
# (family, operation) → what the reply's bytes mean, the decoder that must find it, the encoder that must make it
REPLIES: dict[tuple[str, str], tuple[Callable[[Case], Any], Callable[[], FrameDecoder[Any]], Callable[..., bytes]]] = {
    ("xor_8a", "unlock_reply"): (
        lambda c: xor_8a.UnlockReply(c["board"], c["channel"], c["status"] == 0x11),
        xor_8a.reply_decoder,
        xor_8a.encode_reply,
    ),
    ("xor_8a", "query_all_reply"): (
        lambda c: xor_8a.StatusReply(c["board"], marked(c["bits_set"], 24)),
        xor_8a.reply_decoder,
        xor_8a.encode_reply,
    ),
    ("kerong_cu", "status_reply"): (
        lambda c: kerong_cu.StatusReply(c["board"], others(c["open"], 16), marked(c["occupied"], 16)),
        kerong_cu.reply_decoder,
        kerong_cu.encode_status_reply,
    ),
    ("kerong_cu48", "status_reply"): (
        lambda c: kerong_cu48.StatusReply(0, others(c["open"], 48)),
        kerong_cu48.reply_decoder,
        kerong_cu48.encode_status_reply,
    ),
    ("wkly", "unlock_reply"): (lambda c: wkly_reply(c, wkly.UNLOCK), wkly.reply_decoder, wkly.encode_reply),
    ("wkly", "query_one_reply"): (lambda c: wkly_reply(c, wkly.QUERY_ONE), wkly.reply_decoder, wkly.encode_reply),
    ("wkly", "door_event"): (
        lambda c: wkly.DoorChange(c["board"], c["channel"], door(c)),
        wkly.reply_decoder,
        wkly.encode_reply,
    ),
    ("winnsen", "unlock_reply"): (
        lambda c: winnsen.Reply(winnsen.UNLOCK, c["station"], c["lock"], c["status"]),
        winnsen.reply_decoder,
        winnsen.encode_reply,
    ),
}
FAMILIES = ("xor_8a", "kerong_cu", "kerong_cu48", "wkly", "winnsen")


def judge(family: str, case: Case) -> None:
    """Raises KeyError for a case that nothing here can judge."""
    key = family, case["op"]
    if case["op"] == "invalid":
        with pytest.raises(Malformed):
            kerong_cu48.encode_unlock(0, case["lock"])
        return
    if "request" in case:
        assert REQUESTS[key](case) == bytes.fromhex(case["request"]), case
        return
    meaning, decoder, encode = REPLIES[key]
    reading = decoder()
    reading.receive_data(bytes.fromhex(case["reply"]))
    assert reading.next_frame() == meaning(case), case
    assert reading.next_frame() is None
    assert encode(meaning(case)) == bytes.fromhex(case["reply"]), case


@pytest.mark.parametrize("family", FAMILIES)
def test_every_public_case_of_the_family_is_judged(family):
    cases = families()[family]
    assert len(cases) >= 3
    for case in cases:
        judge(family, case)


def test_no_public_family_is_left_out():
    assert set(families()) == set(FAMILIES)
    assert VECTORS.joinpath("lockboards.json").exists()


def test_a_public_case_with_one_bit_changed_is_not_judged_well():
    case = dict(families()["wkly"][0])
    case["request"] = case["request"][:-1] + ("2" if case["request"][-1] != "2" else "4")
    with pytest.raises(AssertionError):
        judge("wkly", case)
