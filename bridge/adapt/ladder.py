"""The steps from what a user wants of a camera down to what a bad link still carries. Pure.

In this order, because of what each costs who looks and what it costs the detector:

1. JPEG quality, two steps: a third to a half of the bytes, and hardly to be seen.
2. Frame sizes down to 640 pixels wide: the model sees no more anyway.
3. Rates down to what the detector looks at.
4. Smaller sizes, down to 320 pixels: what is far away is lost.
5. Lower rates, down to one picture a second.

Only sizes of the same shape are taken: a sensor cuts the picture for another one, and zones would lie elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from bridge.link.table import FRAMESIZES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

WORST_QUALITY: Final = 40
"""Of the sensor's numbers; beyond it an OV2640 shows blocks in which no detector finds anybody."""

_QUALITY_STEPS: Final = (6, 14)  # on top of the wanted number; from 12: about 0.7 and 0.5 of the bytes
_MODEL_WIDTH_PX: Final = 640
_LEAST_WIDTH_PX: Final = 320
_LEAST_STEP: Final = 0.75  # of the pixels: a smaller step is not worth the sensor's pause
_SHAPE_TOLERANCE: Final = 0.02
_RATE_STEPS: Final = (0.6, 0.35)
_LEAST_FPS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What a camera is set to; None where it cannot be set, or nobody knows."""

    framesize: str | None = None
    quality: int | None = None
    max_fps: float | None = None


def rungs(ceiling: Settings, framesizes: Sequence[str], detect_fps: float) -> tuple[Settings, ...]:
    """The steps, from the ceiling down; each sends less than the one before.

    Args:
        ceiling: what the user wants.
        framesizes: the names that the camera takes.
        detect_fps: pictures a second that the detector looks at.
    """
    found = [ceiling]
    for change in _changes(ceiling, framesizes, detect_fps):
        found.append(replace(found[-1], **change))
    return tuple(found)


def at(steps: Sequence[Settings], level: int, *, eventful: bool, detect_fps: float, idle_fps: float | None) -> Settings:
    """What to set at a level.

    Args:
        steps: as ``rungs`` gave them.
        level: 0 is the ceiling.
        eventful: an event is open: the rate stays at what the detector looks at.
        detect_fps: pictures a second that the detector looks at.
        idle_fps: pictures a second are enough while nothing happens and nobody looks; None: something does.
    """
    settings, wanted_fps = steps[level], steps[0].max_fps
    if settings.max_fps is None or wanted_fps is None:
        return settings
    max_fps = settings.max_fps
    if eventful:
        max_fps = max(max_fps, min(wanted_fps, detect_fps))
    elif idle_fps is not None:
        max_fps = min(max_fps, idle_fps)
    return replace(settings, max_fps=max_fps)


def _changes(ceiling: Settings, framesizes: Sequence[str], detect_fps: float) -> Iterator[dict[str, Any]]:
    sizes = list(_smaller(ceiling.framesize, framesizes))
    rates = list(_slower(ceiling.max_fps, detect_fps))
    if ceiling.quality is not None:
        worse = [min(ceiling.quality + step, WORST_QUALITY) for step in _QUALITY_STEPS]
        yield from ({"quality": quality} for quality in _falling(ceiling.quality, worse))
    yield from ({"framesize": name} for name in sizes if FRAMESIZES[name][0] >= _MODEL_WIDTH_PX)
    yield from ({"max_fps": fps} for fps in rates if fps >= detect_fps)
    yield from ({"framesize": name} for name in sizes if FRAMESIZES[name][0] < _MODEL_WIDTH_PX)
    yield from ({"max_fps": fps} for fps in rates if fps < detect_fps)


def _falling(best: int, worse: Iterable[int]) -> Iterator[int]:
    for quality in worse:
        if quality > best:
            yield quality
            best = quality


def _smaller(framesize: str | None, framesizes: Sequence[str]) -> Iterator[str]:
    """The sizes of the same shape below, the largest first."""
    if framesize is None or framesize not in FRAMESIZES:
        return
    width, height = FRAMESIZES[framesize]
    last_pixels = width * height
    for name in sorted(set(framesizes) & set(FRAMESIZES), key=lambda one: -FRAMESIZES[one][0] * FRAMESIZES[one][1]):
        w, h = FRAMESIZES[name]
        same_shape = abs(w / h / (width / height) - 1) <= _SHAPE_TOLERANCE
        if same_shape and w >= _LEAST_WIDTH_PX and w * h <= _LEAST_STEP * last_pixels:
            yield name
            last_pixels = w * h


def _slower(max_fps: float | None, detect_fps: float) -> Iterator[float]:
    """The rates below, the highest first; what the detector looks at is one of them."""
    if max_fps is None:
        return
    wanted = {round(2 * max_fps * step) / 2 for step in _RATE_STEPS} | {detect_fps, detect_fps / 2, _LEAST_FPS}
    yield from sorted((fps for fps in wanted if _LEAST_FPS <= fps < max_fps), reverse=True)
