"""At most so many a second: which pictures of a stream are shown. Time comes in as a value."""

from __future__ import annotations


class Pacer:
    """Lets ``max_per_s`` pictures a second pass, and after a pause one more at once.

    That one more forgives jitter: without it, a camera that sends just at the limit would lose every picture that comes
    a little early over Wi-Fi, and one at 25/s limited to 15/s would be shown at 12.5/s, every other frame.

    Args:
        max_per_s: pictures a second.
    """

    def __init__(self, max_per_s: float) -> None:
        self._interval_s = 1.0 / max_per_s
        self._due_s = float("-inf")

    def accept(self, now_s: float) -> bool:
        """Whether a picture of this moment may pass; a yes takes its turn."""
        if now_s < self._due_s:
            return False
        self._due_s = max(self._due_s, now_s - self._interval_s) + self._interval_s
        return True

    def wait_s(self, now_s: float) -> float:
        """How long until ``accept`` says yes; 0 when it would now."""
        return max(0.0, self._due_s - now_s)
