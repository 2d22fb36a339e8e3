"""Why the database does not do what it should, in words for the user.

Only the driver's own first line is ever quoted: SQLAlchemy's text holds the statement with its values, and that of a
malformed address the address with its password.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import exc

from bridge.errors import HistoryError


class _Known(NamedTuple):
    sign: str
    reason: str
    mend: str
    full: bool = False


_WAIT = "wait: the bridge tries again"

# By the beginning of SQLite's own names for its errors, https://www.sqlite.org/rescode.html
_SQLITE = (
    _Known("SQLITE_FULL", "the disk of the history's database is full", "make room on it", full=True),
    # SQLite reserves the memory that its readers share as a file: it says this where it says FULL of the others.
    _Known("SQLITE_IOERR_SHMSIZE", "the disk of the history's database is full", "make room on it", full=True),
    _Known(
        "SQLITE_BUSY",
        "another program has locked the history's database",
        "end what else has it open: a second bridge, or a database browser",
    ),
    _Known(
        "SQLITE_LOCKED",
        "another part of this program has locked the history's database",
        "restart the bridge if it goes on",
    ),
    _Known(
        "SQLITE_CORRUPT",
        "the history's database is damaged",
        "stop the bridge and move the file and its -wal and -shm away; `sqlite3 FILE .recover` may save what it holds",
    ),
    _Known(
        "SQLITE_NOTADB",
        "the history's file is no SQLite database",
        "see that history.url names the right file, or move that file away",
    ),
    _Known(
        "SQLITE_READONLY",
        "the history's database may only be read",
        "let the bridge's user write the file and its folder",
    ),
    _Known(
        "SQLITE_CANTOPEN",
        "the history's database cannot be opened",
        "see that history.url names a file, and let the bridge's user write its folder",
    ),
    _Known(
        "SQLITE_PERM", "the history's database cannot be opened", "let the bridge's user write the file and its folder"
    ),
    _Known(
        "SQLITE_IOERR", "the disk of the history's database fails", "see to the disk: cards and USB sticks wear out"
    ),
)

# By SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL = (
    _Known("53100", "the disk of the PostgreSQL server is full", "make room on it", full=True),
    _Known("53", "the PostgreSQL server has no room for another connection", "raise its max_connections"),
    _Known("28", "PostgreSQL refuses the user or the password", "see to the user and the password in history.url"),
    _Known("3D000", "there is no such database", "create it, or see to the name in history.url"),
    _Known("42501", "the PostgreSQL user may not do that", "make it the owner of its database"),
    _Known("25006", "the PostgreSQL server may only be read", "name the primary server in history.url"),
    _Known("57", "the PostgreSQL server stops or starts", _WAIT),
    _Known("08", "the connection to PostgreSQL was lost", _WAIT),
    _Known("55P03", "another program has locked the history's tables", "end what else works on them"),
    _Known("40", "another program works on the same events", _WAIT),
)

# A connection that never came about has no SQLSTATE, only the words of libpq.
_NO_CONNECTION = (
    _Known(
        "password authentication failed",
        "PostgreSQL refuses the user or the password",
        "see to the user and the password in history.url",
    ),
    _Known("no password supplied", "PostgreSQL asks for a password", "add it to history.url"),
    _Known(
        "no pg_hba.conf entry", "PostgreSQL lets nobody in from this machine", "allow it in the server's pg_hba.conf"
    ),
    _Known("does not exist", "there is no such database or user", "create it, or see to the names in history.url"),
    _Known("starting up", "the PostgreSQL server is starting", _WAIT),
    _Known("shutting down", "the PostgreSQL server is stopping", _WAIT),
    _Known("too many", "the PostgreSQL server has no room for another connection", "raise its max_connections"),
    _Known(
        "onnection refused",
        "no PostgreSQL server listens there",
        "start it, or see to the host and the port in history.url",
    ),
    _Known(
        "no such file", "no PostgreSQL server listens there", "start it, or see to the host and the port in history.url"
    ),
    _Known("resolve", "the PostgreSQL server's name is not known", "see to the host in history.url"),
    _Known("not known", "the PostgreSQL server's name is not known", "see to the host in history.url"),
    _Known("closed the connection", "the connection to PostgreSQL was lost", _WAIT),
    _Known("connection is lost", "the connection to PostgreSQL was lost", _WAIT),
    _Known("connection is closed", "the connection to PostgreSQL was lost", _WAIT),
    _Known("timeout", "the PostgreSQL server does not answer", "see to the host in history.url and to the network"),
)


def explain(error: exc.SQLAlchemyError) -> HistoryError:
    """What happened and what helps, in one line each, without the address and without any value."""
    if isinstance(error, exc.TimeoutError):
        return HistoryError("too many ask for the history at once", "try again in a moment")
    if not isinstance(error, exc.DBAPIError) or error.orig is None:
        reason = f"the history's database cannot be used: {type(error).__name__}"
        return HistoryError(reason, "please report it, with the log")
    said = _first_line(error.orig)
    known = _known(error.orig, said)
    if known is None:
        return HistoryError(f"the history's database fails: {said}", "report it if it goes on: the bridge tries again")
    return HistoryError(f"{known.reason} ({said})", known.mend, full=known.full)


def _known(error: BaseException, said: str) -> _Known | None:
    name = getattr(error, "sqlite_errorname", None)
    if name is not None:
        return next((known for known in _SQLITE if name.startswith(known.sign)), None)
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return next((known for known in _POSTGRESQL if state.startswith(known.sign)), None)
    words = said.lower()
    return next((known for known in _NO_CONNECTION if known.sign in words), None)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
