"""Around a YOLO model: fitting a picture into its input, and reading boxes out of its output (pure numpy).

The arithmetic follows ``ultralytics`` (``LetterBox``, ``scale_boxes``, ``non_max_suppression``; read and compared at
8.4), rounding included, so that both give the same boxes for the same model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from bridge.errors import ModelRefused
from bridge.model import Detection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.model import Image

Floats: TypeAlias = npt.NDArray[np.float32]
Ints: TypeAlias = npt.NDArray[np.intp]

GRID_PX = 32
PAD_VALUE = 114  # the grey that YOLO models were trained with around pictures

_BOX_ROWS = 4  # centre x, centre y, width, height
_NMS_FREE_COLUMNS = 6  # left, top, right, bottom, score, class
_MAX_DETECTIONS = 300  # a picture; the same bound as ultralytics' max_det
_MAX_CANDIDATES = 30_000  # what goes into suppression at most; the same bound as ultralytics' max_nms
# Boxes of different classes are moved this far apart and can then never overlap: wider than any input (max_wh).
_CLASS_OFFSET_PX = np.float32(7680)
_IMAGE_DIMENSIONS = 3
_CHANNELS = 3


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How one picture lies in the model's input: scaled without distortion, centred, the margins grey.

    Attributes:
        left_px: margin left of the scaled picture, in input pixels.
        top_px: margin above it.
        width_px: width of the scaled picture.
        height_px: height of the scaled picture.
        image_width_px: width of the picture as given.
        image_height_px: height of the picture as given.
    """

    left_px: int
    top_px: int
    width_px: int
    height_px: int
    image_width_px: int
    image_height_px: int

    @property
    def region(self) -> tuple[slice, slice]:
        """Rows and columns of the input that the picture covers."""
        return (
            slice(self.top_px, self.top_px + self.height_px),
            slice(self.left_px, self.left_px + self.width_px),
        )

    def to_image(self, boxes_xyxy: Floats) -> Floats:
        """Bring boxes ``(N, 4)`` xyxy from input pixels to pixels of the picture, clipped to it."""
        scale_x = self.image_width_px / self.width_px
        scale_y = self.image_height_px / self.height_px
        margins = np.array([self.left_px, self.top_px] * 2, np.float32)
        scales = np.array([scale_x, scale_y] * 2, np.float32)
        limits = np.array([self.image_width_px, self.image_height_px] * 2, np.float32)
        return np.asarray(np.clip((boxes_xyxy - margins) * scales, 0, limits), np.float32)


def require_picture(image: Image) -> None:
    """Refuse what is no picture.

    Raises:
        ValueError: not a colour picture of uint8.
    """
    if image.ndim != _IMAGE_DIMENSIONS or image.shape[2] != _CHANNELS or image.dtype != np.uint8 or not image.size:
        raise ValueError(f"expected a picture (height, width, 3) uint8, got {image.shape} {image.dtype}")


def fit(image: Image, input_width_px: int, input_height_px: int) -> Letterbox:
    """Say how a picture is fitted into the model's input.

    Raises:
        ValueError: not a colour picture of uint8.
    """
    require_picture(image)
    height, width = image.shape[:2]
    scale = min(input_width_px / width, input_height_px / height)
    # A very thin picture (1 x 3000) keeps one pixel. round() goes to the even neighbour, as there.
    scaled_width, scaled_height = max(round(width * scale), 1), max(round(height * scale), 1)
    # An odd margin puts the smaller half left and above: -0.1 decides the halves.
    left = round((input_width_px - scaled_width) / 2 - 0.1)
    top = round((input_height_px - scaled_height) / 2 - 0.1)
    return Letterbox(left, top, scaled_width, scaled_height, width, height)


def input_size(width_px: int, height_px: int, longest_px: int) -> tuple[int, int]:
    """The input for pictures of a shape: their longer side scaled to ``longest_px``, and a grey margin along it.

    The margin is half a grid cell at least, and less than one, on each of the two sides, as ``ultralytics val``
    gives it to its rectangular batches. The models were trained with grey around the pictures, and see worse at an edge
    without: mAP50-95 of YOLO11n INT8 against a square is 0.988 without and 0.994 with it on 128 COCO pictures, 0.993
    and 1.001 on 500 of streets (``benchmarks/accuracy.py``), for 7 % more pixels at 4:3.

    Args:
        width_px: of the picture.
        height_px: of the picture.
        longest_px: a multiple of 32.

    Returns:
        Width and height, multiples of 32 (the coarsest grid of YOLO's head); at most a square.
    """
    scale = longest_px / max(width_px, height_px)
    cells = longest_px // GRID_PX
    width, height = (
        min(cells, math.ceil(round(side * scale) / GRID_PX) + 1) * GRID_PX for side in (width_px, height_px)
    )
    return width, height


