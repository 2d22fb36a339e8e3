"""What a camera's picture does by itself: sensor noise, JPEG, a flickering lamp, leaves, rain, a drawn clock.

Learned of each cell is the level that its difference from the background stays below nine tenths of the time, and of
the picture how many cells go beyond it at once, by the same rule: a small step up where the level was exceeded, and one
nine times smaller down where it was not. So a cell that is restless all the time is heard no more after some ten
seconds, one that somebody passes now and then stays alert, and what calms down is forgotten within minutes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from bridge.motion.light import Cells, Picture

# Steps of the logarithm. Twice as fast costs the smallest people half of the frames that they open; half as fast lets
# a picture at JPEG quality 12 through for a minute.
_UP_PER_S = 0.2
_DOWN_PER_S = _UP_PER_S / 9
_LEAST, _MOST = np.float32(0.3), np.float32(60.0)  # grey levels
# A cell stands out beyond twice its usual range, and a little: a bare factor of Gaussian noise would do with less, but
# leaves and digits reach the end of their range again and again.
_TIMES, _PLUS = np.float32(2.0), np.float32(1.6)
# That many cells must stand out. The blur spreads the smallest person that the model finds over a dozen.
_FEW_CELLS = 3
_LEAST_SPECKS, _MOST_SPECKS = 0.5, 4.5  # rain damps the gate, but a dozen cells open it in any weather


class UsualNoise:
    """Learns from differences of one size; begins as alert as it gets.

    Args:
        counts: the cells that are not masked.
    """

    def __init__(self, counts: Cells) -> None:
        self._counts = counts
        self._usual: Picture = np.full(counts.shape, _LEAST, np.float32)
        self._limit: Picture = _TIMES * self._usual + _PLUS
        self._specks = _LEAST_SPECKS

    def exceeded(self, difference: Picture) -> bool:
        """Whether enough cells differ by more than they usually do; ``difference`` in absolute grey levels."""
        return self._outstanding(difference) >= _FEW_CELLS + 2 * (self._specks - _LEAST_SPECKS)

    def learn(self, difference: Picture, step_s: float) -> None:
        """Take the differences of a picture that came ``step_s`` after the last."""
        up, down = math.exp(_UP_PER_S * step_s), math.exp(-_DOWN_PER_S * step_s)
        self._specks *= up if self._outstanding(difference) > self._specks else down
        self._specks = min(_MOST_SPECKS, max(_LEAST_SPECKS, self._specks))
        step = (difference > self._usual) * np.float32(up - down)
        step += np.float32(down)
        self._usual *= step
        np.minimum(self._usual, _MOST, out=self._usual)
        np.maximum(self._usual, _LEAST, out=self._usual)
        np.multiply(self._usual, _TIMES, out=self._limit)
        self._limit += _PLUS

    def _outstanding(self, difference: Picture) -> int:
        return int(np.count_nonzero((difference > self._limit) & self._counts))
