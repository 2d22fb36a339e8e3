"""ONNX files: run by OpenVINO, with the labels that ultralytics writes into them.

The file is put together here, byte by byte: the ``onnx`` package is too much to install for one small model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bridge.detect.load import load_detector
from bridge.detect.port import DetectorSettings
from bridge.errors import ModelRefused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bridge.detect.port import Detector

pytestmark = pytest.mark.integration

WIDTH, HEIGHT = 96, 64
BOX = (48, 32, 32, 32)  # centre x, centre y, width, height of the one place where the model looks
LABELS = "{0: 'red', 1: 'green', 2: 'blue'}"


def field(number: int, value: int | bytes | str) -> bytes:
    """One field of a protobuf message (the format behind ONNX)."""

    def varint(rest: int) -> bytes:
        out = bytearray()
        while rest > 0x7F:
            out.append(rest & 0x7F | 0x80)
            rest >>= 7
        return bytes([*out, rest])

    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def onnx_model(metadata: dict[str, str]) -> bytes:
    """A detector in YOLO11's shape ``(1, 7, 1)``: its scores are the picture's means of red, green and blue."""

    def value_info(name: str, shape: Sequence[int]) -> bytes:
        dimensions = b"".join(field(1, field(1, length)) for length in shape)
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, dimensions)))

    def ints(name: str, *values: int) -> bytes:
        return field(5, field(1, name) + b"".join(field(8, value) for value in values) + field(20, 7))

    box = np.array(BOX, np.float32).reshape(1, 4)
    constant = field(1, 1) + field(1, 4) + field(2, 1) + field(8, "box") + field(9, box.tobytes())
    keep_no_dimensions = field(5, field(1, "keepdims") + field(3, 0) + field(20, 2))
    along_columns = field(5, field(1, "axis") + field(3, 1) + field(20, 2))
    mean = field(1, "images") + field(2, "mean") + field(4, "ReduceMean") + ints("axes", 2, 3) + keep_no_dimensions
    joined = field(1, "box") + field(1, "mean") + field(2, "joined") + field(4, "Concat") + along_columns
    column = field(1, "joined") + field(2, "answer") + field(4, "Unsqueeze") + ints("axes", 2)
    graph = b"".join(field(1, part) for part in (mean, joined, column))
    graph += field(2, "colours") + field(5, constant)
    graph += field(11, value_info("images", (1, 3, HEIGHT, WIDTH))) + field(12, value_info("answer", (1, 7, 1)))
    properties = b"".join(field(14, field(1, key) + field(2, value)) for key, value in metadata.items())
    return field(1, 7) + field(7, graph) + field(8, field(1, "") + field(2, 11)) + properties


def load(path: Path) -> Detector:
    return load_detector(DetectorSettings(model=str(path)), {"XDG_CACHE_HOME": str(path.parent)})


def test_an_onnx_file_is_run_with_the_labels_inside_it(tmp_path: Path) -> None:
    path = tmp_path / "colours.onnx"
    path.write_bytes(onnx_model({"names": LABELS, "task": "detect"}))
    detector = load(path)
    info = detector.info
    assert (info.runtime, info.model, info.labels) == ("openvino", "colours", ("red", "green", "blue"))
    ((detection,),) = detector.detect([np.full((HEIGHT, WIDTH, 3), (255, 0, 0), np.uint8)], 0.9, 0.45)
    assert (detection.label, detection.box_xyxy_px) == ("blue", (32, 16, 64, 48))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"hello", "is no ONNX model"),
        (onnx_model({"names": LABELS})[:100], "is broken"),
        (onnx_model({}), "names no labels"),
        (onnx_model({"names": LABELS, "task": "classify"}), "its task is classify"),
    ],
    ids=["text", "cut off", "without labels", "of another task"],
)
def test_onnx_files_that_cannot_be_used_are_refused_in_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelRefused, match=reason) as caught:
        load(path)
    assert "\n" not in str(caught.value)
