"""Labels as ultralytics has them: a line a box, its class, then centre and size in shares of the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

PERSON = "0"


def read_boxes(text: str, width_px: int, height_px: int) -> np.ndarray:
    """The boxes of all lines, N x 4, xyxy in pixels.

    Args:
        text: of a label file.
        width_px: of the picture.
        height_px: of the picture.
    """
    rows = np.array([line.split()[1:5] for line in text.splitlines()], np.float64).reshape(-1, 4)
    centre, size = rows[:, :2] * (width_px, height_px), rows[:, 2:] * (width_px, height_px)
    return np.hstack([centre - size / 2, centre + size / 2])


def write_person(box_xyxy_px: Sequence[float], width_px: int, height_px: int) -> str:
    """The line of a person."""
    left, top, right, bottom = np.array(box_xyxy_px) / (width_px, height_px, width_px, height_px)
    return f"{PERSON} {(left + right) / 2:.6f} {(top + bottom) / 2:.6f} {right - left:.6f} {bottom - top:.6f}\n"
