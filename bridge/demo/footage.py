"""Footage for a demo without a camera and without a video: somebody comes into a drawn room, stays and goes.

She is Rear Admiral Grace Hopper, who found the first bug, on the portrait that matplotlib carries among its sample data
(United States Navy, in the public domain). Nothing of ``matplotlib`` is imported; only the picture is read.
"""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from bridge.demo.room import draw_room
from bridge.errors import DependencyMissing, SourceError
from bridge.frames.opencv import cv2
from bridge.simulate.source import Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.model import Image

FPS = 10.0
SIZE_PX = (640, 480)

_STAGGER_S = 11.0  # the second camera sees somebody 5 s after its start, the first after 2 s
_NOISE_LEVELS = 1.5  # standard deviation, of 255: a small sensor by day
_NOISE_BIAS = 10
_NOISE_PICTURES = 8
_STEPS_PER_WIDTH = 3.0  # she bobs with every step
_BOB = 0.012  # of the height

_PORTRAIT: Final = ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg")
_OUTLINE_PX: Final = (
    (14, 599), (22, 480), (36, 420), (60, 385), (110, 360), (160, 346), (196, 326), (203, 316), (198, 302), (180, 292),
    (167, 265), (155, 215), (157, 180), (164, 146), (158, 126), (156, 102), (173, 82), (182, 62), (214, 38), (254, 25),
    (298, 34), (340, 58), (353, 86), (369, 95), (372, 150), (375, 190), (370, 230), (362, 268), (345, 302), (331, 316),
    (345, 332), (400, 358), (480, 386), (498, 408), (511, 450), (511, 599),
)  # fmt: skip
"""Around her, on the portrait."""
_SOFT_PX: Final = 1.5


class Place(NamedTuple):
    """Where somebody is; out of the picture, if far enough to the left or right.

    Attributes:
        x: the middle, in shares of the picture's width.
        height: from the hat to the lower edge of the picture, in shares of the picture's height.
    """

    x: float
    height: float


class Key(NamedTuple):
    """Where she is at one moment of the walk."""

    at_s: float
    place: Place


@dataclass(frozen=True, slots=True)
class Walk:
    """A visit, and the time until the next.

    Attributes:
        mirrored: which of the two rooms it is in, and which way she looks.
        keys: in order of time, from 0; she walks from each to the next, and a round ends as it begins: without her.
    """

    mirrored: bool
    keys: tuple[Key, ...]

    @property
    def duration_s(self) -> float:
        """How long a round takes."""
        return self.keys[-1].at_s

    def place_at(self, at_s: float) -> Place:
        """Where she is; times beyond a round go on with the next."""
        at_s %= self.duration_s
        before, after = next(pair for pair in pairwise(self.keys) if at_s < pair[1].at_s)
        share = (at_s - before.at_s) / (after.at_s - before.at_s)
        eased = share * share * (3 - 2 * share)  # no jerk at either end
        return Place(*(a + (b - a) * eased for a, b in zip(before.place, after.place, strict=True)))


_LEFT, _RIGHT = -0.5, 1.5  # out of the picture

# She is away for more than 12 s in a round, so that an event ends (end_after_s is 5) before the next begins.
WALKS = (
    Walk(
        mirrored=False,
        keys=(
            Key(0, Place(_LEFT, 0.86)),
            Key(1, Place(_LEFT, 0.86)),
            Key(4, Place(0.36, 0.86)),
            Key(7, Place(0.36, 0.86)),
            Key(8, Place(0.6, 0.9)),
            Key(11, Place(0.6, 0.9)),
            Key(14, Place(_RIGHT, 0.9)),
            Key(26, Place(_RIGHT, 0.86)),
        ),
    ),
    Walk(
        mirrored=True,
        keys=(
            Key(0, Place(_RIGHT, 0.82)),
            Key(15, Place(_RIGHT, 0.82)),
            Key(18, Place(0.64, 0.82)),
            Key(21, Place(0.64, 0.82)),
            Key(23, Place(0.36, 0.9)),
            Key(26, Place(0.36, 0.9)),
            Key(29, Place(_RIGHT, 0.86)),
            Key(30, Place(_RIGHT, 0.82)),
        ),
    ),
)


