"""At most so many a second: which pictures of a stream are shown. Time comes in as a value."""

from __future__ import annotations


class Pacer:
    """Lets ``max_per_s`` pictures a second pass, on a grid.

    Args:
        max_per_s: pictures a second.
        burst: how many pictures may come at once after a pause; 2 forgives the jitter of a camera that sends just at
            the limit (with 1, a 15/s camera over Wi-Fi would lose every other frame that comes a little early).
    """

    def __init__(self, max_per_s: float, burst: int = 1) -> None:
        self._interval_s = 1.0 / max_per_s
        self._slack_s = burst * self._interval_s
        self._due_s = float("-inf")

    def accept(self, now_s: float) -> bool:
        """Whether a picture of this moment may pass; a yes takes its turn."""
        if now_s < self._due_s:
            return False
        self._due_s = max(self._due_s, now_s - self._slack_s) + self._interval_s
        return True

    def wait_s(self, now_s: float) -> float:
        """How long until ``accept`` says yes; 0 when it would now."""
        return max(0.0, self._due_s - now_s)
