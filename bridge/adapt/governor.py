"""When a camera is to send less, and when more again. Pure: the time comes in as a value.

Rules
=====
1. A link that is bad for ``BAD_S`` (``BAD_EVENTFUL_S`` while an event is open) costs a step; a severely bad one, two.
2. After each change it is given ``SETTLE_S`` before it is judged.
3. A link that is good without a break for the patience wins a step back. The patience begins with ``PATIENCE_S``.
4. A step that was won and is lost within ``PROBATION_S`` doubles the patience, up to ``MOST_PATIENCE_S``: a link that
   carries just less than the next step is not tried every minute. Each step that stays won halves it again.
5. A fair link leaves everything as it is.
6. Damage and lateness may have other causes than the link (a loose sensor cable, a board that stands still). When
   ``FUTILE_STEPS`` steps have not made them less by a quarter, they are taken back, and for ``FUTILE_S`` such trouble
   costs no more.
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
FUTILE_STEPS: Final = 3
FUTILE_S: Final = 1800.0

_HELPED: Final = 0.75


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
    _first: tuple[int, float] | None = None  # level and share when such trouble began
    _futile_until_mono_s: float = float("-inf")

    def begin_anew(self, now_mono_s: float) -> None:
        """The user has set something: that is in force, and tried."""
        self.level, self.reason, self._patience_s = 0, "", PATIENCE_S
        self._first, self._futile_until_mono_s = None, float("-inf")
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
        is_futile = verdict.share is not None and now_mono_s < self._futile_until_mono_s
        is_bad = verdict.grade in (Grade.BAD, Grade.SEVERE) and not is_futile
        self._bad_since_mono_s = _since(self._bad_since_mono_s, now_mono_s, holds=is_bad)
        self._good_since_mono_s = _since(self._good_since_mono_s, now_mono_s, holds=verdict.grade is Grade.GOOD)
        if self._bad_since_mono_s is not None:
            wait_s = BAD_EVENTFUL_S if eventful else BAD_S
            return now_mono_s - self._bad_since_mono_s >= wait_s and self._pay(verdict, lowest, now_mono_s)
        if (
            self._good_since_mono_s is None
            or self.level == 0
            or now_mono_s - self._good_since_mono_s < self._patience_s
        ):
            return False
        self._win(now_mono_s)
        return True

    def _pay(self, verdict: Verdict, lowest: int, now_mono_s: float) -> bool:
        """Have a bad link cost something; False when there is nothing left."""
        if self._took_it_back(verdict, now_mono_s):
            return True
        if self.level == lowest:
            return False
        self._lose(verdict, lowest, now_mono_s)
        return True

    def _lose(self, verdict: Verdict, lowest: int, now_mono_s: float) -> None:
        if self._won_mono_s is not None and now_mono_s - self._won_mono_s <= PROBATION_S:
            self._patience_s = min(2 * self._patience_s, MOST_PATIENCE_S)
        self._won_mono_s = None
        self.level = min(lowest, self.level + (2 if verdict.grade is Grade.SEVERE else 1))
        self.reason = verdict.reason
        self._change(now_mono_s)

    def _took_it_back(self, verdict: Verdict, now_mono_s: float) -> bool:
        """Whether sending less has not helped, and is over."""
        if verdict.share is None:
            self._first = None
            return False
        if self._first is None:
            self._first = (self.level, verdict.share)
        level, share = self._first
        if self.level - level < FUTILE_STEPS or verdict.share < _HELPED * share:
            return False
        self.level, self.reason = level, self.reason if level else ""
        self._first, self._futile_until_mono_s = None, now_mono_s + FUTILE_S
        self._change(now_mono_s)
        return True

    def _win(self, now_mono_s: float) -> None:
        if self._won_mono_s is not None and now_mono_s - self._won_mono_s > PROBATION_S:
            self._patience_s = max(PATIENCE_S, self._patience_s / 2)
        self.level -= 1
        self._first = None
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
