"""The best picture of each visitor: large, sure, and whole in the frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bridge.frames.codec import encode
from bridge.frames.jpeg import with_comment
from bridge.frames.opencv import cv2

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from bridge.model import Box, Image, Track

# A visitor is shown with this much of the surroundings on each side, as a share of the box.
_MARGIN = 0.15
# Someone cut off by the frame's edge is worth less than someone whole.
_CUT_OFF_FACTOR = 0.5
_EDGE_NORM = 0.01
# A picture replaces the one that was handed out only when it is clearly better, so that messages stay few.
_CLEARLY_BETTER = 1.3
_JPEG_QUALITY = 85


@dataclass(slots=True)
class _View:
    quality: float
    crop: Image
    handed_out_quality: float = -1.0  # below any view, so that even a bad one goes out once


def view_quality(track: Track) -> float:
    """How good a picture of the object is: score times the box's mean side (0..1), halved when cut off."""
    left, top, right, bottom = track.box_xyxy_norm
    cut_off = left < _EDGE_NORM or top < _EDGE_NORM or right > 1 - _EDGE_NORM or bottom > 1 - _EDGE_NORM
    quality = track.score * float(np.sqrt((right - left) * (bottom - top)))
    return quality * _CUT_OFF_FACTOR if cut_off else quality


def crop(image: Image, box_xyxy_norm: Box, longest_px: int) -> Image:
    """Cut the box with a margin out of the picture, scaled down to ``longest_px`` on its longer side.

    Returns:
        A copy: ``(h, w, 3)`` uint8, BGR, ``max(h, w) <= longest_px``; never empty.
    """
    height, width = image.shape[:2]
    left, top, right, bottom = box_xyxy_norm
    margin_x, margin_y = (right - left) * _MARGIN, (bottom - top) * _MARGIN
    x0 = min(width - 1, max(0, round((left - margin_x) * width)))
    y0 = min(height - 1, max(0, round((top - margin_y) * height)))
    x1 = max(x0 + 1, min(width, round((right + margin_x) * width)))
    y1 = max(y0 + 1, min(height, round((bottom + margin_y) * height)))
    part = image[y0:y1, x0:x1]
    scale = longest_px / max(part.shape[:2])
    if scale >= 1:
        return part.copy()
    size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)


class BestViews:
    """Keeps the best view of every track of one camera; not thread-safe.

    Args:
        longest_px: the longer side of a thumbnail.
    """

    def __init__(self, longest_px: int) -> None:
        self._longest_px = longest_px
        self._views: dict[int, _View] = {}

    def consider(self, whole: Callable[[], Image], tracks: Iterable[Track]) -> set[int]:
        """Look at one analysed frame.

        Args:
            whole: gives its pixels; asked only when one of the tracks is seen better than before.
            tracks: who is in it.

        Returns:
            Ids of the tracks whose best picture is now clearly better than the one handed out last.
        """
        better = set()
        for track in tracks:
            quality = view_quality(track)
            view = self._views.get(track.track_id)
            if view is None:
                view = _View(quality, crop(whole(), track.box_xyxy_norm, self._longest_px))
                self._views[track.track_id] = view
            elif quality > view.quality:
                view.quality = quality
                view.crop = crop(whole(), track.box_xyxy_norm, self._longest_px)
            if view.quality > view.handed_out_quality * _CLEARLY_BETTER:
                better.add(track.track_id)
        return better

    def hand_out(self, track_id: int, event_id: str) -> bytes | None:
        """The best picture of a track as JPEG, with the event's id in its comment.

        Returns:
            None when nothing better than last time is there.
        """
        view = self._views.get(track_id)
        if view is None or view.quality <= view.handed_out_quality:
            return None
        view.handed_out_quality = view.quality
        return with_comment(encode(view.crop, _JPEG_QUALITY), event_id)

    def keep_only(self, track_ids: Collection[int]) -> None:
        """Forget every track that is not among these."""
        self._views = {key: view for key, view in self._views.items() if key in track_ids}
