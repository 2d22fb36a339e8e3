"""The best view of each visitor: large, sure, sharp, and whole in the frame; and the two pictures made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from bridge.errors import FrameRejected
from bridge.events.sharpness import sharpness
from bridge.frames.codec import encode
from bridge.frames.jpeg import with_comment
from bridge.frames.opencv import cv2
from bridge.frames.shot import Shot

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from bridge.frames.codec import Rotation
    from bridge.model import Box, Frame, Image, Track

# A visitor is shown with this much of the surroundings on each side, as a share of the box.
_MARGIN = 0.15
# Someone cut off by the frame's edge is worth less than someone whole.
_CUT_OFF_FACTOR = 0.5
_EDGE_NORM = 0.01
# What the most blurred picture is worth, against the same one sharp. Not 0: somebody near and a little blurred shows
# more than somebody far away, and in fog or at night, when nothing is sharp, small differences must not count.
_BLURRED_FACTOR = 0.4
# A picture replaces the one that was handed out only when it is clearly better, so that messages stay few.
_CLEARLY_BETTER = 1.3
_THUMBNAIL_QUALITY = 85
_SNAPSHOT_QUALITY = 80


class Draw(Protocol):
    """Draws the tracks' boxes on a picture, in place, that of the track ``main`` recognisable among them."""

    def __call__(self, image: Image, tracks: Sequence[Track], *, main: int | None) -> None:
        """Draw."""


class Pictures(NamedTuple):
    """Two JPEGs of one moment, the event's id in the comment of both.

    Attributes:
        thumbnail_jpeg: the visitor, cut out.
        snapshot_jpeg: the whole picture with the boxes of all who were there.
        frame: the moment.
    """

    thumbnail_jpeg: bytes
    snapshot_jpeg: bytes
    frame: Frame


@dataclass(slots=True)
class _View:
    """Kept as the JPEG that the camera sent: 30 KB for VGA, where its pixels would take 900."""

    quality: float
    frame: Frame
    track: Track
    tracks: Sequence[Track]
    handed_out_quality: float = -1.0  # below any view, so that even a bad one goes out once


def view_quality(track: Track) -> float:
    """How good a picture of the object can be: score times the box's mean side (0..1), halved when cut off."""
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
        draw: draws boxes (``bridge.serve.annotate.draw_tracks``).
        rotate: degrees clockwise that turn the camera's frames upright.
    """

    def __init__(self, longest_px: int, draw: Draw, rotate: Rotation = 0) -> None:
        self.longest_px = longest_px
        self._draw = draw
        self._rotate = rotate
        self._views: dict[int, _View] = {}

    def consider(self, shot: Shot, tracks: Sequence[Track], visitors: Iterable[Track]) -> set[int]:
        """Look at one analysed frame.

        Args:
            shot: the frame; nothing is drawn on its pixels.
            tracks: all who are in it.
            visitors: those of them whose best view is wanted.

        Returns:
            Ids of the tracks whose best picture is now clearly better than the one handed out last.
        """
        better = set()
        for track in visitors:
            view = self._views.get(track.track_id)
            quality = view_quality(track)
            # Sharpness only takes away: most frames need no look at it.
            if view is None or quality > view.quality:
                quality *= _BLURRED_FACTOR + (1 - _BLURRED_FACTOR) * sharpness(shot.image, track.box_xyxy_norm)
            if view is None:
                view = self._views[track.track_id] = _View(quality, shot.frame, track, tracks)
            elif quality > view.quality:
                view.quality, view.frame, view.track, view.tracks = quality, shot.frame, track, tracks
            if view.quality > view.handed_out_quality * _CLEARLY_BETTER:
                better.add(track.track_id)
        return better

    def hand_out(self, track_id: int, event_id: str, present: Shot | None = None) -> Pictures | None:
        """The pictures of a track's best view.

        Args:
            track_id: whose.
            event_id: for the comment.
            present: the newest frame, decoded already; nothing is drawn on its pixels.

        Returns:
            None when nothing better than last time is there, or its frame cannot be decoded whole: an event waits for
            no picture.
        """
        view = self._views.get(track_id)
        if view is None or view.quality <= view.handed_out_quality:
            return None
        try:
            shot = present if present is not None and present.frame is view.frame else Shot(view.frame, self._rotate)
            image = shot.whole()
        except FrameRejected:
            return None
        view.handed_out_quality = view.quality
        thumbnail = encode(crop(image, view.track.box_xyxy_norm, self.longest_px), _THUMBNAIL_QUALITY)
        if shot is present:  # others want its pixels as they are
            image = image.copy()
        self._draw(image, view.tracks, main=track_id)
        snapshot = encode(image, _SNAPSHOT_QUALITY)
        return Pictures(with_comment(thumbnail, event_id), with_comment(snapshot, event_id), view.frame)

    def handed_out(self, track_id: int) -> bool:
        """Whether pictures of this track were ever handed out."""
        view = self._views.get(track_id)
        return view is not None and view.handed_out_quality >= 0

    def keep_only(self, track_ids: Collection[int]) -> None:
        """Forget every track that is not among these."""
        self._views = {key: view for key, view in self._views.items() if key in track_ids}