class RoomFilm(Source):
    """A walk as a camera films it, round after round.

    Args:
        portrait: ``(height, width, 4)`` uint8: BGR, and how much of her each pixel is.
        walk: where she goes.
        start_s: where in the walk to begin.
    """

    def __init__(self, portrait: NDArray[np.uint8], walk: Walk, start_s: float = 0.0) -> None:
        super().__init__(fps=FPS, filmed=True, size_px=SIZE_PX)
        self.walk = walk
        self.start_s = start_s
        self._room = draw_room(*SIZE_PX, mirrored=walk.mirrored)
        self._portrait = portrait[:, ::-1] if walk.mirrored else portrait

    def _read(self, index: int) -> bytes | None:
        index += round(self.start_s * FPS)
        picture = self._with_her(self.walk.place_at(index / FPS))
        noisy = cv2.add(picture, _noise()[index % _NOISE_PICTURES])
        return self._encode(np.asarray(cv2.subtract(noisy, np.full(4, _NOISE_BIAS, np.float64)), np.uint8))

    def _with_her(self, place: Place) -> Image:
        width, height = SIZE_PX
        rows, columns = self._portrait.shape[:2]
        # A little taller than she is to be, so that a bob does not lift her off the picture's edge.
        scale = height * (place.height + 2 * _BOB) / rows
        bob = _BOB * (1 - math.cos(2 * math.pi * _STEPS_PER_WIDTH * place.x))
        move = np.array(
            [[scale, 0, width * place.x - scale * columns / 2], [0, scale, height * (1 - place.height + bob)]]
        )
        her = cv2.warpAffine(self._portrait, move, SIZE_PX, flags=cv2.INTER_LINEAR)
        share = her[..., 3:].astype(np.float32) / 255
        return np.asarray(self._room * (1 - share) + her[..., :3] * share, np.uint8)


def demo_sources(cameras: int) -> list[Source]:
    """Endless footage for so many cameras, each another walk or at another moment of it.

    Raises:
        DependencyMissing: ``matplotlib``, whose portrait is used, is not installed.
        SourceError: it is, but without it.
    """
    portrait = cut_out(_read_portrait())
    films: list[Source] = []
    for camera in range(cameras):
        walk = WALKS[camera % len(WALKS)]
        films.append(RoomFilm(portrait, walk, start_s=camera * _STAGGER_S))
    return films


def cut_out(portrait: Image) -> NDArray[np.uint8]:
    """Her without what is behind her: ``(height, width, 4)``, the last of the four how much of her each pixel is."""
    mask = np.zeros(portrait.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.array(_OUTLINE_PX)], 255, cv2.LINE_AA)
    soft = cv2.GaussianBlur(mask, (0, 0), _SOFT_PX, borderType=cv2.BORDER_REPLICATE)
    return np.dstack([portrait, soft])


def _read_portrait() -> Image:
    package, name = _PORTRAIT
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise DependencyMissing(
            f"{package} (the demo's portrait comes with it)",
            f"run: pip install {package}, or play a video of your own with --source PATH",
        )
    image = cv2.imread(str(Path(spec.origin).parent / name), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError(f"{package} came without {name}; play a video with --source PATH")
    return np.asarray(image, np.uint8)


@cache
def _noise() -> tuple[Image, ...]:
    """Grey noise around the bias, the same in every run."""
    random = np.random.default_rng(0)
    width, height = SIZE_PX
    grey = random.normal(_NOISE_BIAS, _NOISE_LEVELS, (_NOISE_PICTURES, height, width, 1)).clip(0, 2 * _NOISE_BIAS)
    return tuple(np.repeat(picture, 3, axis=2).astype(np.uint8) for picture in grey)
