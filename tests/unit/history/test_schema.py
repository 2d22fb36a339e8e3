from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import bridge.history.migrations
from bridge.errors import HistoryError
from bridge.history.database import engine_for
from bridge.history.schema import HEAD, upgrade, version_of
from bridge.history.tables import metadata
from bridge.model import Event, EventQuery, Letter

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.history.store import EventStore

_EVENT = Event("1795564800000-00000a", "door", "person", 0.7, 0.9, (0.0, 0.0, 1.0, 1.0), 1, None, 1, 0)

_NEXT = """
from alembic import op
import sqlalchemy as sa

revision = "{revision}"
down_revision = "{down_revision}"

def upgrade():
    op.add_column("events", sa.Column("{column}", sa.Text, server_default="unknown", nullable=False))
    {then}
"""


def _next_version(folder: Path, column: str = "weather", then: str = "") -> Path:
    text = _NEXT.format(revision="9998", down_revision=HEAD, column=column, then=then)
    (folder / "v9998_weather.py").write_text(text)
    return folder


def _statements(file: Path) -> set[str]:
    with sqlite3.connect(file) as connection:
        rows = connection.execute("SELECT sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND sql IS NOT NULL")
        found = {" ".join(sql.split()) for (sql,) in rows}
    connection.close()
    return found


def test_the_newest_migration_is_the_version_that_the_program_works_with() -> None:
    folder = bridge.history.migrations.__path__[0]
    assert ScriptDirectory(folder).get_heads() == [HEAD]


def test_the_migrations_make_the_tables_as_they_are_written_down(store: EventStore, url: str, tmp_path: Path) -> None:
    store.close()
    engine = engine_for(url)
    with engine.connect() as connection:
        assert version_of(connection) == HEAD
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()
    directly = create_engine(f"sqlite:///{tmp_path}/direct.db")
    metadata.create_all(directly)
    directly.dispose()
    made = _statements(tmp_path / "history.db")
    assert made == _statements(tmp_path / "direct.db")
    assert len(made) == 3 + 9 + 1, "tables, indexes, and the counter of letters"


def test_an_update_changes_the_tables_and_keeps_what_they_hold(
    store: EventStore, url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (number,) = store.record(_EVENT, [Letter(0, "door", _EVENT.id, "topic", b"text")])
    store.close()
    engine = engine_for(url)
    with caplog.at_level(logging.INFO):
        upgrade(engine, "9998", [_next_version(tmp_path)])
    assert [record.getMessage() for record in caplog.records] == [
        f"the history's database is now of version 9998 (it was {HEAD})"
    ]
    with engine.connect() as connection:
        assert version_of(connection) == "9998"
        told = connection.exec_driver_sql("SELECT id, weather, number FROM events JOIN letters ON id = event_id").one()
        assert tuple(told) == (_EVENT.id, "unknown", number)
    upgrade(engine, "9998", [tmp_path])
    engine.dispose()


def test_an_update_that_fails_leaves_everything_as_it_was(store: EventStore, url: str, tmp_path: Path) -> None:
    store.record(_EVENT)
    store.close()
    before = _statements(tmp_path / "history.db")
    engine = engine_for(url)
    with pytest.raises(ZeroDivisionError):
        upgrade(engine, "9998", [_next_version(tmp_path, then="1 / 0")])
    engine.dispose()
    assert _statements(tmp_path / "history.db") == before
    store.open()
    assert store.open_events() == [_EVENT]


def test_a_database_of_a_newer_bridge_is_refused_and_left_alone(store: EventStore, tmp_path: Path) -> None:
    store.record(_EVENT)
    store.close()
    with sqlite3.connect(tmp_path / "history.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(HistoryError, match="a newer espcam-bridge made") as caught:
        store.open()
    assert "update the bridge" in caught.value.mend
    with pytest.raises(HistoryError, match="not open"):
        store.page(EventQuery())
    with sqlite3.connect(tmp_path / "history.db") as connection:
        assert connection.execute("SELECT version_num, id FROM alembic_version, events").fetchone() == (
            "9999",
            _EVENT.id,
        )
    connection.close()


def test_a_folder_with_a_percent_sign_is_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "100%d"
    folder.mkdir()
    engine = engine_for(f"sqlite:///{folder}/history.db")
    upgrade(engine, "9998", [_next_version(folder)])
    with engine.connect() as connection:
        assert version_of(connection) == "9998"
    engine.dispose()


def test_alembic_is_loaded_only_when_the_schema_changes(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from bridge.history.store import EventStore\n"
        f"EventStore('sqlite:///{tmp_path}/history.db').open()\n"
        "print('alembic' in sys.modules)\n"
    )
    told = [
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.strip()
        for _ in range(2)
    ]
    assert told == ["True", "False"]
