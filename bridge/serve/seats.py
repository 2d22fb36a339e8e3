"""How many may watch at a time."""

from __future__ import annotations

import threading


class Seats:
    """At most ``limit`` viewers at a time, over all cameras; thread-safe."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """How many are taken now."""
        return self._taken

    def take(self) -> bool:
        """Take a seat; False when all are taken."""
        with self._lock:
            if self._taken >= self.limit:
                return False
            self._taken += 1
            return True

    def give_back(self) -> None:
        """Free a seat."""
        with self._lock:
            self._taken -= 1
