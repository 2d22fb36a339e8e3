"""When the next picture is due, and which one: time runs at its own speed, however slow the link is.

Pure: the time comes in as a value. A board captures when it is ready to send, so a picture that could not be sent in
time is never sent late; the newest one takes its place and the gap is counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# Positions are sums of intervals; without the margin a sum of tenths falls just short of a whole frame.
_ROUNDING_FRAMES = 1e-6


@dataclass(frozen=True, slots=True)
class Slot:
    """One picture to send now.

    Attributes:
        index: which picture of the footage, from 0, never falling.
        missed: how many were due since the last one and will not be sent.
    """

    index: int
    missed: int


class Pace:
    """Hands out the pictures of a footage at a steady rate.

    Args:
        fps: how many pictures a second to send.
        footage_fps: the rate at which the footage was filmed; pictures are skipped or repeated so that it plays at
            real speed. None: pictures without a time of their own, each is sent once and none is skipped.
    """

    def __init__(self, fps: float, footage_fps: float | None) -> None:
        self._interval_s = 1.0 / fps
        self._footage_fps = footage_fps
        self._due_s: float | None = None
        self._position_s = 0.0
        self._index = 0

    @property
    def fps(self) -> float:
        """The rate in force."""
        return 1.0 / self._interval_s

    def change(self, fps: float) -> None:
        """Go on at another rate, from the present place in the footage."""
        self._interval_s = 1.0 / fps

    def pause(self) -> None:
        """The link is gone: the footage waits, and what falls due meanwhile is not counted as missed."""
        self._due_s = None

    def wait_s(self, now_s: float) -> float:
        """How long until the next picture is due; 0 when it is due or overdue."""
        return 0.0 if self._due_s is None else max(0.0, self._due_s - now_s)

    def take(self, now_s: float) -> Slot:
        """Take the newest picture that is due at ``now_s``."""
        due_s = now_s if self._due_s is None else self._due_s
        if self._footage_fps is None:
            self._due_s = max(due_s + self._interval_s, now_s)
            self._index += 1
            return Slot(self._index - 1, 0)
        missed = max(0, math.floor((now_s - due_s) / self._interval_s))
        self._due_s = due_s + (missed + 1) * self._interval_s
        self._position_s += missed * self._interval_s
        index = math.floor(self._position_s * self._footage_fps + _ROUNDING_FRAMES)
        self._position_s += self._interval_s
        return Slot(index, missed)
