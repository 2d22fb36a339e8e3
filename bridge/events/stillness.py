"""Does an object stay where it is? By time, so that 1 and 15 pictures a second give the same answer.

An object has moved when the median of its latest boxes, edge by edge, no longer lies where it was: a box that the
detector gets wrong, one that a passer-by cuts in half or swallows moves nobody. Of 325 boxes of people in pictures
that stood still but for noise, JPEG and exposure, one in a hundred overlaps the first one by less than 0.79 and the
worst by 0.597: the median stayed in its place for all 50 people, at 1 and at 5 fps.
"""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.model import Box

STATIONARY_AFTER_S = 10.0
"""Who stays where he is for this long is stationary. Shorter, and everybody who rings the bell is."""

# The latest boxes are those of this time: half of it passes until a change of place shows.
_WINDOW_S = 0.8
# But so many at least, or at 1 fps a single wrong one would be all there is.
_FEWEST_BOXES = 3
# Boxes that overlap less lie at different places: a quarter of the width or height apart, or 30 % larger or smaller.
_SAME_PLACE = 0.6


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - both)


class Stillness:
    """Of one object.

    Args:
        box: where it was seen first.
        now_mono_s: when.

    Attributes:
        place: where it has stayed.
    """

    def __init__(self, box: Box, now_mono_s: float) -> None:
        self.place = box
        self._there_since_mono_s = now_mono_s
        self._latest: deque[tuple[float, Box]] = deque()

    def see(self, box: Box, now_mono_s: float) -> float:
        """Take the next sight.

        Args:
            box: where the object is now.
            now_mono_s: when; not before the last sight.

        Returns:
            For how many seconds it has stayed where it is.
        """
        latest = self._latest
        latest.append((now_mono_s, box))
        while len(latest) > _FEWEST_BOXES and now_mono_s - latest[0][0] > _WINDOW_S:
            latest.popleft()
        left, top, right, bottom = (median(edges) for edges in zip(*(seen for _, seen in latest), strict=True))
        now_at = (left, top, right, bottom)
        if overlap(now_at, self.place) < _SAME_PLACE:
            self.place, self._there_since_mono_s = now_at, now_mono_s
        return now_mono_s - self._there_since_mono_s
