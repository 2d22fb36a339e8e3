"""Parts of photographs: people close by, of whom only the upper half is in the picture, and places without anybody.

Streets have few of the former and hardly a photograph of the latter; a camera at a door sees little else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Boxes = NDArray[np.float32]

TALL: Final = 0.4
"""Of the picture's height: a person of less is too coarse to be looked at from close by."""

_TRIES = 30


def close_by(image: Image, boxes_xyxy_px: Boxes, dice: np.random.Generator) -> Image | None:
    """The upper part of somebody; None when nobody is large enough.

    Args:
        image: any.
        boxes_xyxy_px: the persons in it, N x 4.
        dice: where the chance comes from.
    """
    height, width = image.shape[:2]
    tall = boxes_xyxy_px[boxes_xyxy_px[:, 3] - boxes_xyxy_px[:, 1] >= TALL * height]
    if not len(tall):
        return None
    left, top, right, bottom = tall[dice.integers(len(tall))]
    above = dice.uniform(0.05, 0.35)  # of the part's height
    part_height = min(height, (bottom - top) * dice.uniform(0.3, 0.65) / (1 - above))
    part_width = min(width, part_height * width / height)
    middle = (left + right) / 2 + dice.uniform(-0.25, 0.25) * part_width
    return _part(image, middle - part_width / 2, top - above * part_height, part_width, part_height)


def nobody(image: Image, boxes_xyxy_px: Boxes, dice: np.random.Generator) -> Image | None:
    """The largest of some parts that have nobody in them; None when there is none."""
    height, width = image.shape[:2]
    best: tuple[float, float, float] | None = None  # share, left, top
    for _ in range(_TRIES):
        share = dice.uniform(0.35, 0.9)
        left, top = dice.uniform(0, 1 - share, 2) * (width, height)
        inside = (boxes_xyxy_px[:, :2] < (left + share * width, top + share * height)) & (
            boxes_xyxy_px[:, 2:] > (left, top)
        )
        if not inside.all(1).any() and (best is None or share > best[0]):
            best = share, left, top
    return _part(image, best[1], best[2], best[0] * width, best[0] * height) if best else None


def _part(image: Image, left: float, top: float, width: float, height: float) -> Image:
    left_px = int(np.clip(left, 0, image.shape[1] - width))
    top_px = int(np.clip(top, 0, image.shape[0] - height))
    return image[top_px : top_px + int(height), left_px : left_px + int(width)]
