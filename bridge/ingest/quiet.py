"""Keeps a log readable while something goes wrong a thousand times."""

from __future__ import annotations

from typing import Final

_FORGET_ABOVE: Final = 1000  # keys; somebody who dials from ever new addresses must not fill the memory


class OncePerMinute:
    """Tells whether a line about ``key`` is due, and how many were passed over since the last one.

    Args:
        interval_s: the time between two lines about the same key.
    """

    def __init__(self, interval_s: float = 60.0) -> None:
        self._interval_s = interval_s
        self._last: dict[str, tuple[float, int]] = {}  # when the last line was due, how many were passed over since

    def due(self, key: str, now_s: float) -> int | None:
        """How many lines about ``key`` were passed over, when one is due now; None when it is too early."""
        last_s, passed_over = self._last.get(key, (float("-inf"), 0))
        if now_s - last_s < self._interval_s:
            self._last[key] = (last_s, passed_over + 1)
            return None
        if len(self._last) >= _FORGET_ABOVE:
            self._last = {k: v for k, v in self._last.items() if now_s - v[0] < self._interval_s}
        if len(self._last) >= _FORGET_ABOVE:
            self._last.clear()
        self._last[key] = (now_s, 0)
        return passed_over
