"""Space runs out: doors stay closed, alarms still get written, and the log goes on by itself afterwards."""

from __future__ import annotations

import dataclasses
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import StorageFull
from edge.storage.ballast import Ballast
from edge.storage.event_store import EventStore
from edge.storage.limits import LogLimits
from tests.log_world import SMALL, T0_MS, LogWorld, alarm, custody, door

ROOT = Path(__file__).resolve().parents[4]
PAGE_LIMITED = dataclasses.replace(SMALL, max_file_bytes=40 * 1024, trim_above_bytes=40 * 1024, reserve_bytes=8 * 1024)
DISK_BYTES = 8 * 1024 * 1024
DISK_LIMITED = LogLimits(ballast_bytes=1024 * 1024, wal_pages=64, wal_limit_bytes=128 * 1024)


def fill_until_full(log: EventStore) -> int:
    """Append until the log refuses; the size that it had reached."""
    with pytest.raises(StorageFull):
        for no in range(1, 200_000):
            log.append([door(no % 9999 + 1), custody(no % 9999 + 1)] * 20, snapshot=b"state")
    return log.head().size


def test_append_over_page_limit_writes_nothing_then_alarms_use_the_reserve(world: LogWorld) -> None:
    log = world.open(PAGE_LIMITED).log
    size, before = fill_until_full(log), log.head()
    with pytest.raises(StorageFull):
        log.append([alarm(), *[custody(1)] * 150])
    assert log.head() == before
    assert log.append([alarm()]).size == size + 1
    with pytest.raises(StorageFull):
        log.append([custody(1)] * 150)
    log.close()
    again = world.open(PAGE_LIMITED)
    assert (again.recovery, again.head.size) == (None, size + 1)


def test_append_after_receipt_and_trim_goes_on_by_itself(world: LogWorld) -> None:
    log = world.open(PAGE_LIMITED).log
    size = fill_until_full(log)
    log.store_receipt(b"r", size)
    while log.trim(T0_MS + 10**12):
        pass
    assert log.append([door(1)]).size == size + 1
    log.close()
    assert world.open(PAGE_LIMITED).recovery is None


def test_append_over_a_size_limit_of_the_system_is_refused_as_full_and_goes_on_by_itself(world: LogWorld) -> None:
    """SQLite calls it an I/O error; taken for one, the log would stay shut until a restart."""
    log = world.open(DISK_LIMITED).log
    size = log.append([door(1)]).size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        with pytest.raises(StorageFull):
            log.append([custody(1)])
        with pytest.raises(StorageFull):
            log.append([alarm()])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert log.append([door(2)]).size == size + 1
    log.close()
    assert world.open(DISK_LIMITED).recovery is None


def test_reserve_used_up_refuses_alarms_too(world: LogWorld) -> None:
    log = world.open(PAGE_LIMITED).log
    fill_until_full(log)
    with pytest.raises(StorageFull):
        for _ in range(1000):
            log.append([alarm()])
    size = log.head().size
    log.close()
    assert world.open(PAGE_LIMITED).head.size == size


def occupy(filler: Path) -> None:
    """Take all the space that is left."""
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(bytes(4096))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 8 MB, if this machine lets us mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_disk_full_fails_closed_ballast_takes_the_alarm_and_space_heals(small_disk: Path) -> None:
    world = LogWorld(small_disk / "log")
    log = world.open(DISK_LIMITED).log
    ballast, filler = small_disk / "log.ballast", small_disk / "filler"
    assert ballast.stat().st_size == DISK_LIMITED.ballast_bytes
    occupy(filler)
    size = fill_until_full(log)
    assert log.append([alarm()]).size == size + 1
    assert not ballast.exists()
    filler.unlink()
    for no in range(1, 200):
        log.append([door(no)])
    assert ballast.stat().st_size == DISK_LIMITED.ballast_bytes
    log.close()
    again = world.open(DISK_LIMITED)
    assert (again.recovery, again.head.size) == (None, size + 200)
    again.log.close()


def test_open_on_a_full_disk_comes_up_to_raise_its_alarm(small_disk: Path) -> None:
    world = LogWorld(small_disk / "log")
    log = world.open(DISK_LIMITED).log
    log.append([door(1)], snapshot=b"state")
    log.close()
    occupy(small_disk / "filler")
    opened = world.open(DISK_LIMITED)
    assert (opened.recovery, opened.head.boot, opened.snapshot) == (None, 2, b"state")
    assert opened.log.append([alarm()]).size == 3
    assert not (small_disk / "log.ballast").exists()
    opened.log.close()


def test_write_error_is_final_until_the_log_is_opened_again(tmp_path: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-c", LIMITED_CHILD, str(tmp_path / "log")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    reported = [line.split() for line in child.stdout.splitlines()]
    assert [line[0] for line in reported] == ["StorageFailed", "StorageFailed", "held"]
    opened = LogWorld(tmp_path / "log").open(LogLimits(ballast_bytes=0))
    assert opened.recovery is None
    assert opened.head.size >= int(reported[-1][1])
    opened.log.close()


LIMITED_CHILD = """
import resource, signal, sys
from pathlib import Path
from edge.errors import EdgeError
from edge.storage.limits import LogLimits
from tests.log_world import LogWorld, door
log = LogWorld(Path(sys.argv[1])).open(LogLimits(ballast_bytes=0)).log
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
for attempt in range(2):
    try:
        while True:
            log.append([door(1)] * 50)
    except EdgeError as error:
        print(type(error).__name__)
print("held", log.head().size)
"""


def test_ballast_little_space_is_not_taken_again(tmp_path: Path) -> None:
    path = tmp_path / "ballast"
    greedy = Ballast(path, 1 << 60)
    assert not greedy.restore()
    assert not path.exists()
    assert not greedy.release()


def test_ballast_released_space_is_retaken_only_after_a_while(tmp_path: Path) -> None:
    path = tmp_path / "ballast"
    ballast = Ballast(path, 4096)
    assert ballast.restore()
    assert ballast.release()
    tries = [ballast.restore() for _ in range(70)]
    assert (tries[0], tries.count(True), path.stat().st_size) == (False, 1, 4096)
