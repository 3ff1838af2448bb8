"""Opening what a device may find after a bad night: nothing, garbage, half a file, another device's file."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from edge.errors import StorageFailed
from edge.storage.opening import Owner
from edge.wire.event import parse_event
from edge.wire.event_types import check_payload
from edge.wire.keys import Ed25519Signer
from tests.log_world import LogWorld, custody, door


def zeroed(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def garbage(file: Path) -> None:
    file.write_bytes(b"\xa5\x5a garbage " * 900)


def truncated(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def changed(sql: str) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        connection = sqlite3.connect(file)
        connection.execute(sql)
        connection.commit()
        connection.close()

    return change


def fill(world: LogWorld) -> str:
    log = world.open().log
    for no in range(1, 40):
        log.append([door(no), custody(no)])
    log.close()
    return log.identity.stream


DAMAGE = {
    "zeroed": (zeroed, "damaged_file", False),
    "garbage": (garbage, "damaged_file", False),
    "truncated": (truncated, "damaged", False),
    "event_swapped": (
        changed("UPDATE commits SET events = (SELECT events FROM commits WHERE first = 75) WHERE first = 77"),
        "events_and_checkpoint_differ",
        True,
    ),
    "peak_changed": (
        changed("UPDATE commits SET new_peaks = zeroblob(32) WHERE first = 75"),
        "events_and_checkpoint_differ",
        True,
    ),
    "signature_changed": (
        changed("UPDATE commits SET signature = zeroblob(64) WHERE first = 77"),
        "events_and_checkpoint_differ",
        True,
    ),
    "commit_missing": (changed("DELETE FROM commits WHERE first = 71"), "events_missing", True),
    "all_missing": (changed("DELETE FROM commits"), "events_missing", False),
    "log_row_missing": (changed("DELETE FROM log"), "no_log_row", False),
    "table_missing": (changed("DROP TABLE snapshot"), "damaged_file", True),
    "foreign_database": (changed("PRAGMA application_id = 7"), "not_an_event_log", True),
    "version_absurd": (changed("PRAGMA user_version = 16777217"), "damaged_file", True),
    "version_negative": (changed("PRAGMA user_version = -1"), "damaged_file", True),
    "receipt_ahead": (changed("UPDATE log SET receipted_size = 10000"), "sizes_differ", True),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_open_damaged_file_is_set_aside_and_new_stream_says_so(world: LogWorld, damage: str) -> None:
    stream = fill(world)
    change, reason, size_known = DAMAGE[damage]
    assert world.path is not None
    change(world.path / "events.db")
    opened = world.open()
    assert opened.recovery is not None
    assert opened.recovery.former.reason.startswith(reason)
    assert opened.recovery.former.stream == stream
    assert opened.recovery.set_aside is not None
    assert (opened.recovery.set_aside / "events.db").exists()
    assert opened.recovery.set_aside.name.startswith("log.20261118T110640.000Z.")
    first, second = (parse_event(event) for event in opened.tail)
    assert (first.type, second.type) == ("stream_started", "log_recovered")
    assert first.data["former_stream"] == stream
    assert ("former_size" in first.data) == size_known
    for event in (first, second):
        check_payload(event.type, event.data)
    assert opened.head.stream != stream
    opened.log.append([door(1)])
    opened.log.close()
    assert world.open().recovery is None


@pytest.mark.parametrize(
    "values",
    ["boot = -5", f"boot = {2**60}", "stream = 'x'", f"floor_at_ms = {2**60}", "stream = 'A' || substr(stream, 2)"],
)
def test_open_damaged_file_with_absurd_values_states_only_plausible_ones(world: LogWorld, values: str) -> None:
    stream = fill(world)
    assert world.path is not None
    changed(f"UPDATE log SET {values}")(world.path / "events.db")
    changed("DELETE FROM commits WHERE first = 71")(world.path / "events.db")
    opened = world.open()
    assert opened.recovery is not None
    assert (opened.recovery.former.stream, opened.floor_at_ms) == (stream, 0)
    assert 1 <= opened.head.boot <= 2
    for event in map(parse_event, opened.tail):
        check_payload(event.type, event.data)


def test_open_twice_damaged_at_one_time_sets_both_aside(world: LogWorld) -> None:
    assert world.path is not None
    for _ in range(2):
        fill(world)
        garbage(world.path / "events.db")
    assert world.open().recovery is not None
    assert len(list(world.path.parent.glob("log.2026*"))) == 2


def test_open_folder_gone_starts_stream_that_names_the_former(world: LogWorld) -> None:
    stream = fill(world)
    assert world.path is not None
    world.path.rename(world.path.with_name("elsewhere"))
    opened = world.open()
    assert opened.recovery is not None
    assert (opened.recovery.former.reason, opened.recovery.former.stream) == ("file_missing", stream)


def test_open_emptied_file_starts_stream_that_names_the_former(world: LogWorld) -> None:
    stream = fill(world)
    assert world.path is not None
    (world.path / "events.db").write_bytes(b"")
    opened = world.open()
    assert opened.recovery is not None
    assert (opened.recovery.former.reason, opened.recovery.former.stream) == ("file_missing", stream)
    assert [parse_event(event).type for event in opened.tail] == ["stream_started", "log_recovered"]


def test_open_file_in_the_folders_place_is_set_aside(world: LogWorld) -> None:
    assert world.path is not None
    world.path.write_text("not a folder")
    opened = world.open()
    assert opened.recovery is not None
    assert opened.recovery.former.reason == "not_an_event_log"


def test_open_other_devices_file_is_set_aside(world: LogWorld) -> None:
    fill(world)
    world.owner = Owner("test.fleet", "locker-0002", Ed25519Signer(b"\x08" * 32))
    opened = world.open()
    assert opened.recovery is not None
    assert opened.recovery.former.reason == "other_device"


def test_open_first_start_has_one_event_and_no_recovery(world: LogWorld) -> None:
    opened = world.open()
    assert opened.recovery is None
    (event,) = map(parse_event, opened.tail)
    assert (event.type, event.data, event.clock) == ("stream_started", {"reason": "first_start"}, "floor")


def test_open_newer_schema_is_refused_and_left_alone(world: LogWorld) -> None:
    fill(world)
    assert world.path is not None
    changed("PRAGMA user_version = 2")(world.path / "events.db")
    with pytest.raises(StorageFailed, match="schema version 2"):
        world.open()
    assert list(world.path.parent.glob("log.2026*")) == []


def test_open_second_process_is_refused(world: LogWorld) -> None:
    world.open()
    with pytest.raises(StorageFailed, match="locked"):
        world.open()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_open_unwritable_folder_fails_typed(world: LogWorld) -> None:
    assert world.path is not None
    world.path.parent.chmod(0o500)
    with pytest.raises(StorageFailed):
        world.open()
    world.path.parent.chmod(0o700)


def test_open_path_below_a_file_fails_typed(world: LogWorld) -> None:
    assert world.path is not None
    world.path.with_name("file").write_text("")
    world.path = world.path.with_name("file") / "log"
    with pytest.raises(StorageFailed):
        world.open()


def test_open_large_file_checks_small_tables_and_tail_only(world: LogWorld) -> None:
    fill(world)
    limits = dataclasses.replace(world.opened[0].log._limits, full_check_bytes=0)
    assert world.open(limits).recovery is None


def test_open_flipped_bytes_anywhere_never_crashes_or_serves_wrong_events(world: LogWorld) -> None:
    fill(world)
    assert world.path is not None
    whole = (world.path / "events.db").read_bytes()
    folder = world.path.parent

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(1, 255)), min_size=1, max_size=3))
    def check(flips: list[tuple[int, int]]) -> None:
        content = bytearray(whole)
        for position, mask in flips:
            content[position] ^= mask
        with tempfile.TemporaryDirectory(dir=folder) as place:
            world.path = Path(place) / "log"
            world.path.mkdir()
            (world.path / "events.db").write_bytes(content)
            read_all(world)

    check()


def test_open_any_flipped_byte_of_the_header_is_survived(world: LogWorld) -> None:
    fill(world)
    assert world.path is not None
    whole = (world.path / "events.db").read_bytes()
    for position in range(100):
        for mask in (0x01, 0x7F, 0xFF):
            content = bytearray(whole)
            content[position] ^= mask
            with tempfile.TemporaryDirectory(dir=world.path.parent) as place:
                flipped = dataclasses.replace(world, path=Path(place) / "log")
                assert flipped.path is not None
                flipped.path.mkdir()
                (flipped.path / "events.db").write_bytes(content)
                read_all(flipped)


def read_all(world: LogWorld) -> None:
    try:
        opened = world.open()
    except StorageFailed as error:
        assert error.what.startswith("schema version")
        return
    frontier = opened.head.base
    try:
        while batch := opened.log.read(frontier.size, 500, 65536):
            frontier = world.verify(opened.head.stream, frontier, batch.events, batch.checkpoint)
    except StorageFailed:
        pass
    opened.log.close()
