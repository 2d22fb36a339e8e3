"""When a camera is to send less, and when more again. Pure: the time comes in as a value.

Rules
=====
1. A link that is bad for ``BAD_S`` (``BAD_EVENTFUL_S`` while an event is open) costs a step; a severely bad one, two.
2. After each change it is given ``SETTLE_S`` before it is judged.
3. A link that is good without a break for the patience wins a step back. The patience begins with ``PATIENCE_S``.
4. A step that was won and is lost within ``PROBATION_S`` doubles the patience, up to ``MOST_PATIENCE_S``: a link that
   carries just less than the next step is not tried every minute. Each step that stays won halves it again.
5. A fair link leaves everything as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.adapt.evidence import Grade

if TYPE_CHECKING:
    from bridge.adapt.evidence import Verdict

BAD_S: Final = 5.0
BAD_EVENTFUL_S: Final = 2.0
SETTLE_S: Final = 10.0
PATIENCE_S: Final = 60.0
MOST_PATIENCE_S: Final = 960.0
PROBATION_S: Final = 60.0


@dataclass(slots=True)
class Governor:
    """Decides for one camera.

    Attributes:
        level: how many steps below what the user wants; 0 is that.
        reason: why it is not 0; empty when it is.
    """

    level: int = 0
    reason: str = ""
    _patience_s: float = PATIENCE_S
    _changed_mono_s: float = float("-inf")
    _won_mono_s: float | None = None  # the last step, while nothing was lost since
    _bad_since_mono_s: float | None = None
    _good_since_mono_s: float | None = None

    def begin_anew(self, now_mono_s: float) -> None:
        """The user has set something: that is in force, and tried."""
        self.level, self.reason, self._patience_s = 0, "", PATIENCE_S
        self._change(now_mono_s)

    def pause(self) -> None:
        """The camera is away: nothing is known of its link."""
        self._bad_since_mono_s = self._good_since_mono_s = None

    def decide(self, verdict: Verdict, lowest: int, now_mono_s: float, *, eventful: bool) -> bool:
        """Take note of how the link is.

        Args:
            verdict: how it is.
            lowest: the last level that there is.
            now_mono_s: the time.
            eventful: whether an event is open.

        Returns:
            Whether the level has changed.
        """
        self.level = min(self.level, lowest)
        if now_mono_s - self._changed_mono_s < SETTLE_S:
            return False
        is_bad = verdict.grade in (Grade.BAD, Grade.SEVERE)
        self._bad_since_mono_s = _since(self._bad_since_mono_s, now_mono_s, holds=is_bad)
        self._good_since_mono_s = _since(self._good_since_mono_s, now_mono_s, holds=verdict.grade is Grade.GOOD)
        if self._bad_since_mono_s is not None:
            wait_s = BAD_EVENTFUL_S if eventful else BAD_S
            if now_mono_s - self._bad_since_mono_s < wait_s or self.level == lowest:
                return False
            self._lose(verdict, lowest, now_mono_s)
            return True
        if (
            self._good_since_mono_s is None
            or self.level == 0
            or now_mono_s - self._good_since_mono_s < self._patience_s
        ):
            return False
        self._win(now_mono_s)
        return True

    def _lose(self, verdict: Verdict, lowest: int, now_mono_s: float) -> None:
        if self._won_mono_s is not None and now_mono_s - self._won_mono_s <= PROBATION_S:
            self._patience_s = min(2 * self._patience_s, MOST_PATIENCE_S)
        self._won_mono_s = None
        self.level = min(lowest, self.level + (2 if verdict.grade is Grade.SEVERE else 1))
        self.reason = verdict.reason
        self._change(now_mono_s)

    def _win(self, now_mono_s: float) -> None:
        if self._won_mono_s is not None and now_mono_s - self._won_mono_s > PROBATION_S:
            self._patience_s = max(PATIENCE_S, self._patience_s / 2)
        self.level -= 1
        self.reason = self.reason if self.level else ""
        self._won_mono_s = now_mono_s
        self._change(now_mono_s)

    def _change(self, now_mono_s: float) -> None:
        self._changed_mono_s = now_mono_s
        self._bad_since_mono_s = self._good_since_mono_s = None


def _since(before: float | None, now_mono_s: float, *, holds: bool) -> float | None:
    if not holds:
        return None
    return now_mono_s if before is None else before
