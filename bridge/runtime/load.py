"""Does the work keep up with what was promised? Says so once when it stops to, and once when it does again. Pure."""

from __future__ import annotations

from typing import NamedTuple

_WINDOW_S = 30.0
# Far enough apart that a machine on the edge does not fill the log.
_BEHIND_SHARE = 0.1
_WELL_SHARE = 0.02


class Load(NamedTuple):
    """A change: the work has fallen behind, or keeps up again.

    Attributes:
        behind: which of the two.
        promised_per_s: how much was asked for.
        done_per_s: how much was done.
    """

    behind: bool
    promised_per_s: float
    done_per_s: float


class LoadWatch:
    """Compares what was done with what was missed, over windows of ``_WINDOW_S``."""

    def __init__(self) -> None:
        self._behind = False
        self._since: tuple[float, int, int] | None = None

    def look(self, now_mono_s: float, done: int, missed: int) -> Load | None:
        """Take the counters as they are now.

        Args:
            now_mono_s: the time.
            done: what was done since the start.
            missed: what was promised since the start and not done.

        Returns:
            A change, when the window that ends now brought one.
        """
        if self._since is None:
            self._since = (now_mono_s, done, missed)
        span_s = now_mono_s - self._since[0]
        if span_s < _WINDOW_S:
            return None
        did, lacked = done - self._since[1], missed - self._since[2]
        self._since = (now_mono_s, done, missed)
        share = lacked / (did + lacked) if lacked else 0.0
        behind = share > (_WELL_SHARE if self._behind else _BEHIND_SHARE)
        if behind == self._behind:
            return None
        self._behind = behind
        return Load(behind, (did + lacked) / span_s, did / span_s)
