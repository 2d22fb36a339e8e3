"""Is something moving, and is this frame worth a look?

Works on the picture at 1/8 of its size in grey (0.4 ms to decode for VGA), where sensor noise is averaged away.

Rules
-----
* A change of light that hits the whole picture (exposure, gain, clouds) is taken out first: ``bridge.motion.light``.
* A picture that differs nearly everywhere is a new scene (infrared switch-over, camera moved): everything begins anew.
  It is worth a look and no motion.
* Moving: enough cells differ clearly from the mean of the last ``_MEMORY_S`` seconds. Glare hides how bright a thing
  really is: where the picture is blown out, or was lately, only a difference that this cannot explain counts. Motion
  holds for ``_HOLD_S`` after the last change, so that it does not flicker.
* Worth a look: a few cells differ by more than they usually do (``bridge.motion.noise``) from what the model saw last.
  While the gate is open the model looks, so the background follows quickly and what stays closes it again; while it is
  closed the background follows slowly, so that somebody slow stands out.
* Masks hide cells from both answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bridge.frames.opencv import cv2
from bridge.motion.light import offset, relit
from bridge.motion.noise import UsualNoise

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bridge.model import Image
    from bridge.motion.light import Cells, Picture

# Grey levels (of 255). JPEG blocks and sensor noise of OV2640 boards stay below 6 after the 1/8 mean and the blur.
DEFAULT_THRESHOLD = 14.0
# Share of the picture: a person 15 px wide and 40 px high in VGA.
DEFAULT_MIN_AREA = 0.002
_NEW_SCENE_AREA = 0.6
_BLOWN_OUT = 245.0
_MEMORY_S = 8.0
_OPEN_MEMORY_S = 1.0
_GLARE_S = 3 * _MEMORY_S  # until the background has forgotten it
_REACH = np.ones((5, 5), np.uint8)  # a glaring cell spoils its neighbours, and the blur theirs
_HOLD_S = 2.0
_LONGEST_STEP_S = 1.0
# The model sees 640 px; a cell of 8 of them is fine enough, so UXGA's 200 x 150 cells are halved.
_MOST_CELLS_WIDE = 130


@dataclass(frozen=True, slots=True)
class MotionSettings:
    """One camera's ``motion:`` section.

    Attributes:
        threshold: grey levels (0..255) that a cell must differ by to be moving. Whether a frame is worth a look does
            not depend on it: it may be raised without losing a visit.
        min_area: share of the picture (0..1) that must differ to be moving; likewise.
        masks: polygons, normalized, where nothing counts for either.
    """

    threshold: float = DEFAULT_THRESHOLD
    min_area: float = DEFAULT_MIN_AREA
    masks: Sequence[Sequence[tuple[float, float]]] = ()


@dataclass(frozen=True, slots=True)
class Motion:
    """What the gate says of one frame. The two answers differ in what an error costs.

    Attributes:
        moving: something moves, or did within the last seconds; for people to see, so slow to cry wolf.
        worth_a_look: the model should look at this frame; for ``Attention``, so quick to say yes.
    """

    moving: bool
    worth_a_look: bool


class MotionGate:
    """Watches one camera; not thread-safe."""

    def __init__(self, settings: MotionSettings) -> None:
        self._settings = settings
        self._size: tuple[int, ...] = ()
        self._last_mono_s = 0.0

    def update(self, grey: Image, now_mono_s: float, *, tracked: bool = False) -> Motion:
        """Take the next picture.

        Args:
            grey: ``(height, width)`` uint8, the frame at 1/8 of its size (``codec.decode_grey_eighth``).
            now_mono_s: when the frame was received.
            tracked: whether an object is followed or an event open (the same value as for ``Attention.wants``): what
                moves meanwhile is not learned as the camera's usual noise.

        Returns:
            What it shows. The first picture, another size and another scene are worth a look.
        """
        picture = _prepared(grey)
        if grey.shape != self._size:
            self._size = grey.shape
            self._begin(picture, now_mono_s)
            return Motion(moving=False, worth_a_look=True)
        step_s = min(_LONGEST_STEP_S, max(0.0, now_mono_s - self._last_mono_s))
        self._last_mono_s = now_mono_s
        moving = self._change.update(picture, now_mono_s, step_s)
        if moving is None:
            self._begin(picture, now_mono_s)
            return Motion(moving=False, worth_a_look=True)
        return Motion(moving, self._curiosity.update(picture, step_s, learn=not tracked))

    def _begin(self, picture: Picture, now_mono_s: float) -> None:
        height, width = picture.shape
        hidden = np.zeros((height, width), np.uint8)
        for polygon in self._settings.masks:
            points = np.asarray([(round(x * width), round(y * height)) for x, y in polygon], np.int32)
            cv2.fillPoly(hidden, [points], 1)
        counts = hidden == 0
        self._last_mono_s = now_mono_s
        self._change = _Change(picture, counts, self._settings, now_mono_s)
        self._curiosity = _Curiosity(picture, counts)


class _Change:
    """Is something moving? Begins anew with every scene."""

    def __init__(self, picture: Picture, counts: Cells, settings: MotionSettings, now_mono_s: float) -> None:
        self._background = picture.copy()
        self._counts = counts
        self._settings = settings
        self._moved_mono_s = float("-inf")
        self._glare_mono_s: npt.NDArray[np.float64] = np.where(_glaring(picture), now_mono_s, -np.inf)

    def update(self, picture: Picture, now_mono_s: float, step_s: float) -> bool | None:
        """Whether something moves, or did lately; None for a new scene."""
        changed = self._changed(picture, now_mono_s)
        if changed is not None:
            if changed.mean() > _NEW_SCENE_AREA:  # of the whole picture: a mask does not hide a change of scene
                return None
            if (changed & self._counts).mean() >= self._settings.min_area:
                self._moved_mono_s = now_mono_s
        cv2.accumulateWeighted(picture, self._background, step_s / _MEMORY_S)
        return now_mono_s - self._moved_mono_s <= _HOLD_S

    def _changed(self, picture: Picture, now_mono_s: float) -> Cells | None:
        """Where the picture differs from the background by more than light and glare explain; None for nowhere."""
        quiet = cv2.norm(picture, self._background, cv2.NORM_INF) <= self._settings.threshold
        if quiet and cv2.minMaxLoc(picture)[1] < _BLOWN_OUT:
            return None
        glare = _glaring(picture)
        glare_before = now_mono_s - self._glare_mono_s <= _GLARE_S
        self._glare_mono_s[glare] = now_mono_s
        if quiet:
            return None
        expected = relit(self._background, picture, ~(glare | glare_before), self._settings.threshold)
        difference = picture - expected
        explained = (glare_before & (difference > 0)) | (glare & (difference < 0))
        changed: Cells = (np.abs(difference) > self._settings.threshold) & ~explained
        if not changed.any():
            self._background = expected  # the light explains it, and need not be found again for the next picture
            return None
        return changed


class _Curiosity:
    """Is the frame worth a look? Begins anew with every scene."""

    def __init__(self, picture: Picture, counts: Cells) -> None:
        self._background = picture.copy()
        self._noise = UsualNoise(counts)

    def update(self, picture: Picture, step_s: float, *, learn: bool) -> bool:
        difference = picture - self._background
        difference -= offset(difference)
        np.abs(difference, out=difference)
        worth_a_look = self._noise.exceeded(difference)
        if worth_a_look:
            readable = (picture < _BLOWN_OUT) & (self._background < _BLOWN_OUT)
            expected = relit(self._background, picture, readable, DEFAULT_THRESHOLD)
            np.subtract(picture, expected, out=difference)
            np.abs(difference, out=difference)
            worth_a_look = self._noise.exceeded(difference)
            if not worth_a_look:
                self._background = expected  # likewise
        if learn:
            self._noise.learn(difference, step_s)
        cv2.accumulateWeighted(picture, self._background, step_s / (_OPEN_MEMORY_S if worth_a_look else _MEMORY_S))
        return worth_a_look


def _prepared(grey: Image) -> Picture:
    height, width = grey.shape
    if max(height, width) > _MOST_CELLS_WIDE:
        even = grey[: height // 2 * 2, : width // 2 * 2]
        grey = np.asarray(cv2.resize(even, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8)
    return cv2.blur(grey, (3, 3)).astype(np.float32)


def _glaring(picture: Picture) -> Cells:
    return cv2.dilate(picture, _REACH) >= _BLOWN_OUT
