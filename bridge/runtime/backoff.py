"""Waiting times between tries: exponential, with full jitter, so that a herd does not come back at once.

Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (2015): full jitter has the least contention.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Backoff:
    """Yields the next waiting time.

    Args:
        first_s: upper bound of the first wait.
        max_s: upper bound of every wait.
        uniform: draws between two bounds; a test passes its own.
    """

    def __init__(
        self, first_s: float = 1.0, max_s: float = 60.0, uniform: Callable[[float, float], float] = random.uniform
    ) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._uniform = uniform
        self._tries = 0

    def next_s(self) -> float:
        """How long to wait before the next try, in seconds (never below a tenth of the bound)."""
        # 2**20 is far above any max_s; the cap keeps the float from overflowing after days of tries.
        bound_s = min(self._max_s, self._first_s * 2 ** min(self._tries, 20))
        self._tries += 1
        return self._uniform(0.1 * bound_s, bound_s)

    def reset(self) -> None:
        """Begin anew, after a success."""
        self._tries = 0
