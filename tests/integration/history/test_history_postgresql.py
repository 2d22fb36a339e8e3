"""A real PostgreSQL keeps every promise that ``tests/unit/history/test_store.py`` checks on SQLite, and some more."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bridge.errors import HistoryError
from bridge.history.database import engine_for
from bridge.history.schema import HEAD, upgrade, version_of
from bridge.history.store import EventStore
from bridge.history.tables import metadata
from bridge.model import Event, EventQuery, Letter

if TYPE_CHECKING:
    from tests.integration.history.conftest import Postgres

pytestmark = pytest.mark.integration

_EVENT = Event("1795564800000-00000a", "door", "person", 0.7, 0.9, (0.0, 0.0, 1.0, 1.0), 1, None, 1, 0)
_SECRET = "open-sesame"


def _promises() -> dict[str, Any]:
    """The tests of the store, which get their ``store`` and ``url`` from this folder's fixtures here."""
    file = Path(__file__).parents[2] / "unit/history/test_store.py"
    spec = importlib.util.spec_from_file_location("promises_of_the_store", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: value for name, value in vars(module).items() if name.startswith("test_")}


globals().update(_promises())


def test_the_migrations_make_the_tables_as_they_are_written_down(url: str, store: EventStore) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    store.close()
    engine = engine_for(url)
    with engine.connect() as connection:
        assert version_of(connection) == HEAD
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        made = connection.exec_driver_sql("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'").scalars().all()
        assert sum("WHERE" in statement for statement in made) == 2, "the open ones, and those with pictures"
        ids = connection.exec_driver_sql(
            "SELECT collation_name FROM information_schema.columns WHERE column_name = 'id' AND table_name = 'events'"
        ).scalar()
        assert ids == "C"
    engine.dispose()


def test_an_update_changes_the_tables_and_keeps_what_they_hold(url: str, store: EventStore, tmp_path: Path) -> None:
    (number,) = store.record(_EVENT, [Letter(0, "door", _EVENT.id, "topic", b"text")])
    store.close()
    (tmp_path / "v9998_weather.py").write_text(
        "import sqlalchemy as sa\n"
        "from alembic import op\n"
        f'revision, down_revision = "9998", "{HEAD}"\n'
        "def upgrade():\n"
        '    op.add_column("events", sa.Column("weather", sa.Text, server_default="unknown", nullable=False))\n'
    )
    engine = engine_for(url)
    upgrade(engine, "9998", [tmp_path])
    with engine.connect() as connection:
        told = connection.exec_driver_sql("SELECT id, weather, number FROM events JOIN letters ON id = event_id").one()
        assert tuple(told) == (_EVENT.id, "unknown", number)
    engine.dispose()
    with pytest.raises(HistoryError, match="a newer espcam-bridge"):
        store.open()


def test_after_the_server_was_restarted_the_history_goes_on(
    postgres: Postgres, store: EventStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.record(_EVENT)
    postgres.stop()
    with caplog.at_level(logging.CRITICAL), pytest.raises(HistoryError) as caught:
        store.record(_EVENT)
    assert not caught.value.full
    postgres.start()
    store.record(_EVENT)
    assert store.open_events() == [_EVENT]


def test_where_nobody_listens_the_history_says_so(free_port: int) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(HistoryError, match="no PostgreSQL server listens there") as caught:
        EventStore(f"postgresql://me:{_SECRET}@127.0.0.1:{free_port}/x").open()
    assert "history.url" in caught.value.mend
    assert _SECRET not in str(caught.value)


def test_a_wrong_password_is_told_and_not_shown(postgres: Postgres) -> None:
    with pytest.raises(HistoryError, match="refuses the user or the password") as caught:
        EventStore(postgres.url(password="s3cret")).open()
    assert "s3cret" not in str(caught.value)


def test_a_database_that_is_not_there_is_told(postgres: Postgres) -> None:
    with pytest.raises(HistoryError, match="no such database"):
        EventStore(postgres.url("nowhere")).open()


def test_a_host_that_is_not_known_is_told() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(HistoryError, match="name is not known"):
        EventStore("postgresql://me@nowhere.invalid/x").open()


def test_a_user_that_may_not_make_tables_is_told(postgres: Postgres) -> None:
    import psycopg

    url = postgres.make_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'open-sesame'")
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    try:
        with pytest.raises(HistoryError, match="may not do that"):
            EventStore(url.replace("postgres:", "reader:", 1)).open()
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP ROLE reader")


def test_times_out_of_order_do_not_change_the_order_of_ids(store: EventStore) -> None:
    """Ids compare byte by byte, whatever language the server was set up in."""
    ids = ["1795564800000-00000a", "1795564800000-0000a0", "1795564800000-a00000", "1795564800001-000000"]
    for event_id in reversed(ids):
        store.record(Event(event_id, "door", "person", 0.7, 0.9, (0.0, 0.0, 1.0, 1.0), 1, None, 1, 0))
    assert [event.id for event in store.page(EventQuery()).events] == ids[::-1]
