"""How often something happens: events a second over a sliding window."""

from __future__ import annotations

from collections import deque


class RateMeter:
    """Counts what happened in the last ``window_s`` seconds; memory is bounded by ``max_samples``.

    Not thread-safe: its owner guards it.
    """

    def __init__(self, window_s: float = 5.0, max_samples: int = 1000) -> None:
        self._window_s = window_s
        self._times: deque[float] = deque(maxlen=max_samples)

    def add(self, now_mono_s: float) -> None:
        """Note that it happened now."""
        self._times.append(now_mono_s)

    def per_s(self, now_mono_s: float) -> float:
        """The rate, from the first to the last sample in the window; 0 when there are fewer than two."""
        while self._times and self._times[0] < now_mono_s - self._window_s:
            self._times.popleft()
        if len(self._times) < 2:  # noqa: PLR2004 - an interval has two ends
            return 0.0
        # Up to now, not to the last sample: a camera that stops must fall to 0 and not keep its last rate. One
        # interval is still under way, so the longer of the two readings counts.
        span_s = max(self._times[-1] - self._times[0], now_mono_s - self._times[0] - self._window_s / 5)
        return (len(self._times) - 1) / span_s if span_s > 0 else 0.0
