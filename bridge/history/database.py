"""Makes the engine: which database an address means, and how each connection to it is set up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Engine, create_engine, event, exc, make_url

from bridge.errors import HistoryError

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

# How long a writer or a reader waits for another program's lock. The bridge's own parts hardly wait for each other:
# with a write-ahead log readers and the writer do not meet.
_PATIENCE_S = 5
_SQLITE = "sqlite"
_POSTGRESQL = "postgresql"
# Each keeps 4 MB of pages at most; those for all that the web's threads ask at the same time come and go.
_KEPT_CONNECTIONS = 3
_MORE_CONNECTIONS = 13


def engine_for(url: str) -> Engine:
    """An engine for the history; it connects when it is first used.

    Args:
        url: ``sqlite:///FILE`` or ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``.

    Raises:
        HistoryError: this address means no database that can keep a history, or its driver is not installed.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == _SQLITE:
        return _sqlite(parsed)
    return _postgresql(parsed)


def file_of(url: str) -> Path | None:
    """Where the database is; None when it is not on this machine's disk.

    Raises:
        HistoryError: this address means no database that can keep a history.
    """
    parsed = _parse(url)
    return Path(str(parsed.database)) if parsed.get_backend_name() == _SQLITE else None


def _parse(url: str) -> URL:
    mend = "give history.url as sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):  # ValueError: a port that is no number
        # The cause is left out: its text may hold the password.
        raise HistoryError("history.url is no database address", mend) from None
    kind = parsed.drivername.partition("+")[0]
    if kind not in {_SQLITE, _POSTGRESQL, "postgres"}:
        raise HistoryError(f"the history cannot be kept in {kind}", mend)
    if kind != _SQLITE:
        # Whatever driver the address names: this is the one that comes with the bridge.
        return parsed.set(drivername="postgresql+psycopg")
    if not parsed.database or parsed.database.startswith(("file:", ":memory:")):
        raise HistoryError("history.url names no file; a history in memory would be lost when the bridge ends", mend)
    return parsed.set(drivername="sqlite+pysqlite")


def _sqlite(url: URL) -> Engine:
    engine = create_engine(
        url,
        pool_size=_KEPT_CONNECTIONS,
        max_overflow=_MORE_CONNECTIONS,
        pool_use_lifo=True,  # the one whose pages were used last
        hide_parameters=True,
        connect_args={"timeout": _PATIENCE_S},
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    # Readers and the writer do not wait for each other, and a commit is one append to a file.
    cursor.execute("PRAGMA journal_mode=WAL")
    # A process that is killed loses nothing: what is committed is with the operating system. A power cut may lose the
    # last moments, but damages nothing. FULL would wait for the disk at each commit: 10 to 100 ms on an SD card.
    cursor.execute("PRAGMA synchronous=NORMAL")
    # The log is emptied at 1 MB instead of 4: on a disk that got full it then has all the room that it will need.
    cursor.execute("PRAGMA wal_autocheckpoint=256")
    # In KiB. Deleting 50 events changes some 400 pages of 4 KiB; SQLite's usual 2 MB were too few to hold them.
    cursor.execute("PRAGMA cache_size=-4000")
    cursor.close()


def _begin(connection: Any) -> None:  # noqa: ANN401 - SQLAlchemy's Connection; the listener's type is not checked
    # Python's sqlite3 begins a transaction by itself, but not before DDL: half a migration could stay.
    connection.exec_driver_sql("BEGIN")


def _postgresql(url: URL) -> Engine:
    try:
        return create_engine(
            url,
            pool_size=_KEPT_CONNECTIONS,
            max_overflow=_MORE_CONNECTIONS,
            pool_pre_ping=True,  # after the server's restart the connections are dead, and nobody else would tell
            hide_parameters=True,
            connect_args={"connect_timeout": _PATIENCE_S, "application_name": "espcam-bridge"},
        )
    except ModuleNotFoundError:
        raise HistoryError(
            "the driver for PostgreSQL, psycopg, is not installed", "run: pip install 'espcam-bridge[postgres]'"
        ) from None
