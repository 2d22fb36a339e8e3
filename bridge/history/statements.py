"""The SQL of the history, made of its tables; no connection here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from bridge.history.tables import event_zones, events

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select, Table

    from bridge.history.query import Conditions


def upsert_event(dialect: str) -> sqlite.Insert | postgresql.Insert:
    """Write an event's whole row, whether it is there already or not.

    An event that has ended stays ended: a late, older state of it changes nothing.
    """
    statement = _insert(dialect, events)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[events.c.id],
        set_={column.name: new[column.name] for column in events.c if not column.primary_key},
        where=or_(events.c.end_unix_s.is_(None), new.end_unix_s.is_not(None)),
    )


def add_zone(dialect: str) -> sqlite.Insert | postgresql.Insert:
    """Note that an event was in a zone, unless it is noted already."""
    return _insert(dialect, event_zones).on_conflict_do_nothing()


def page_of(conditions: Conditions, limit: int) -> Select[Any]:
    """The newest events that a query means, newest first.

    With a zone, the ids come from ``event_zones`` alone, and only the rows of the page are looked up.
    """
    table, key = _source(conditions)
    if table is events:
        return select(events).where(_where(conditions)).order_by(key.desc()).limit(limit)
    ids = select(key).where(_where(conditions)).order_by(key.desc()).limit(limit)
    return select(events).where(events.c.id.in_(ids)).order_by(events.c.id.desc())


def count_of(conditions: Conditions) -> Select[int]:
    """How many events a query means."""
    table, _ = _source(conditions)
    return select(func.count()).select_from(table).where(_where(conditions))


def first_of(conditions: Conditions) -> Select[str]:
    """The id of the oldest event that a query means."""
    _, key = _source(conditions)
    return select(key).where(_where(conditions)).order_by(key).limit(1)


def ended(limit: int) -> Select[str]:
    """The ids of the oldest events that are over, oldest first."""
    return select(events.c.id).where(events.c.end_unix_s.is_not(None)).order_by(events.c.id).limit(limit)


def _source(conditions: Conditions) -> tuple[Table, ColumnElement[str]]:
    """The table that holds every column of the conditions, and its column of ids."""
    return (event_zones, event_zones.c.event_id) if "zone" in conditions.equal else (events, events.c.id)


def _where(conditions: Conditions) -> ColumnElement[bool]:
    table, key = _source(conditions)
    parts = [table.c[name] == value for name, value in conditions.equal.items()]
    parts += [] if conditions.first_id is None else [key >= conditions.first_id]
    parts += [] if conditions.end_id is None else [key < conditions.end_id]
    return and_(True, *parts)  # noqa: FBT003 - SQLAlchemy's way to have no condition


def _insert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    # Two classes of one shape: both know ON CONFLICT, which standard SQL does not.
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
