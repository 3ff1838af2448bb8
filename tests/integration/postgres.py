"""A private PostgreSQL cluster for one test run: own folder, own socket, fsync on, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOTS = ("/usr/lib/postgresql", "/usr/local/pgsql")


def find_postgres() -> Path | None:
    """The folder of the newest server's programs, or None."""
    found = [path.parent for root in _ROOTS for path in Path(root).glob("**/bin/initdb")]
    if not found and (on_path := shutil.which("initdb")):
        found = [Path(on_path).parent]
    return max(found, key=str, default=None)


@contextmanager
def private_cluster() -> Iterator[str]:
    """Yield the URL of a fresh database `bridge`; the server listens on a socket in its own folder only."""
    programs = find_postgres()
    if programs is None:
        raise FileNotFoundError("no PostgreSQL server: install the package postgresql")
    folder = Path(tempfile.mkdtemp(prefix="parcelworks-pg-"))
    user = _server_user()
    shutil.chown(folder, user)
    data, log = folder / "data", folder / "log"
    try:
        _run(user, [programs / "initdb", "-D", data, "-A", "trust", "-U", "bridge", "-E", "UTF8", "--no-locale"])
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=on -c synchronous_commit=on"
        _run(user, [programs / "pg_ctl", "-D", data, "-l", log, "-w", "-t", "60", "-o", options, "start"])
        try:
            _run(user, [programs / "createdb", "-h", folder, "-U", "bridge", "bridge"])
            yield f"postgresql://bridge@/bridge?host={folder}"
        finally:
            _run(user, [programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _server_user() -> str:
    """The server refuses to run as root; then it runs as its package's user."""
    return "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def _run(user: str, command: list[object]) -> None:
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = ["setpriv", "--reuid", user, "--regid", user, "--init-groups", *words]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, cwd="/")
