"""SQLite on the modelled disk: an apsw VFS, and the connection that makes apsw look like the standard library."""

from __future__ import annotations

import random
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apsw

from tests.powercut.disk import Disk, DiskFile, PowerIsOff

VFS_NAME = "powercut"
_PLAIN = {apsw.IOError: sqlite3.SQLITE_IOERR, apsw.CantOpenError: sqlite3.SQLITE_CANTOPEN}


class Quiet:
    """Errors that SQLite cannot pass on, while it closes a file on a dead disk, are part of the plan."""

    def excepthook(self, kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if not isinstance(error, (apsw.IOError, apsw.CantOpenError)):
            sys.__excepthook__(kind, error, trace)


class PowercutFile(Quiet, apsw.VFSFile):
    """One open file; when the power is off every call fails with an I/O error."""

    def __init__(self, disk: Disk, file: DiskFile) -> None:
        self._disk = disk
        self._file = file

    def xRead(self, amount: int, offset: int) -> bytes:
        self._alive()
        return bytes(self._file.content[offset : offset + amount])

    def xWrite(self, data: Any, offset: int) -> None:
        self._step()
        self._file.write(bytes(data), offset)

    def xTruncate(self, size: int) -> None:
        self._step()
        self._file.truncate(size)

    def xSync(self, flags: int) -> None:
        _failing(lambda: self._disk.sync(self._file))

    def xFileSize(self) -> int:
        self._alive()
        return len(self._file.content)

    def xClose(self) -> None:
        return None

    def xLock(self, level: int) -> None:
        return None

    def xUnlock(self, level: int) -> None:
        return None

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, op: int, ptr: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return 4096

    def xDeviceCharacteristics(self) -> int:
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE

    def _alive(self) -> None:
        _failing(self._disk.check)

    def _step(self) -> None:
        _failing(self._disk.step)


class PowercutVFS(Quiet, apsw.VFS):
    """Registered once; `disk` is the disk in the machine now. Salts are drawn from `chance`, so runs repeat."""

    def __init__(self) -> None:
        self.disk = Disk(0)
        self.chance = random.Random(0)
        super().__init__(VFS_NAME, base="")

    def xOpen(self, name: Any, flags: list[int]) -> PowercutFile:
        if name is None:
            return PowercutFile(self.disk, DiskFile())
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        create = bool(flags[0] & apsw.SQLITE_OPEN_CREATE)
        flags[1] = flags[0]
        try:
            return PowercutFile(self.disk, self.disk.open(path, create=create))
        except (FileNotFoundError, PowerIsOff) as error:
            raise apsw.CantOpenError(str(error)) from error

    def xAccess(self, pathname: str, flags: int) -> bool:
        return pathname in self.disk.files

    def xDelete(self, filename: str, syncdir: bool) -> None:
        if filename in self.disk.files:
            _failing(lambda: self.disk.delete(filename, synced=bool(syncdir)))

    def xFullPathname(self, name: str) -> str:
        return name

    def xRandomness(self, numbytes: int) -> bytes:
        return self.chance.randbytes(numbytes)


def _failing(call: Any) -> None:
    try:
        call()
    except PowerIsOff:
        raise apsw.IOError("the power is off") from None


class Rows:
    """An apsw cursor with the standard library's errors."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def fetchone(self) -> Any:
        return _translated(self._cursor.fetchone)

    def fetchall(self) -> list[Any]:
        return list(_translated(self._cursor.fetchall))

    def __iter__(self) -> Iterator[Any]:
        return iter(self.fetchall())


class PowercutConnection:
    """`edge.storage.connection.Connection` over apsw; `unsafe` turns every synchronous=FULL into NORMAL."""

    def __init__(self, file: str, *, unsafe: bool) -> None:
        self._unsafe = unsafe
        self._connection = _translated(lambda: apsw.Connection(file, vfs=VFS_NAME))

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Rows:
        if self._unsafe and sql == "PRAGMA synchronous = FULL":
            sql = "PRAGMA synchronous = NORMAL"
        return Rows(_translated(lambda: self._connection.execute(sql, parameters)))

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> Rows:
        return Rows(_translated(lambda: self._connection.executemany(sql, rows)))

    def close(self) -> None:
        _translated(lambda: self._connection.close(True))


def _translated(call: Any) -> Any:
    try:
        return call()
    except apsw.Error as error:
        kind = sqlite3.DatabaseError if isinstance(error, apsw.CorruptError) else sqlite3.OperationalError
        translated = kind(str(error))
        translated.sqlite_errorcode = getattr(error, "extendedresult", None) or _PLAIN[type(error)]
        raise translated from error
