"""Deletes what is too old or too much. Time comes in as a value.

Rules
-----
* **Days** first: an event that is over and began more than ``retain_days`` ago goes, with its pictures.
* **Megabytes** next: pictures go, oldest first, until they fit; their events stay, and say that they have none.
* **Orphans** last: pictures without an event, and files that were never finished, looked for every hour.
* All in **slices** of some milliseconds, so that recording never waits for long.

**The clock is not taken at its word.** Boards without a battery start in 1970, or where they stopped, and find the time
later; a broken one may say 2038, and the whole history would go at the first look at it. So for days and orphans

* the clock must first have gone steadily for ten minutes: two steps never more than ``JUMP_S`` apart, ahead or back. A
  jump begins these ten minutes anew;
* then one day of history, from the oldest event onwards, may go for each ten minutes that pass. Whoever comes back
  after three weeks has what is too old cleared within hours; where the clock is wrong by years, a history of two weeks
  lasts for more than two hours, enough for NTP to set it right. Months without an event are skipped: events of a clock
  that began in 1970 do not keep all others.

In everyday life, where a day of history passes in a day, neither is felt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.history.ids import began_unix_s

if TYPE_CHECKING:
    from bridge.history.media import MediaFolder
    from bridge.history.store import EventStore

JUMP_S = 300.0
"""A clock that moves by more than this between two steps has jumped; ``step`` must be called more often than that."""

STEADY_S = 600.0
"""How long the clock must go steadily; NTP sets it within seconds to minutes after the network is up."""

_DAY_S = 86_400.0
_HISTORY_PER_S = _DAY_S / 600.0  # seconds of history that may go for each second that passes
_SKIPPED_S = 30 * _DAY_S
# A slice of a history of a million events takes 10 ms of CPU time on a small server: benchmarks/history.py.
_EVENTS = 50
_FILES = 100
_SWEEP_EVERY_S = 3600.0
# A picture is written before its event is, and a database that is locked may keep the event waiting.
_ORPHAN_AFTER_S = 3600.0


class _Watch:
    """Watches a clock for jumps.

    Attributes:
        steady_s: for how long it has gone without one.
        passed_s: what passed between the last two looks.
    """

    def __init__(self) -> None:
        self._last_unix_s: float | None = None
        self.steady_s = 0.0
        self.passed_s = 0.0

    def look(self, now_unix_s: float) -> None:
        """Look at the clock."""
        moved_s = 0.0 if self._last_unix_s is None else now_unix_s - self._last_unix_s
        self._last_unix_s = now_unix_s
        # NTP sets a clock back by parts of a second without that being a jump.
        self.passed_s = max(moved_s, 0.0)
        self.steady_s = self.steady_s + self.passed_s if abs(moved_s) <= JUMP_S else 0.0


class Retention:
    """Keeps the history within its limits, a slice at a time; by the thread that writes.

    Args:
        store: the events.
        media: their pictures.
        retain_days: days after which an event goes.
        max_media_bytes: what pictures may take.
    """

    def __init__(self, store: EventStore, media: MediaFolder, retain_days: float, max_media_bytes: int) -> None:
        self._store = store
        self._media = media
        self._retain_s = retain_days * _DAY_S
        self._max_media_bytes = max_media_bytes
        self._watch = _Watch()
        self._reach_unix_s = 0.0  # what began before may go
        self._next_sweep_s = 0.0  # on the scale of steady_s

    def step(self, now_unix_s: float) -> bool:
        """Do one slice of what there is to do.

        Args:
            now_unix_s: the wall clock.

        Returns:
            Whether there is more to do now.

        Raises:
            HistoryError: the database or the folder cannot be used; a later step tries again.
        """
        self._watch.look(now_unix_s)
        if self._watch.steady_s < STEADY_S:
            self._next_sweep_s = 0.0
            return self._shrink()
        return self._expire(now_unix_s) or self._shrink() or self._sweep(now_unix_s)

    def _expire(self, now_unix_s: float) -> bool:
        oldest = self._store.oldest()
        if not oldest:
            return False
        reach_unix_s = self._reach_unix_s + self._watch.passed_s * _HISTORY_PER_S
        if began_unix_s(oldest[0]) - reach_unix_s > _SKIPPED_S:
            reach_unix_s = began_unix_s(oldest[0])
        self._reach_unix_s = min(reach_unix_s, now_unix_s - self._retain_s)
        gone = self._store.expire(self._reach_unix_s, _EVENTS)
        self._media.remove(gone)
        return len(gone) == _EVENTS

    def _shrink(self) -> bool:
        excess_bytes = self._media.total_bytes() - self._max_media_bytes
        if excess_bytes <= 0:
            return False
        gone = []
        # The files first: killed in between, the rows still name them, and they are come back to.
        for event_id in self._store.oldest_with_pictures(_EVENTS):
            excess_bytes -= self._media.remove([event_id])
            gone.append(event_id)
            if excess_bytes <= 0:
                break
        self._store.forget_pictures(gone)
        return bool(gone) and excess_bytes > 0

    def _sweep(self, now_unix_s: float) -> bool:
        if self._watch.steady_s < self._next_sweep_s:
            return False
        more = self._media.sweep(self._store.known, _FILES, now_unix_s - _ORPHAN_AFTER_S)
        if not more:
            self._next_sweep_s = self._watch.steady_s + _SWEEP_EVERY_S
        return more
