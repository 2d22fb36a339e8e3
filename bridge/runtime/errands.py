"""Calls to others that are made outside the lock, and still in the order in which they were decided."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

log = logging.getLogger(__name__)


class Errands:
    """A queue of calls that has one runner at a time: whichever thread comes first, for those that come meanwhile too.

    Calling outside the lock alone is not enough: of two threads that set the same control, the one that decided first
    might tell last, and a stale value would stay on the broker.

    Args:
        lock: the owner's; held while a call is queued, never while one is made.
    """

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self._waiting: deque[Callable[[], None]] = deque()
        self._running = False

    def add(self, errand: Callable[[], None]) -> None:
        """Queue a call; the lock is held."""
        self._waiting.append(errand)

    def run(self) -> None:
        """Make the calls that wait, unless somebody is at it; the lock is not held. A call that fails is logged."""
        while (errand := self._next()) is not None:
            try:
                errand()
            except Exception:
                log.exception("a call failed; those that wait behind it go on")
            finally:
                with self._lock:
                    self._running = False

    def _next(self) -> Callable[[], None] | None:
        with self._lock:
            if self._running or not self._waiting:
                return None
            self._running = True
            return self._waiting.popleft()
