from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.dialects import sqlite

from bridge.errors import HistoryError
from bridge.history.database import engine_for, file_of
from bridge.history.query import conditions_of
from bridge.history.statements import count_of, ended, page_of
from bridge.history.store import EventStore
from bridge.history.tables import with_pictures
from bridge.model import EventQuery

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Select


def test_each_connection_keeps_a_log_and_waits_for_locks_but_not_for_the_disk(store: EventStore, url: str) -> None:
    engine = engine_for(url)
    with engine.connect() as connection:
        told = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout")
        ]
    engine.dispose()
    store.close()
    assert told == ["wal", 1, 5000]


def test_folders_on_the_way_to_the_file_are_made(tmp_path: Path) -> None:
    store = EventStore(f"sqlite:///{tmp_path}/a/b/history.db")
    store.open()
    store.close()
    assert (tmp_path / "a/b/history.db").is_file()


def test_the_file_is_known_where_there_is_one() -> None:
    assert str(file_of("sqlite:///espcam-bridge.db")) == "espcam-bridge.db"
    assert str(file_of("sqlite:////data/espcam-bridge.db")) == "/data/espcam-bridge.db"
    assert file_of("postgresql://me:secret@host/history") is None


@pytest.mark.parametrize("url", ["postgres://me@host/x", "postgresql://me@host/x", "postgresql+psycopg2://me@host/x"])
def test_every_address_of_postgresql_means_the_driver_that_comes_with_the_bridge(url: str) -> None:
    pytest.importorskip("psycopg")
    assert engine_for(url).url.drivername == "postgresql+psycopg"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://me:s3cret@host/x", "cannot be kept in mysql"),
        ("me:s3cret@host/x", "no database address"),
        ("postgresql://me:s3cret@host:port/x", "no database address"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite:///file:s3cret?mode=memory&uri=true", "in memory"),
    ],
)
def test_an_address_that_keeps_nothing_is_refused_without_showing_it(url: str, reason: str) -> None:
    with pytest.raises(HistoryError, match=reason) as caught:
        EventStore(url).open()
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert "sqlite:///FILE" in caught.value.mend


def _plan(store: EventStore, tmp_path: Path, statement: Select[tuple[object, ...]]) -> str:
    sql = str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    store.open()
    with sqlite3.connect(tmp_path / "history.db") as connection:
        plan = "\n".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}"))
    connection.close()
    return plan


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ("", "events USING PRIMARY KEY"),
        ("camera", "events USING INDEX events_of_camera ("),
        ("label", "events USING INDEX events_of_label ("),
        ("camera label", "events USING INDEX events_of_camera_and_label ("),
        ("zone", "event_zones USING COVERING INDEX events_in_zone ("),
        ("zone camera", "event_zones USING COVERING INDEX events_in_zone_of_camera ("),
        ("zone label", "event_zones USING COVERING INDEX events_in_zone_of_label ("),
        ("zone camera label", "event_zones USING COVERING INDEX events_in_zone_of_camera_and_label ("),
    ],
)
@pytest.mark.parametrize("since", [None, 1.0])
@pytest.mark.parametrize("until", [None, 2.0])
def test_every_question_is_a_walk_along_an_index_of_its_own(
    store: EventStore, tmp_path: Path, asked: str, index: str, since: float | None, until: float | None
) -> None:
    query = EventQuery(
        camera_id="door" if "camera" in asked else None,
        label="person" if "label" in asked else None,
        zone="porch" if "zone" in asked else None,
        since_unix_s=since,
        until_unix_s=until,
    )
    conditions = conditions_of(query)
    plan = _plan(store, tmp_path, page_of(conditions, 51))
    if asked or since or until:
        assert f"SEARCH {index}" in plan
        assert "SCAN" not in plan
    if "zone" not in asked:  # of zones the 50 rows of a page are sorted, which costs nothing
        assert "TEMP B-TREE" not in plan
    if asked:
        counted = _plan(store, tmp_path, count_of(conditions))
        assert index.rpartition(" ")[0].rpartition(" ")[2] in counted


def test_the_oldest_pictures_are_found_without_looking_at_events_that_have_none(
    store: EventStore, tmp_path: Path
) -> None:
    assert "USING INDEX events_with_pictures" in _plan(store, tmp_path, ended(100).where(with_pictures))
