"""Boxes as plain numbers: overlap, size, scaling. ``Box`` is left, top, right, bottom in any unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.model import Box


def area(box: Box) -> float:
    """Width times height; 0 for a box turned inside out."""
    left, top, right, bottom = box
    return max(0.0, right - left) * max(0.0, bottom - top)


def iou(a: Box, b: Box) -> float:
    """Intersection over union, 0..1; 0 when both boxes are empty."""
    shared = area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))
    union = area(a) + area(b) - shared
    return shared / union if union > 0 else 0.0


def distance_iou(a: Box, b: Box) -> float:
    """Overlap less the squared distance of the centres over the squared diagonal of the box around both: -1..1.

    Unlike ``iou`` it still tells near from far when the boxes do not touch. Source: Zheng et al., "Distance-IoU Loss",
    AAAI 2020.
    """
    diagonal_sq = (max(a[2], b[2]) - min(a[0], b[0])) ** 2 + (max(a[3], b[3]) - min(a[1], b[1])) ** 2
    if diagonal_sq <= 0:
        return 1.0
    centres_sq = ((a[0] + a[2] - b[0] - b[2]) / 2) ** 2 + ((a[1] + a[3] - b[1] - b[3]) / 2) ** 2
    return iou(a, b) - centres_sq / diagonal_sq


def normalized(box_px: Box, width_px: int, height_px: int) -> Box:
    """A box in pixels as fractions of the frame, clipped to 0..1."""
    left, top, right, bottom = box_px
    return (
        min(1.0, max(0.0, left / width_px)),
        min(1.0, max(0.0, top / height_px)),
        min(1.0, max(0.0, right / width_px)),
        min(1.0, max(0.0, bottom / height_px)),
    )
