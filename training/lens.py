"""Where these cameras hang and what they see through: fish-eye lenses, and people from above.

Moves what is in the picture, and the boxes with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Boxes = NDArray[np.float32]
    Map = NDArray[np.float32]

GREY: Final = 114
"""Of what lies outside the picture; what letterboxes are filled with."""

STEP_PX: Final = 2
"""Boxes are found again on every second pixel: half the labels' own accuracy."""


def warp(image: Image, boxes_xyxy_px: Boxes, dice: np.random.Generator) -> tuple[Image, Boxes]:
    """A picture and its boxes as such a camera sees them.

    Args:
        image: BGR, 8 bits.
        boxes_xyxy_px: in the picture, N x 4.
        dice: where the chance comes from.

    Returns:
        The picture, in its size, and a box for each of the given ones: around what is left of it, of no size where
        nothing is.
    """
    barrel = dice.uniform(0.1, 0.5) if dice.random() < 0.5 else 0.0
    keystone, height_share = (dice.uniform(0.0, 0.35), dice.uniform(0.6, 1.0)) if dice.random() < 0.6 else (0.0, 1.0)
    return view(image, boxes_xyxy_px, barrel=barrel, keystone=keystone, height_share=height_share)


def view(
    image: Image, boxes_xyxy_px: Boxes, *, barrel: float = 0.0, keystone: float = 0.0, height_share: float = 1.0
) -> tuple[Image, Boxes]:
    """Likewise, by given numbers.

    Args:
        image: BGR, 8 bits.
        boxes_xyxy_px: in the picture, N x 4.
        barrel: strength of the fish-eye; 0: none, 0.5: as on a 160° lens.
        keystone: by how much what is low is narrower: the camera hangs high and looks down.
        height_share: what is left of heights, for the same reason.
    """
    height, width = image.shape[:2]
    rows, columns = np.indices((height, width), np.float32)
    x, y = columns / width * 2 - 1, rows / height * 2 - 1  # -1 to 1
    x, y = _from_above(*_barrel(x, y, barrel), keystone, height_share)
    source_x, source_y = ((x + 1) / 2 * width).astype(np.float32), ((y + 1) / 2 * height).astype(np.float32)
    warped = cv2.remap(image, source_x, source_y, cv2.INTER_LINEAR, borderValue=(GREY, GREY, GREY))
    return warped, _found_again(boxes_xyxy_px, source_x, source_y)  # type: ignore[return-value]


def _barrel(x: Map, y: Map, strength: float) -> tuple[Map, Map]:
    # Brown's radial model with one term, the corners kept in their places: the middle grows, the edges bend.
    factor = (1 + strength * (x * x + y * y)) / (1 + 2 * strength)
    return x * factor, y * factor


def _from_above(x: Map, y: Map, keystone: float, height_share: float) -> tuple[Map, Map]:
    # Heads are nearer than feet, and bodies shorter than they are.
    return x * (1 + keystone * y) / (1 + keystone), y / height_share


def _found_again(boxes: Boxes, source_x: Map, source_y: Map) -> Boxes:
    source_x, source_y = source_x[::STEP_PX, ::STEP_PX], source_y[::STEP_PX, ::STEP_PX]
    found = np.zeros_like(boxes)
    for place, (left, top, right, bottom) in enumerate(boxes):
        inside = (source_x >= left) & (source_x < right) & (source_y >= top) & (source_y < bottom)
        in_columns, in_rows = np.flatnonzero(inside.any(0)), np.flatnonzero(inside.any(1))
        if in_columns.size:
            found[place] = in_columns[0], in_rows[0], in_columns[-1] + 1, in_rows[-1] + 1
    return found * STEP_PX


class Lens:
    """A transform of ultralytics' kind."""

    def __init__(self, seed: int, chance: float = 0.3, least_px: float = 3) -> None:
        self._dice = np.random.default_rng(seed)
        self._chance = chance
        self._least_px = least_px

    def __call__(self, labels: dict[str, Any]) -> dict[str, Any]:
        """Move what is in the picture, in place; boxes of which little is left go."""
        if self._dice.random() >= self._chance:
            return labels
        instances = labels["instances"]
        instances.convert_bbox("xyxy")
        instances.denormalize(*labels["img"].shape[1::-1])
        boxes = np.asarray(instances.bboxes, np.float32).reshape(-1, 4)
        labels["img"], moved = warp(labels["img"], boxes, self._dice)
        kept = (moved[:, 2:] - moved[:, :2] >= self._least_px).all(1)
        labels["instances"] = type(instances)(
            moved[kept], segments=np.zeros((0, 1000, 2), np.float32), bbox_format="xyxy", normalized=False
        )
        labels["cls"] = labels["cls"][kept]
        return labels
