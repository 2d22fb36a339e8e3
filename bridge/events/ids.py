"""Ids of events: unique, and sorting them by name sorts them by time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class IdMaker:
    """Makes ids such as ``1795501234567-3fa4c1``: milliseconds since 1970, then 24 random bits.

    Ids of one maker always grow, even when the clock jumps back: the time then counts on from the last id.

    Args:
        random_bits: draws that many random bits (``secrets.randbits``); a test passes its own.
    """

    def __init__(self, random_bits: Callable[[int], int]) -> None:
        self._random_bits = random_bits
        self._last_ms = 0

    def __call__(self, start_unix_s: float) -> str:
        """The next id, for an event that began at this time."""
        self._last_ms = max(self._last_ms + 1, round(start_unix_s * 1000))
        return f"{self._last_ms:013d}-{self._random_bits(24):06x}"
