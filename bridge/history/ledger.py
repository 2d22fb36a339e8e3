"""Writes events down, and goes on when that cannot be done; for one thread.

The states::

    KEPT ──cannot be written──▶ LIVE ONLY ──room again, database back──▶ KEPT

A full disk is met in steps: the reserve file goes, then the oldest pictures, a few at a time (for a row only when they
are on the database's disk, else it would not help). When a row still cannot be written, events are not kept: they are
remembered here (the newest ``_REMEMBERED_MAX``) and written as soon as it works again, which is tried every
``_RETRY_S``. The log hears of each change of state once.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bridge.errors import HistoryError
from bridge.model import PictureKind, Readiness

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from typing import TypeVar

    from bridge.history.media import MediaFolder
    from bridge.history.reserve import Reserve
    from bridge.history.retention import Retention
    from bridge.history.store import EventStore
    from bridge.model import Event, EventChange, Letter

    _T = TypeVar("_T")
    _U = TypeVar("_U")

log = logging.getLogger(__name__)

_RETRY_S = 10.0
# 10,000 events are a busy week, and 10 MB.
_REMEMBERED_MAX = 10_000
# Pictures that go at once when the disk is full: about 3 MB, enough for thousands of rows.
_GIVE_WAY = 50


class Ledger:
    """Rows, letters and pictures of events, as far as the disk allows.

    Args:
        store: rows and letters.
        media: pictures.
        reserve: room for when there is none.
        retention: what is too old.
        one_disk: whether the pictures are on the database's disk.
    """

    def __init__(
        self,
        store: EventStore,
        media: MediaFolder,
        reserve: Reserve,
        retention: Retention,
        one_disk: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._media = media
        self._reserve = reserve
        self._retention = retention
        self._one_disk = one_disk
        self._opened = False
        self._problem: HistoryError | None = None
        self._picture_problem: HistoryError | None = None
        self._retry_mono_s = float("-inf")
        self._remembered: dict[str, Event] = {}

    # --- life --------------------------------------------------------------------------------------------------

    def open(self, now_mono_s: float) -> None:
        """Open the database; when that fails, go on without and try again later."""
        self._attempt(self._open, None, now_mono_s)

    def close(self) -> None:
        """Let go of the database."""
        if self._opened:
            self._store.close()

    def status(self) -> Readiness:
        """One line for ``/readyz``."""
        problem = self._problem or self._picture_problem
        if problem is None:
            return Readiness("history", ready=True, detail="events are kept")
        lost = "events are only sent, not kept" if self._problem else "pictures are not kept"
        return Readiness("history", ready=False, detail=f"{lost}: {problem}")

    @property
    def keeps(self) -> bool:
        """Whether events are written down now."""
        return self._opened and self._problem is None

    # --- events ------------------------------------------------------------------------------------------------

    def keep_pictures(self, change: EventChange, now_mono_s: float) -> EventChange:
        """Write the pictures that come with a change.

        Returns:
            The change; its event claims no picture that could not be kept.
        """
        event, pictures = change.event, _pictures(change)
        if not pictures:
            return change
        for kind, jpeg in pictures:
            try:
                self._with_room(partial(self._media.write, event.id, kind, jpeg), self._drop_pictures)
            except HistoryError as problem:
                self._note_picture_problem(problem, now_mono_s)
                return replace(change, event=replace(event, has_thumbnail=False, has_snapshot=False))
        self._note_picture_problem(None, now_mono_s)
        return change

    def write(self, entries: Sequence[tuple[Event, Sequence[Letter]]], now_mono_s: float) -> list[list[int]]:
        """Write events and the letters about them, all or none.

        Returns:
            For each entry the numbers of its letters; 0 for those that are not on the disk (live only).
        """
        if self.keeps:
            record = partial(self._with_room, partial(self._store.record_many, entries), self._drop_pictures_for_rows)
            numbers = self._attempt(record, None, now_mono_s)
            if numbers is not None:
                left = iter(numbers)
                return [[next(left) for _ in letters] for _, letters in entries]
        for event, _ in entries:
            self._remembered.pop(event.id, None)
            self._remembered[event.id] = event
        while len(self._remembered) > _REMEMBERED_MAX:
            del self._remembered[next(iter(self._remembered))]
        return [[0] * len(letters) for _, letters in entries]

    def delivered(self, numbers: Collection[int], now_mono_s: float) -> bool:
        """Forget letters that the broker has; False when that must be said again later."""

        def work() -> bool:
            self._store.delivered(numbers)
            return True

        return self.keeps and self._attempt(work, False, now_mono_s)  # noqa: FBT003 - what it gives when it fails

    def waiting(self, after: int, limit: int, now_mono_s: float) -> list[Letter]:
        """Letters in their order, from the first behind ``after`` on."""
        return self._attempt(lambda: self._store.waiting(after, limit), [], now_mono_s) if self._opened else []

    def waiting_count(self, now_mono_s: float) -> int:
        """How many letters are on the disk."""
        return self._attempt(self._store.count_waiting, 0, now_mono_s) if self._opened else 0

    def unfinished(self, now_mono_s: float) -> list[Event]:
        """Events that began before this process and that nobody ended."""
        return self._attempt(self._store.open_events, [], now_mono_s) if self._opened else []

    def thumbnail(self, event_id: str) -> bytes | None:
        """The event's picture, if it is still there."""
        try:
            return self._media.read(event_id, PictureKind.THUMBNAIL)
        except HistoryError:
            return None

    def tend(self, now_mono_s: float, now_unix_s: float) -> bool:
        """What time brings: another try after a failure, old events out; a slice of it.

        Returns:
            Whether there is more to do at once.
        """
        if self._problem is not None or not self._opened:
            if now_mono_s >= self._retry_mono_s:
                self._attempt(self._recover, None, now_mono_s)
            return False
        return self._attempt(partial(self._keep_house, now_unix_s), False, now_mono_s)  # noqa: FBT003 - as above

    # --- inside ------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._store.open()
        self._opened = True
        self._reserve.restore()

    def _recover(self) -> None:
        if not self._opened:
            self._open()
        if self._remembered:
            self._store.record_many([(event, ()) for event in self._remembered.values()])
            self._remembered.clear()
        self._reserve.restore()
        if self._problem is not None:
            log.warning("history: works again")
            self._problem = None

    def _keep_house(self, now_unix_s: float) -> bool:
        self._reserve.restore()  # a look at a file; made again when there is room for more than it
        return self._retention.step(now_unix_s)

    def _with_room(self, work: Callable[[], _T], drop: Callable[[], int]) -> _T:
        """Do it; on a full disk make room and do it again. ``drop`` gives way to it and tells how many bytes."""
        while True:
            try:
                return work()
            except HistoryError as problem:
                if not problem.full or not (self._give_reserve() or drop()):
                    raise

    def _give_reserve(self) -> bool:
        released = self._reserve.release()
        if released:
            log.warning("the disk is full: the reserve is used up now, then the oldest pictures go")
        return released

    def _drop_pictures_for_rows(self) -> int:
        return self._drop_pictures() if self._one_disk() else 0

    def _drop_pictures(self) -> int:
        gone = self._store.oldest_with_pictures(_GIVE_WAY)
        freed_bytes = self._media.remove(gone)
        self._store.forget_pictures(gone)
        return freed_bytes

    def _attempt(self, work: Callable[[], _T], otherwise: _U, now_mono_s: float) -> _T | _U:
        """What ``work`` gives; when the history cannot be used, that is noted, and ``otherwise`` is it."""
        try:
            return work()
        except HistoryError as problem:
            self._retry_mono_s = now_mono_s + _RETRY_S
            if self._problem is None or self._problem.reason != problem.reason:
                log.error("history: %s. Events are sent, but not kept", problem)  # noqa: TRY400 - no traceback for users
            self._problem = problem
            return otherwise

    def _note_picture_problem(self, problem: HistoryError | None, now_mono_s: float) -> None:
        if problem is not None and self._picture_problem is None:
            self._retry_mono_s = now_mono_s + _RETRY_S
            log.error("history: %s. Events are kept without pictures", problem)
        elif problem is None and self._picture_problem is not None:
            log.warning("history: pictures are kept again")
        self._picture_problem = problem


def _pictures(change: EventChange) -> list[tuple[PictureKind, bytes]]:
    both = ((PictureKind.THUMBNAIL, change.thumbnail_jpeg), (PictureKind.SNAPSHOT, change.snapshot_jpeg))
    return [(kind, jpeg) for kind, jpeg in both if jpeg is not None]
