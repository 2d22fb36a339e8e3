"""Boxes and polygons as plain numbers, in any unit. ``Box`` is left, top, right, bottom."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.model import Box

Point: TypeAlias = tuple[float, float]
"""To the right, down."""


def area(box: Box) -> float:
    """Width times height; 0 for a box turned inside out."""
    left, top, right, bottom = box
    return max(0.0, right - left) * max(0.0, bottom - top)


def normalized(box_px: Box, width_px: int, height_px: int) -> Box:
    """A box in pixels as fractions of the frame, clipped to 0..1."""
    left, top, right, bottom = box_px
    return (
        min(1.0, max(0.0, left / width_px)),
        min(1.0, max(0.0, top / height_px)),
        min(1.0, max(0.0, right / width_px)),
        min(1.0, max(0.0, bottom / height_px)),
    )


def foot_point(box: Box) -> Point:
    """Where an object stands on the ground: the middle of the box's lower edge.

    The middle of the box would put somebody who walks in front of a hedge into whatever lies behind it.
    """
    left, _top, right, bottom = box
    return ((left + right) / 2, bottom)


def contains(polygon: Sequence[Point], point: Point) -> bool:
    """Whether a point lies in a simple polygon; what lies on a side or a corner is inside.

    A ray to the right crosses the sides an odd number of times when it begins inside. On the side itself the outcome
    would hang on rounding, and a foot at the lower edge of the picture (1.0) lies exactly on the side of a zone that
    ends there.
    """
    x, y = point
    inside = False
    for (x1, y1), (x2, y2) in pairwise([*polygon, polygon[0]]):
        turn = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
        if turn == 0 and min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2):
            return True
        # Upward sides have the point on their one hand, downward sides on the other.
        if (y1 > y) != (y2 > y) and (turn > 0) == (y2 > y1):
            inside = not inside
    return inside
