"""A PostgreSQL server of the tests' own, from Debian's packages, and an empty database in it for each test."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.history.store import EventStore

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "open-sesame"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",  # nothing here outlives the machine
    "full_page_writes": "off",
}


class Postgres:
    """A real PostgreSQL server on a free port of 127.0.0.1; user ``postgres``, password ``PASSWORD``.

    It refuses to be run by root, so root runs it as the user ``postgres`` that came with the package.

    Args:
        programs: where ``initdb`` and ``pg_ctl`` are.
        folder: for its data, log and socket; short, because the path of a socket holds 107 characters.
    """

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self.port = _free_port()
        self._as_user: list[str] = []
        if os.geteuid() == 0:
            self._as_user = ["runuser", "-u", "postgres", "--"]
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
        password = folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        authentication = ["--auth=scram-sha-256", f"--pwfile={password}"]
        self._call("initdb", "--username=postgres", "--encoding=UTF8", "--no-sync", *authentication)

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
        options = f"-p {self.port} -k {self._folder} {settings}"
        self._call("pg_ctl", "--wait", "--timeout=30", f"--log={self._folder}/log", f"--options={options}", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: ``fast`` ends all connections, ``immediate`` is as good as a crash."""
        self._call("pg_ctl", "--wait", f"--mode={mode}", "stop")

    def _call(self, program: str, *arguments: str) -> None:
        command = [*self._as_user, str(self._programs / program), "-D", f"{self._folder}/data", *arguments]
        # The output goes to a file: the server keeps it, and a pipe would never end.
        with (self._folder / f"{program}.txt").open("w") as output:
            done = subprocess.run(command, stdout=output, stderr=output, cwd=self._folder, check=False)
        if done.returncode:
            pytest.fail(f"{program} failed: {(self._folder / f'{program}.txt').read_text()}")

    def url(self, database: str = "postgres", password: str = PASSWORD) -> str:
        """The address of one of its databases."""
        return f"postgresql://postgres:{password}@127.0.0.1:{self.port}/{database}"

    def make_database(self) -> str:
        """A new, empty database; its address."""
        import psycopg

        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running server, the same for all tests."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'espcam-bridge[postgres]'")
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        pytest.skip("PostgreSQL is not installed: sudo apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="espcam-pg-"))
    try:
        server = Postgres(programs[-1].parent, folder)
        server.start()
        yield server
        server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def url(postgres: Postgres) -> str:
    """The address of an empty database."""
    return postgres.make_database()


@pytest.fixture
def store(url: str) -> Iterator[EventStore]:
    """An open, empty history in PostgreSQL."""
    store = EventStore(url)
    store.open()
    yield store
    store.close()
