"""Drawn people and dogs, and a model that finds them: the real detector, on pictures whose content is known.

The model is an OpenVINO model of YOLO's output shape that ``espcam-bridge run`` loads as any other. It sees a person
where a third of the picture (left, middle, right) is mostly red, and a dog where it is mostly green.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bridge.detect.fake import COLOURS
from bridge.detect.openvino_graph import ov
from bridge.frames.codec import encode

if TYPE_CHECKING:
    from pathlib import Path

LABELS = ("person", "dog")
THIRDS = ("left", "middle", "right")

_WIDTH_PX, _HEIGHT_PX = 320, 240
# A quarter of the pictures' size; no multiple of 32, so that the bridge keeps it.
_MODEL_WIDTH_PX, _MODEL_HEIGHT_PX = 96, 72
_GREY = 128


class Somebody(NamedTuple):
    """Who stands where."""

    label: str = "person"
    third: str = "left"


def picture(*present: Somebody, shade: int = _GREY) -> bytes:
    """A JPEG of a room with these in it.

    Args:
        present: at most one a third.
        shade: grey level of the wall, so that two pictures of an empty room can differ.
    """
    image = np.full((_HEIGHT_PX, _WIDTH_PX, 3), shade, np.uint8)
    for label, third in present:
        left = THIRDS.index(third) * _WIDTH_PX // len(THIRDS) + 10
        image[24:216, left : left + 84] = COLOURS[label]
    return encode(image)


def save_model(folder: Path) -> Path:
    """Write the model into ``folder/drawn_openvino_model`` and return that path."""
    path = folder / "drawn_openvino_model"
    path.mkdir(parents=True)
    ov.save_model(_model(), path / "drawn.xml", compress_to_fp16=False)
    metadata = {"task": "detect", "stride": 32, "names": dict(enumerate(LABELS))}
    (path / "metadata.yaml").write_text(json.dumps(metadata))  # JSON is YAML
    return path


def _model() -> ov.Model:
    op = ov.opset13
    pixels = op.parameter([1, 3, _MODEL_HEIGHT_PX, _MODEL_WIDTH_PX], np.float32, name="images")  # RGB, 0..1
    planes = op.split(pixels, op.constant(np.int64(1)), 3).outputs()
    third_px = _MODEL_WIDTH_PX // len(THIRDS)
    scores = []
    for plane, others in ((0, (1, 2)), (1, (0, 2))):  # as in LABELS: red without green and blue, green without the rest
        purity = op.relu(op.subtract(op.subtract(planes[plane], planes[others[0]]), planes[others[1]]))
        share = op.avg_pool(purity, [1, third_px], [0, 0], [0, 0], [_MODEL_HEIGHT_PX, third_px], exclude_pad=True)
        score = op.minimum(op.multiply(share, op.constant(np.float32(1.5))), op.constant(np.float32(1)))
        scores.append(op.reshape(score, np.array([1, 1, len(THIRDS)], np.int64), special_zero=False))
    # Centre x, centre y, width, height of each third.
    places = [(third_px * (number + 0.5), 36.0, 25.0, 58.0) for number in range(len(THIRDS))]
    boxes = op.constant(np.array(places, np.float32).T[None])
    return ov.Model([op.concat([boxes, *scores], axis=1)], [pixels], "drawn")