class OutputLayout(Enum):
    """The two shapes that YOLO detectors answer in."""

    CANDIDATES = "candidates"  # (1, 4 + classes, N): a column a place, boxes xywh, needs suppression (YOLOv8, YOLO11)
    NMS_FREE = "nms_free"  # (1, N, 6): a row an object, xyxy, score, class (YOLOv10, YOLO26; any with NMS built in)


def output_layout(shape: Sequence[int], class_count: int) -> OutputLayout:
    """Recognize the layout of a model's output by its shape.

    Raises:
        ModelRefused: no layout that we know.
    """
    match tuple(shape):
        case (1, _, columns) if columns == _NMS_FREE_COLUMNS:
            return OutputLayout.NMS_FREE
        case (1, rows, _) if rows == _BOX_ROWS + class_count:
            return OutputLayout.CANDIDATES
    raise ModelRefused(
        f"its output has the shape {tuple(shape)}: for a detector of {class_count} labels "
        f"(1, {_BOX_ROWS + class_count}, N) or (1, N, {_NMS_FREE_COLUMNS}) was expected",
        "use a YOLO detection model, or set detector.runtime to ultralytics",
    )


class Boxes(NamedTuple):
    """Objects in one picture, best score first: ``(M, 4)`` xyxy in input pixels, ``(M,)`` scores, ``(M,)`` classes."""

    xyxy: Floats
    scores: Floats
    classes: Ints


def decode(output: Floats, layout: OutputLayout, confidence: float, iou: float) -> Boxes:
    """Read the objects out of a model's answer to one picture.

    Args:
        output: as the model gave it: ``(1, 4 + classes, N)`` or ``(1, N, 6)`` float32.
        layout: which of the two.
        confidence: only higher scores count.
        iou: overlap from which the weaker box of the same class goes; NMS-free models need none.
    """
    if layout is OutputLayout.NMS_FREE:
        return _decode_nms_free(output[0], confidence)
    return _decode_candidates(output[0], confidence, iou)


def to_detections(boxes: Boxes, letterbox: Letterbox, labels: Sequence[str]) -> list[Detection]:
    """Turn boxes in input pixels into detections in pixels of the picture.

    A class number without a label (a model whose metadata disagree with its output) is named by its number.
    """
    corners = letterbox.to_image(boxes.xyxy).tolist()
    return [
        Detection(labels[index] if index < len(labels) else str(index), score, (left, top, right, bottom))
        for (left, top, right, bottom), score, index in zip(
            corners, boxes.scores.tolist(), boxes.classes.tolist(), strict=True
        )
    ]


def suppress(boxes_xyxy: Floats, scores: Floats, classes: Ints, iou: float) -> Ints:
    """Greedy non-maximum suppression within each class.

    Args:
        boxes_xyxy: ``(N, 4)`` float32.
        scores: ``(N,)`` float32.
        classes: ``(N,)``; boxes of different classes never suppress each other.
        iou: a box that overlaps a better one by more than this goes.

    Returns:
        Indices of the boxes that stay, best score first, at most 300; equal scores keep their order.
    """
    order = np.argsort(-scores, kind="stable")[:_MAX_CANDIDATES]
    # float32 with the offset added, as there: rounding then decides borderline overlaps the same way.
    offset = classes[order].astype(np.float32) * _CLASS_OFFSET_PX
    left, top, right, bottom = (boxes_xyxy[order] + offset[:, None]).T.copy()
    area = (right - left) * (bottom - top)
    kept: list[int] = []
    rest = np.arange(order.size)
    while rest.size and len(kept) < _MAX_DETECTIONS:
        best, rest = rest[0], rest[1:]
        kept.append(int(order[best]))
        width = np.minimum(right[best], right[rest]) - np.maximum(left[best], left[rest])
        height = np.minimum(bottom[best], bottom[rest]) - np.maximum(top[best], top[rest])
        overlap = np.maximum(width, 0) * np.maximum(height, 0)
        union = area[best] + area[rest] - overlap
        # Untrained or damaged heads give boxes turned inside out; their union can be negative and suppresses nothing.
        rest = rest[(overlap <= iou * union) | (union <= 0)]
    return np.array(kept, np.intp)


def _decode_nms_free(rows: Floats, confidence: float) -> Boxes:
    rows = rows[rows[:, 4] > confidence]
    rows = rows[np.argsort(-rows[:, 4], kind="stable")[:_MAX_DETECTIONS]]
    return Boxes(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.intp))


def _decode_candidates(columns: Floats, confidence: float, iou: float) -> Boxes:
    # The best score of each of the 8400 places first: it rules out all but a few dozen of them, and nothing after it
    # touches the rest (0.2 ms instead of 3 ms for 80 classes).
    best = columns[_BOX_ROWS:].max(axis=0)
    places = np.flatnonzero(best > confidence)
    classes = columns[_BOX_ROWS:, places].argmax(axis=0)
    scores = best[places]
    x, y, width, height = columns[:_BOX_ROWS, places]
    xyxy = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)
    kept = suppress(xyxy, scores, classes, iou)
    return Boxes(xyxy[kept], scores[kept], classes[kept])
