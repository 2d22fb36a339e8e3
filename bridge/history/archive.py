"""Past events and their pictures, to be read from any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.history.media import MediaFolder
    from bridge.history.store import EventStore
    from bridge.model import Event, EventPage, EventQuery, PictureKind


class Archive:
    """What the API shows of the history; every method may raise ``HistoryError``.

    Args:
        store: the events.
        media: their pictures.
    """

    def __init__(self, store: EventStore, media: MediaFolder) -> None:
        self._store = store
        self._media = media

    def page(self, query: EventQuery) -> EventPage:
        """Events, newest first.

        Raises:
            ValueError: the cursor is none that a page gave.
        """
        return self._store.page(query)

    def count(self, query: EventQuery) -> int:
        """How many events match, whatever the query's limit and cursor."""
        return self._store.count(query)

    def first_unix_s(self, query: EventQuery) -> float | None:
        """When the oldest event that matches began; None when none does."""
        return self._store.first_unix_s(query)

    def get(self, event_id: str) -> Event | None:
        """One event; None when there is none of this id."""
        return self._store.get(event_id)

    def stream(self, query: EventQuery) -> Iterator[Event]:
        """Every event that matches, newest first, a page of them in memory at a time."""
        return self._store.stream(query)

    def picture(self, event_id: str, kind: PictureKind) -> bytes | None:
        """A picture of an event as JPEG; None when there is none."""
        return self._media.read(event_id, kind)
