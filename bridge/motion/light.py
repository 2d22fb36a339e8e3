"""A change of light that hits the whole picture: exposure, gain, clouds.

It is a straight line, ``gain * before + offset``, through the cells that did not change otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import TypeAlias

    import numpy.typing as npt

    Picture: TypeAlias = npt.NDArray[np.float32]
    """``(height, width)`` float32, grey levels 0..255."""
    Cells: TypeAlias = npt.NDArray[np.bool_]
    """``(height, width)`` bool, which cells of a picture."""

# A change of light outside of these is taken for another scene.
_GAINS = (0.4, 2.5)
_FLAT_VARIANCE = 1.0
_FIT_ROUNDS = 3
_MIDDLE = np.float32(128)
# Every third cell of every third row says as much of the light as all of them, and takes a ninth of the time.
_SAMPLE = (slice(1, None, 3), slice(1, None, 3))


def offset(difference: Picture) -> np.float32:
    """By how much most of the picture became brighter: the median."""
    sample = difference[_SAMPLE].ravel()
    middle = sample.size // 2
    return np.float32(np.partition(sample, middle)[middle]) if sample.size else np.float32(0)


def relit(before: Picture, now: Picture, readable: Cells, threshold: float) -> Picture:
    """The picture ``before`` in the light of ``now``.

    Begins with the cells that only the median difference sets apart by up to ``threshold``, and lets each round's line
    find more of them.

    Args:
        before: the earlier picture.
        now: the later one, of the same size.
        readable: the cells where both are neither blown out nor hidden by glare.
        threshold: grey levels that noise may add.
    """
    # A quarter of the cells; without their middle, so that float32 keeps the variance.
    then, since = before[::2, ::2].ravel() - _MIDDLE, now[::2, ::2].ravel() - _MIDDLE
    usable = readable[::2, ::2].ravel()
    gain, plus = 1.0, float(offset(now - before))
    for _ in range(_FIT_ROUNDS):
        residual = since - then * np.float32(gain)
        residual -= np.float32(plus)
        alike = ((np.abs(residual) <= threshold) & usable).astype(np.float32)
        count = float(alike @ alike)
        if count == 0:
            break
        mean_then, mean_since = float(alike @ then) / count, float(alike @ since) / count
        alike *= then
        variance = float(alike @ then) / count - mean_then**2
        covariance = float(alike @ since) / count - mean_then * mean_since
        gain = 1.0 if variance < _FLAT_VARIANCE else min(_GAINS[1], max(_GAINS[0], covariance / variance))
        plus = mean_since - gain * mean_then
    expected = before * np.float32(gain)
    expected += np.float32(plus + (1 - gain) * _MIDDLE)
    np.minimum(expected, np.float32(255), out=expected)
    np.maximum(expected, np.float32(0), out=expected)
    return expected
