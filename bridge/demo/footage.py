"""Footage for a demo without a camera and without a video: a walk over photographs.

The installed ``ultralytics`` package carries two photographs with people. A window pans and zooms over them, as a
camera on a motor would, and rests for a while where nobody is: so people come and go. Nothing of ``ultralytics`` is
imported (that would load PyTorch); only its pictures are read.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bridge.errors import DependencyMissing, SourceError
from bridge.frames.opencv import cv2
from bridge.simulate.source import Source

if TYPE_CHECKING:
    from bridge.model import Image

FPS = 10.0
SIZE_PX = (640, 480)

_STAGGER_S = 17.0  # the second camera sees somebody 6 s after its start, the first after 4 s
_NOISE_LEVELS = 1.5  # standard deviation, of 255: a small sensor by day
_NOISE_BIAS = 10
_NOISE_PICTURES = 8


class Window(NamedTuple):
    """A part of a photograph in pixels; its height is 3/4 of its width."""

    left: float
    top: float
    width: float


class Key(NamedTuple):
    """Where the window is at one moment of the walk."""

    at_s: float
    window: Window


@dataclass(frozen=True, slots=True)
class Walk:
    """A round trip over one photograph.

    Attributes:
        photograph: name of the file among the package's ``assets``.
        keys: in order of time, from 0; the window glides from each to the next, and the last is where the first is.
    """

    photograph: str
    keys: tuple[Key, ...]

    @property
    def duration_s(self) -> float:
        """How long a round takes."""
        return self.keys[-1].at_s

    def window_at(self, at_s: float) -> Window:
        """Where the window is; times beyond a round go on with the next."""
        at_s %= self.duration_s
        before, after = next(pair for pair in pairwise(self.keys) if at_s < pair[1].at_s)
        share = (at_s - before.at_s) / (after.at_s - before.at_s)
        eased = share * share * (3 - 2 * share)  # no jerk at either end
        return Window(*(a + (b - a) * eased for a, b in zip(before.window, after.window, strict=True)))


# Each photograph has a part without people, where the model sees no person even at a score of 0.1. Both rests there
# last 9 s (the second one across the end of a round), so that an event ends (end_after_s is 5) before the next begins.
_HOUSE, _GAP = Window(380, 0, 400), Window(480, 0, 260)

WALKS = (
    Walk(
        "bus.jpg",
        (
            Key(0, _HOUSE),
            Key(3, _HOUSE),
            Key(5, Window(30, 385, 420)),
            Key(11, Window(40, 390, 390)),
            Key(13, _HOUSE),
            Key(22, _HOUSE),
            Key(24, Window(375, 375, 435)),
            Key(30, Window(355, 365, 455)),
            Key(32, _HOUSE),
            Key(38, _HOUSE),
        ),
    ),
    Walk(
        "zidane.jpg",
        (
            Key(0, _GAP),
            Key(3, _GAP),
            Key(5, Window(740, 20, 540)),
            Key(11, Window(760, 30, 500)),
            Key(13, _GAP),
            Key(22, _GAP),
            Key(24, Window(0, 120, 700)),
            Key(30, Window(30, 140, 660)),
            Key(32, _GAP),
            Key(38, _GAP),
        ),
    ),
)


class PhotoWalk(Source):
    """A walk as a camera films it, round after round.

    Args:
        photograph: ``(height, width, 3)`` uint8, BGR.
        walk: where the window goes; must stay inside the photograph.
        start_s: where in the walk to begin.
    """

    def __init__(self, photograph: Image, walk: Walk, start_s: float = 0.0) -> None:
        super().__init__(fps=FPS, filmed=True, size_px=SIZE_PX)
        self.walk = walk
        self.start_s = start_s
        self._photograph = photograph

    def _read(self, index: int) -> bytes | None:
        index += round(self.start_s * FPS)
        left, top, width = self.walk.window_at(index / FPS)
        scale = SIZE_PX[0] / width
        move = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
        picture = cv2.warpAffine(self._photograph, move, SIZE_PX, flags=cv2.INTER_LINEAR)
        noisy = cv2.add(picture, _noise()[index % _NOISE_PICTURES])
        return self._encode(np.asarray(cv2.subtract(noisy, np.full(4, _NOISE_BIAS, np.float64)), np.uint8))


def demo_sources(cameras: int) -> list[Source]:
    """Endless footage for so many cameras, each at another place of its walk.

    Raises:
        DependencyMissing: ``ultralytics``, whose photographs are used, is not installed.
        SourceError: it is, but without them.
    """
    folder = _assets()
    walks = [WALKS[place % len(WALKS)] for place in range(cameras)]
    photographs = {walk.photograph: _photograph(folder / walk.photograph) for walk in walks}
    return [
        PhotoWalk(photographs[walk.photograph], walk, start_s=place * _STAGGER_S) for place, walk in enumerate(walks)
    ]


def _assets() -> Path:
    spec = importlib.util.find_spec("ultralytics")
    if spec is None or spec.origin is None:
        raise DependencyMissing(
            "ultralytics (the demo's photographs come with it)",
            "run: pip install 'espcam-bridge[yolo]', or play a video of your own with --source PATH",
        )
    return Path(spec.origin).parent / "assets"


def _photograph(path: Path) -> Image:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError(f"ultralytics came without its photograph {path.name}; play a video with --source PATH")
    return np.asarray(image, np.uint8)


@cache
def _noise() -> tuple[Image, ...]:
    """Grey noise around the bias, the same in every run."""
    random = np.random.default_rng(0)
    width, height = SIZE_PX
    grey = random.normal(_NOISE_BIAS, _NOISE_LEVELS, (_NOISE_PICTURES, height, width, 1)).clip(0, 2 * _NOISE_BIAS)
    return tuple(np.repeat(picture, 3, axis=2).astype(np.uint8) for picture in grey)
