"""Brings the database to the version of the schema that this program works with.

The version is read with one plain statement. Alembic, half a second and 15 MB on a small board, is imported only when
there is something to do: at the first start, and after an update that changed the schema.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from bridge.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Engine

log = logging.getLogger(__name__)

HEAD = "0001"
"""The newest migration; a test holds it to the files."""

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine, head: str = HEAD, versions: Sequence[Path] = ()) -> None:
    """Make the tables, or change them to what they are now; what they hold is kept.

    One transaction: a process that is killed meanwhile, or a disk that is full, leaves the database as it was.

    Args:
        engine: the database.
        head: the version to reach.
        versions: more folders of migrations; for tests.

    Raises:
        HistoryError: a newer version of the bridge made this database.
        sqlalchemy.exc.SQLAlchemyError: the database refuses.
    """
    with engine.connect() as connection:
        version = version_of(connection)
    if version == head:
        return
    with engine.begin() as connection:
        _migrate(connection, version, head, versions)
    log.info("the history's database is now of version %s (it was %s)", head, version or "new")


def version_of(connection: Connection) -> str | None:
    """Which migration the database is at; None when it is new."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return version


def _migrate(connection: Connection, version: str | None, head: str, versions: Sequence[Path]) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)  # we say it ourselves, in one line
    from alembic import command  # noqa: PLC0415 - see the top
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", _escaped(_MIGRATIONS))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(_escaped, (_MIGRATIONS / "versions", *versions))))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise HistoryError(
            f"a newer espcam-bridge made the history's database (its version is {version}, ours {head})",
            "update the bridge, or let history.url name another database",
        )
    config.attributes["connection"] = connection
    command.upgrade(config, head)


def _escaped(path: Path) -> str:
    """For a file format in which % begins a variable."""
    return str(path).replace("%", "%%")
