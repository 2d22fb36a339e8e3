"""Drawing on pictures: boxes with labels, and pictures that say why there is no live one (OpenCV).

Sizes grow with the picture, so that a label is as readable on UXGA (1600x1200) as on VGA. OpenCV's built-in font only
knows ASCII: other letters are written with their nearest ASCII ones, or left out.
"""

from __future__ import annotations

import unicodedata
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from bridge.frames.opencv import cv2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.model import Box, Image, Track

_Colour = tuple[int, int, int]

# BGR, all light enough for black text (relative luminance 0.35 and more) and far enough apart to tell labels by colour.
_PALETTE: tuple[_Colour, ...] = (
    (128, 222, 74),  # green
    (248, 189, 56),  # sky
    (36, 191, 251),  # amber
    (133, 113, 251),  # rose
    (250, 139, 167),  # violet
    (60, 146, 251),  # orange
    (191, 212, 45),  # teal
    (182, 114, 244),  # pink
    (53, 230, 163),  # lime
)
_BLACK: _Colour = (0, 0, 0)
_WHITE: _Colour = (245, 245, 245)
_GREY: _Colour = (215, 215, 215)
_FONT = cv2.FONT_HERSHEY_SIMPLEX

# Letters that Unicode does not decompose into an ASCII letter and an accent.
_ASCII_OF = str.maketrans(
    dict(zip("øØłŁđĐð\u0131\u2013\u2014\u2018\u2019\u201c\u201d", "oOlLdDdi--''\"\"", strict=True))
    | {"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "þ": "th"}
)


def ascii_text(text: str, fallback: str = "") -> str:
    """The text in the letters that the font has; ``fallback`` when nothing readable is left."""
    words = " ".join(text.translate(_ASCII_OF).split())
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    readable = "".join(letter for letter in plain if letter.isprintable()).strip()
    return readable if any(letter.isalnum() for letter in readable) else fallback


def draw_tracks(image: Image, tracks: Sequence[Track], *, main: int | None = None) -> None:
    """Draw the tracks' boxes on ``image``, in place; that of the track with the id ``main`` with a thicker line."""
    height, width = image.shape[:2]
    for track in tracks:
        if track.track_id == main:
            left, top, right, bottom = _clip(_to_px(track.box_xyxy_norm, width, height), width, height)
            cv2.rectangle(image, (left, top), (right, bottom), _colour(track.label), 3 * _line_px(image))
    draw_boxes(image, [(_to_px(track.box_xyxy_norm, width, height), track.label, track.score) for track in tracks])


def draw_boxes(image: Image, boxes: Sequence[tuple[Box, str, float]]) -> None:
    """Draw boxes on ``image``, in place.

    Args:
        image: what to draw on.
        boxes: for each the corners in pixels (xyxy), the label and the score (0..1).
    """
    height, width = image.shape[:2]
    line_px = _line_px(image)
    places = [_clip(box, width, height) for box, _, _ in boxes]
    for place, (_, label, _) in zip(places, boxes, strict=True):
        cv2.rectangle(image, place[:2], place[2:], _colour(label), line_px)
    # Labels after all boxes: no line may run through a text.
    for place, (_, label, score) in zip(places, boxes, strict=True):
        _draw_label(image, place, label, score)


def notice(width_px: int, height_px: int, lines: Sequence[str], background: Image | None = None) -> Image:
    """A picture that says something, for when there is no live one.

    Args:
        width_px: its width.
        height_px: its height.
        lines: the text; the first line is the title.
        background: the last picture, shown darkened behind the text; None gives a plain dark ground.

    Returns:
        ``(height_px, width_px, 3)`` uint8, BGR.
    """
    image = np.full((height_px, width_px, 3), (38, 30, 28), np.uint8)
    if background is not None:
        resized = cv2.resize(background, (width_px, height_px), interpolation=cv2.INTER_AREA)
        image = np.asarray(cv2.convertScaleAbs(resized, alpha=0.35), np.uint8)
    texts = [ascii_text(line) for line in lines]
    scales = [_fit(text, width_px, height_px, title=index == 0) for index, text in enumerate(texts)]
    heights = [round(2.2 * _text_size(text, scale)[1]) for text, scale in zip(texts, scales, strict=True)]
    top = (height_px - sum(heights)) // 2
    for index, (text, scale, line_height) in enumerate(zip(texts, scales, heights, strict=True)):
        text_width, text_height = _text_size(text, scale)
        origin = ((width_px - text_width) // 2, top + (line_height + text_height) // 2)
        thickness = _text_thickness(scale)
        # A shadow, for bright grounds. Not an outline: OpenCV 5 spaces thicker letters wider.
        shadow = (origin[0] + thickness, origin[1] + thickness)
        cv2.putText(image, text, shadow, _FONT, scale, _BLACK, thickness, cv2.LINE_AA)
        cv2.putText(image, text, origin, _FONT, scale, _WHITE if index == 0 else _GREY, thickness, cv2.LINE_AA)
        top += line_height
    return image


def _draw_label(image: Image, place: tuple[int, int, int, int], label: str, score: float) -> None:
    height, width = image.shape[:2]
    scale = max(0.4, min(width, height) / 960)
    text = f"{ascii_text(label, 'object')} {score:.0%}"
    text_width, text_height = _text_size(text, scale)
    pad = max(2, text_height // 3)
    tab_width, tab_height = text_width + 2 * pad, text_height + 2 * pad
    left = max(0, min(place[0], width - tab_width))
    # Above the box where there is room, else inside it, at its top.
    top = place[1] - tab_height if place[1] >= tab_height else place[1]
    cv2.rectangle(image, (left, top), (left + tab_width, top + tab_height), _colour(label), cv2.FILLED)
    origin = (left + pad, top + tab_height - pad)
    cv2.putText(image, text, origin, _FONT, scale, _BLACK, _text_thickness(scale), cv2.LINE_AA)


def _to_px(box: Box, width: int, height: int) -> Box:
    return (box[0] * width, box[1] * height, box[2] * width, box[3] * height)


def _clip(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    left, right = (round(min(max(x, 0), width - 1)) for x in (box[0], box[2]))
    top, bottom = (round(min(max(y, 0), height - 1)) for y in (box[1], box[3]))
    return (left, top, right, bottom)


def _colour(label: str) -> _Colour:
    return _PALETTE[zlib.crc32(label.encode()) % len(_PALETTE)]  # crc32, not hash(): the same in every run


def _line_px(image: Image) -> int:
    shortest_px: int = min(image.shape[:2])
    return max(1, round(shortest_px / 300))


def _text_thickness(scale: float) -> int:
    return max(1, round(scale * 1.4))


@lru_cache(maxsize=512)  # a label and its percentage come back again and again
def _text_size(text: str, scale: float) -> tuple[int, int]:
    (width, height), _ = cv2.getTextSize(text, _FONT, scale, _text_thickness(scale))
    return (width, height)


def _fit(text: str, width_px: int, height_px: int, *, title: bool) -> float:
    wanted = min(width_px, height_px) / (480 if title else 600)
    text_width, _ = _text_size(text, wanted)
    return wanted if text_width <= 0.9 * width_px else wanted * 0.9 * width_px / text_width
