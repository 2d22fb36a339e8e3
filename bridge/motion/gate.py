"""Does this frame differ from what the camera usually shows?

Works on the picture at 1/8 of its size in grey (0.4 ms to decode for VGA), where sensor noise is averaged away.

Rules
-----
* The background is a running mean of the last ``_MEMORY_S`` seconds.
* A change of light that hits the whole picture (exposure, gain, clouds) is taken out first: the picture is compared
  with ``gain * background + offset``, fitted to the cells that did not change otherwise.
* Glare hides how bright a thing really is: where the picture is blown out, or was lately, only a difference that this
  cannot explain counts.
* A picture that differs nearly everywhere is a new scene (infrared switch-over, camera moved): the background begins
  anew and nothing is reported.
* Motion holds for ``_HOLD_S`` after the last change, so that it does not flicker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bridge.frames.opencv import cv2

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from bridge.model import Image

    _Picture: TypeAlias = npt.NDArray[np.float32]
    _Cells: TypeAlias = npt.NDArray[np.bool_]

# Grey levels (of 255). JPEG blocks and sensor noise of OV2640 boards stay below 6 after the 1/8 mean and the blur.
DEFAULT_THRESHOLD = 14.0
# Share of the picture: a person 15 px wide and 40 px high in VGA.
DEFAULT_MIN_AREA = 0.002
_NEW_SCENE_AREA = 0.6
# A change of light outside of these is taken for another scene.
_GAINS = (0.4, 2.5)
_FLAT_VARIANCE = 1.0
_FIT_ROUNDS = 3
_BLOWN_OUT = 245.0
_MEMORY_S = 8.0
_GLARE_S = 3 * _MEMORY_S  # until the background has forgotten it
_REACH = np.ones((5, 5), np.uint8)  # a glaring cell spoils its neighbours, and the blur theirs
_HOLD_S = 2.0
_LONGEST_STEP_S = 1.0


@dataclass(frozen=True, slots=True)
class MotionSettings:
    """One camera's ``motion:`` section.

    Attributes:
        threshold: grey levels (0..255) that a cell must differ by.
        min_area: share of the picture (0..1) that must differ.
        masks: polygons, normalized, where motion does not count.
    """

    threshold: float = DEFAULT_THRESHOLD
    min_area: float = DEFAULT_MIN_AREA
    masks: Sequence[Sequence[tuple[float, float]]] = ()


class MotionGate:
    """Watches one camera; not thread-safe."""

    def __init__(self, settings: MotionSettings) -> None:
        self._settings = settings
        self._background: _Picture | None = None
        self._counts: _Cells = np.ones((0, 0), bool)
        self._glare_mono_s: npt.NDArray[np.float64] = np.zeros((0, 0))  # when each cell was blown out last
        self._last_mono_s = 0.0
        self._moved_mono_s = float("-inf")

    def update(self, grey: Image, now_mono_s: float) -> bool:
        """Take the next picture.

        Args:
            grey: ``(height, width)`` uint8, the frame at 1/8 of its size (``codec.decode_grey_eighth``).
            now_mono_s: when the frame was received.

        Returns:
            Whether something moves now, or did within the last seconds.
        """
        picture = cv2.blur(grey, (3, 3)).astype(np.float32)
        background = self._background
        if background is None or background.shape != picture.shape:
            self._begin(picture, now_mono_s)
            return False
        changed = self._changed(background, picture, now_mono_s)
        if changed.mean() > _NEW_SCENE_AREA:  # of the whole picture: a mask does not hide a change of scene
            self._begin(picture, now_mono_s)
            return False
        area = float((changed & self._counts).mean())
        step_s = min(_LONGEST_STEP_S, max(0.0, now_mono_s - self._last_mono_s))
        background += (picture - background) * np.float32(step_s / _MEMORY_S)
        self._last_mono_s = now_mono_s
        if area >= self._settings.min_area:
            self._moved_mono_s = now_mono_s
        return now_mono_s - self._moved_mono_s <= _HOLD_S

    def _changed(self, background: _Picture, picture: _Picture, now_mono_s: float) -> _Cells:
        """Where the picture differs from the background by more than light and glare explain."""
        glare = _glaring(picture)
        glare_before = now_mono_s - self._glare_mono_s <= _GLARE_S
        self._glare_mono_s[glare] = now_mono_s
        difference = picture - _relit(background, picture, ~(glare | glare_before), self._settings.threshold)
        explained = (glare_before & (difference > 0)) | (glare & (difference < 0))
        changed: _Cells = (np.abs(difference) > self._settings.threshold) & ~explained
        return changed

    def _begin(self, picture: _Picture, now_mono_s: float) -> None:
        self._background = picture
        self._last_mono_s = now_mono_s
        self._moved_mono_s = float("-inf")
        self._glare_mono_s = np.where(_glaring(picture), now_mono_s, -np.inf)
        height, width = picture.shape
        hidden = np.zeros((height, width), np.uint8)
        for polygon in self._settings.masks:
            points = np.asarray([(round(x * width), round(y * height)) for x, y in polygon], np.int32)
            cv2.fillPoly(hidden, [points], 1)
        self._counts = hidden == 0


def _glaring(picture: _Picture) -> _Cells:
    return cv2.dilate(picture, _REACH) >= _BLOWN_OUT


def _relit(background: _Picture, picture: _Picture, readable: _Cells, threshold: float) -> _Picture:
    """The background in the light of the picture: a straight line through the cells that did not change otherwise.

    Begins with those that only the median difference sets apart, and lets each round's line find more of them.
    """
    expected = background + np.float32(np.median(picture - background))
    for _ in range(_FIT_ROUNDS):
        alike = readable & (np.abs(picture - expected) <= threshold)
        before, now = background[alike], picture[alike]
        if before.size == 0:
            break
        mean_before, mean_now = np.float32(before.mean()), np.float32(now.mean())
        variance = float(before.var())
        covariance = float(((before - mean_before) * (now - mean_now)).mean())
        gain = 1.0 if variance < _FLAT_VARIANCE else min(_GAINS[1], max(_GAINS[0], covariance / variance))
        expected = np.float32(gain) * (background - mean_before) + mean_now
    return np.asarray(np.clip(expected, 0, 255), np.float32)
