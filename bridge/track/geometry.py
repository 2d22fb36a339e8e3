"""Boxes as plain numbers: size, scaling. ``Box`` is left, top, right, bottom in any unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.model import Box


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
