"""Past events and the letters that wait for the broker, in SQLite or PostgreSQL.

What belongs together is written together: an event's row and the letters that tell of it are one transaction. One
thread writes; any thread may read.

Every error of the database leaves as ``HistoryError``: with a reason, a mend and whether the disk is full. A call that
failed has written nothing and may be made again.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, delete, exc, func, insert, select, update

from bridge.errors import HistoryError
from bridge.history import statements
from bridge.history.database import engine_for, file_of
from bridge.history.disk import explain_disk
from bridge.history.explain import explain
from bridge.history.ids import began_unix_s, bound_of, is_event_id
from bridge.history.query import conditions_of
from bridge.history.rows import event_of, row_of, zone_rows_of
from bridge.history.schema import upgrade
from bridge.history.tables import event_zones, events, still_open, with_pictures
from bridge.history.tables import letters as letters_table
from bridge.model import EventPage, Letter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from sqlalchemy import Engine

    from bridge.model import Event, EventQuery

# How many values one statement names; SQLite takes 32,766 of them, older builds 999.
_VALUES = 500
_EXPORT_PAGE = 500
_T = TypeVar("_T")


class EventStore:
    """The history's database.

    Args:
        url: ``sqlite:///FILE`` or ``postgresql://USER:PASSWORD@HOST/DATABASE``; never shown, it may hold a password.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: Engine | None = None

    def open(self) -> None:
        """Connect, and make or update the tables; again after that it does nothing.

        Raises:
            HistoryError: the database cannot be used; a later call may succeed.
        """
        if self._engine is not None:
            return
        engine = engine_for(self._url)
        try:
            self._make_folder()
            with _explained():
                upgrade(engine)
        except BaseException:
            engine.dispose()
            raise
        self._engine = engine

    def close(self) -> None:
        """Let the connections go; it may be opened again."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    # --- what happens now ----------------------------------------------------------------------------------------

    def record(self, event: Event, letters: Sequence[Letter] = ()) -> list[int]:
        """Write an event as it is now, and the letters that tell of it.

        The whole event is written each time, so that a later change makes up for one that could not be written. An
        event that has ended never opens again.

        Args:
            event: after the change.
            letters: their ``number`` is not looked at.

        Returns:
            The numbers that the letters were given, in their order.
        """
        return self.record_many([(event, letters)])

    def record_many(self, entries: Iterable[tuple[Event, Sequence[Letter]]]) -> list[int]:
        """Write several changes, all or none; see ``record``.

        Returns:
            The numbers of all letters, in their order.
        """
        numbers = []
        with self._writing() as connection:
            upsert = statements.upsert_event(connection.dialect.name)
            add_zone = statements.add_zone(connection.dialect.name)
            for event, letters in entries:
                connection.execute(upsert, row_of(event))
                if zones := zone_rows_of(event):
                    connection.execute(add_zone, zones)
                numbers += [_post(connection, letter) for letter in letters]
        return numbers

    # --- letters -------------------------------------------------------------------------------------------------

    def delivered(self, numbers: Collection[int]) -> None:
        """Throw letters away, all or none; numbers that are not there any more are fine."""
        with self._writing() as connection:
            for some in _portions(sorted(numbers)):
                connection.execute(delete(letters_table).where(letters_table.c.number.in_(some)))

    def waiting(self, after: int = 0, limit: int = 100) -> list[Letter]:
        """The oldest letters with a number above ``after``, in the order of their numbers."""
        statement = (
            select(letters_table).where(letters_table.c.number > after).order_by(letters_table.c.number).limit(limit)
        )
        with self._reading() as connection:
            return [Letter(**row) for row in connection.execute(statement).mappings()]

    def count_waiting(self) -> int:
        """How many letters there are."""
        with self._reading() as connection:
            return connection.execute(select(func.count()).select_from(letters_table)).scalar_one()

    # --- looking back --------------------------------------------------------------------------------------------

    def get(self, event_id: str) -> Event | None:
        """One event; None when there is none of this id, or it is no id at all."""
        if not is_event_id(event_id):
            return None
        with self._reading() as connection:
            row = connection.execute(select(events).where(events.c.id == event_id)).mappings().one_or_none()
        return None if row is None else event_of(row)

    def page(self, query: EventQuery) -> EventPage:
        """The newest events that fit, newest first.

        Raises:
            ValueError: the query's limit, cursor or a time makes no sense; the text is for whoever sent it.
            HistoryError: the database cannot be read.
        """
        # One more than asked for tells whether there is a next page.
        statement = statements.page_of(conditions_of(query), query.limit + 1)
        with self._reading() as connection:
            found = [event_of(row) for row in connection.execute(statement).mappings()]
        shown = tuple(found[: query.limit])
        return EventPage(shown, shown[-1].id if len(found) > query.limit else None)

    def stream(self, query: EventQuery) -> Iterator[Event]:
        """All events that fit, newest first, however many: they are fetched a page at a time.

        ``query.limit`` is not looked at. Nothing is held between two pages, neither a lock nor a connection.
        """
        query = replace(query, limit=_EXPORT_PAGE)
        while True:
            page = self.page(query)
            yield from page.events
            if page.next_cursor is None:
                return
            query = replace(query, cursor=page.next_cursor)

    def count(self, query: EventQuery) -> int:
        """How many events fit, whatever the query's limit and cursor; 50 ms of CPU time for each million of them."""
        statement = statements.count_of(conditions_of(replace(query, cursor=None)))
        with self._reading() as connection:
            return connection.execute(statement).scalar_one()

    def first_unix_s(self, query: EventQuery) -> float | None:
        """When the oldest event that fits began, whatever the query's limit and cursor; None when none fits."""
        statement = statements.first_of(conditions_of(replace(query, cursor=None)))
        with self._reading() as connection:
            event_id = connection.execute(statement).scalar_one_or_none()
        return None if event_id is None else began_unix_s(event_id)

    def open_events(self) -> list[Event]:
        """Those that began and did not end, oldest first; after a crash nobody will end them but who reads this."""
        statement = select(events).where(still_open).order_by(events.c.id)
        with self._reading() as connection:
            return [event_of(row) for row in connection.execute(statement).mappings()]

    def known(self, event_ids: Sequence[str]) -> set[str]:
        """Which of these events there are."""
        with self._reading() as connection:
            return {
                event_id
                for some in _portions(event_ids)
                for event_id in connection.execute(select(events.c.id).where(events.c.id.in_(some))).scalars()
            }

    # --- making room ---------------------------------------------------------------------------------------------

    def expire(self, before_unix_s: float, limit: int) -> list[str]:
        """Delete the oldest events that are over and began before this time; letters that tell of them stay.

        Returns:
            The ids of those deleted, at most ``limit``; whoever keeps their pictures deletes those.
        """
        with self._writing() as connection:
            fitting = statements.ended(limit).where(events.c.id < bound_of(before_unix_s))
            gone = list(connection.execute(fitting).scalars())
            for some in _portions(gone):
                connection.execute(delete(event_zones).where(event_zones.c.event_id.in_(some)))
                connection.execute(delete(events).where(events.c.id.in_(some)))
        return gone

    def oldest(self, limit: int = 1) -> list[str]:
        """The ids of the oldest events that are over, oldest first."""
        with self._reading() as connection:
            return list(connection.execute(statements.ended(limit)).scalars())

    def oldest_with_pictures(self, limit: int) -> list[str]:
        """The ids of the oldest events that are over and have pictures, oldest first."""
        with self._reading() as connection:
            return list(connection.execute(statements.ended(limit).where(with_pictures)).scalars())

    def forget_pictures(self, event_ids: Sequence[str]) -> None:
        """Note that these events have no pictures any more."""
        with self._writing() as connection:
            for some in _portions(event_ids):
                statement = update(events).where(events.c.id.in_(some))
                connection.execute(statement.values(has_thumbnail=False, has_snapshot=False))

    # --- inside --------------------------------------------------------------------------------------------------

    def _make_folder(self) -> None:
        file = file_of(self._url)
        if file is not None:
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise explain_disk(error, f"the folder {file.parent} for the history's database") from error

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _explained(), self._opened().connect() as connection:
            yield connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _explained(), self._opened().begin() as connection:
            yield connection

    def _opened(self) -> Engine:
        if self._engine is None:
            raise HistoryError("the history is not open", "wait: the bridge tries to open it again and again")
        return self._engine


def _post(connection: Connection, letter: Letter) -> int:
    """Write a letter.

    One at a time: there are a few an event, and each then gets its number in the order of writing.
    """
    values = {
        "camera_id": letter.camera_id,
        "event_id": letter.event_id,
        "topic": letter.topic,
        "payload": letter.payload,
    }
    key = connection.execute(insert(letters_table), values).inserted_primary_key
    assert key is not None  # noqa: S101 - a single insert has one
    return int(key[0])


def _portions(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(values), _VALUES):
        yield values[start : start + _VALUES]


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except exc.SQLAlchemyError as error:
        raise explain(error) from error
