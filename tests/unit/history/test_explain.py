"""Errors as the drivers really raise them, in words for the user."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import exc
from sqlalchemy.pool import Pool

from bridge.errors import HistoryError
from bridge.history.explain import explain
from bridge.history.store import EventStore
from bridge.model import Event, EventQuery, Letter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_SECRET = "nobody's business"


def _event(number: int = 0) -> Event:
    return Event(f"{1_795_564_800_000 + number}-00000a", "door", _SECRET, 0.7, 0.9, (0.0, 0.0, 1.0, 1.0), 1, None, 1, 0)


@pytest.fixture
def on_connect() -> Iterator[Callable[[str], None]]:
    """Have every new connection begin with this statement."""
    begun: list[Callable[..., None]] = []

    def add(statement: str) -> None:
        def begin(connection: sqlite3.Connection, _record: object) -> None:
            connection.execute(statement).close()

        sqlalchemy_event.listen(Pool, "connect", begin)
        begun.append(begin)

    yield add
    for begin in begun:
        sqlalchemy_event.remove(Pool, "connect", begin)


def _failure(store: EventStore, number: int) -> HistoryError | None:
    try:
        store.record(_event(number), [Letter(0, "door", _event(number).id, "topic", bytes(1000))])
    except HistoryError as error:
        return error
    return None


def test_no_more_pages_are_a_full_disk_and_what_was_written_stays(url: str, on_connect: Callable[[str], None]) -> None:
    on_connect("PRAGMA max_page_count = 40")
    store = EventStore(url)
    store.open()
    recorded = 0
    while (error := _failure(store, recorded)) is None:
        recorded += 1
    assert error.full
    assert "make room" in error.mend
    assert _SECRET not in f"{error} {error.__cause__}"
    assert 0 < recorded == store.count(EventQuery()) == store.count_waiting()
    store.delivered([letter.number for letter in store.waiting()])
    store.record(_event(recorded))  # there is room again
    store.close()


def test_what_is_written_is_never_shown(store: EventStore) -> None:
    nobody: Any = None
    with pytest.raises(HistoryError, match="NOT NULL constraint failed") as caught:
        store.record(replace(_event(), camera_id=nobody))
    assert _SECRET not in f"{caught.value} {caught.value.__cause__}"


def test_a_database_that_another_program_has_locked(
    store: EventStore, url: str, tmp_path: Path, on_connect: Callable[[str], None]
) -> None:
    store.close()
    on_connect("PRAGMA busy_timeout = 0")
    store = EventStore(url)
    store.open()
    other = sqlite3.connect(tmp_path / "history.db")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(HistoryError, match="another program has locked") as caught:
        store.record(_event())
    assert not caught.value.full
    other.close()
    store.record(_event())
    store.close()


def test_a_database_that_may_only_be_read(store: EventStore, url: str, on_connect: Callable[[str], None]) -> None:
    store.close()
    on_connect("PRAGMA query_only = 1")
    store = EventStore(url)
    store.open()
    with pytest.raises(HistoryError, match="may only be read"):
        store.record(_event())
    assert store.page(EventQuery()).events == ()
    store.close()


def test_a_file_that_is_no_database(url: str, tmp_path: Path) -> None:
    (tmp_path / "history.db").write_text("a shopping list " * 100)
    with pytest.raises(HistoryError, match="no SQLite database"):
        EventStore(url).open()


def test_a_database_that_is_damaged(store: EventStore, url: str, tmp_path: Path) -> None:
    for number in range(200):
        store.record(_event(number))
    store.close()
    file = tmp_path / "history.db"
    content = file.read_bytes()
    file.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))
    with pytest.raises(HistoryError, match="damaged") as caught:
        _read_all(url)
    assert "recover" in caught.value.mend


def _read_all(url: str) -> None:
    store = EventStore(url)
    try:
        store.open()
        store.page(EventQuery())
    finally:
        store.close()


def test_a_path_that_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="cannot be opened"):
        EventStore(f"sqlite:///{tmp_path}").open()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HistoryError, match=r"the folder .*file/folder for the history's database"):
        EventStore(f"sqlite:///{tmp_path}/file/folder/history.db").open()


def test_an_open_that_failed_may_be_tried_again(url: str, tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    file.write_text("a shopping list " * 100)
    store = EventStore(url)
    with pytest.raises(HistoryError):
        store.open()
    file.unlink()
    store.open()
    store.record(_event())
    store.close()


class _Said(Exception):
    """An error of a PostgreSQL driver: its words and, from the server, its SQLSTATE."""

    def __init__(self, words: str, sqlstate: str | None = None) -> None:
        super().__init__(words)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("error", "reason", "full"),
    [
        (_Said("could not extend file: No space left on device\nHINT:  Check free disk space.", "53100"), "full", True),
        (_Said("sorry, too many clients already", "53300"), "no room for another connection", False),
        (_Said("terminating connection due to administrator command", "57P01"), "stops or starts", False),
        (_Said("cannot execute INSERT in a read-only transaction", "25006"), "may only be read", False),
        (_Said("permission denied for schema public", "42501"), "may not do that", False),
        (_Said("connection failed: ... Connection refused\n\tIs the server running?"), "no PostgreSQL server", False),
        (_Said('FATAL:  password authentication failed for user "me"'), "refuses the user or the password", False),
        (_Said('FATAL:  database "x" does not exist'), "no such database or user", False),
        (_Said("failed to resolve host 'nowhere': Name or service not known"), "name is not known", False),
        (_Said("connection timeout expired"), "does not answer", False),
        (_Said("server closed the connection unexpectedly"), "connection to PostgreSQL was lost", False),
        (_Said("the database system is starting up"), "is starting", False),
        (_Said("something new"), "fails: something new", False),
        (_Said(""), "fails: _Said", False),
    ],
)
def test_what_postgresql_says(error: Exception, reason: str, full: bool) -> None:
    explained = explain(exc.OperationalError(f"INSERT {_SECRET}", {"label": _SECRET}, error))
    assert reason in explained.reason
    assert explained.full is full
    assert explained.mend
    assert "\n" not in str(explained)
    assert _SECRET not in str(explained)


def test_what_is_no_drivers_error_is_told_without_its_text() -> None:
    explained = explain(exc.InvalidRequestError(_SECRET))
    assert "InvalidRequestError" in explained.reason
    assert _SECRET not in str(explained)
    assert "too many" in explain(exc.TimeoutError(_SECRET)).reason
