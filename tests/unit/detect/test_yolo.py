from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.detect.yolo import (
    Boxes,
    Letterbox,
    OutputLayout,
    decode,
    fit,
    input_size,
    output_layout,
    suppress,
    to_detections,
)
from bridge.errors import ModelRefused

if TYPE_CHECKING:
    from bridge.detect.yolo import Floats
    from bridge.model import Image


def picture(width: int, height: int) -> Image:
    return np.zeros((height, width, 3), np.uint8)


def candidates(*columns: tuple[float, ...]) -> Floats:
    """A model's answer ``(1, 4 + classes, N)``: a column a place (x, y, width, height, then a score a class)."""
    return np.array(columns, np.float32).T[None]


# --- letterbox -------------------------------------------------------------------------------------------------------

# Read off ultralytics' LetterBox (8.4, auto=False): picture, input -> left, top, scaled width, scaled height.
FITTED = [
    ((640, 480), (640, 640), (0, 80, 640, 480)),
    ((1600, 1200), (640, 640), (0, 80, 640, 480)),
    ((320, 240), (640, 640), (0, 80, 640, 480)),
    ((480, 640), (640, 640), (80, 0, 480, 640)),
    ((640, 427), (640, 640), (0, 106, 640, 427)),  # 106.5 above and below: the smaller half is above
    ((768, 432), (640, 640), (0, 140, 640, 360)),
    ((640, 480), (640, 384), (64, 0, 512, 384)),
    ((333, 500), (640, 640), (107, 0, 426, 640)),
    ((3000, 1), (640, 640), (0, 319, 640, 1)),  # thin, but not nothing
    ((1, 3000), (640, 640), (319, 0, 1, 640)),
    ((640, 640), (640, 640), (0, 0, 640, 640)),
]


@pytest.mark.parametrize(("image_size", "input_size", "expected"), FITTED)
def test_a_picture_lies_in_the_input_where_ultralytics_puts_it(
    image_size: tuple[int, int], input_size: tuple[int, int], expected: tuple[int, int, int, int]
) -> None:
    box = fit(picture(*image_size), *input_size)
    assert (box.left_px, box.top_px, box.width_px, box.height_px) == expected


@pytest.mark.parametrize(
    ("image_size", "expected"),
    [
        ((640, 480), (640, 512)),
        ((1600, 1200), (640, 512)),
        ((480, 640), (512, 640)),
        ((640, 360), (640, 416)),
        ((640, 32), (640, 64)),
        ((640, 640), (640, 640)),
        ((640, 620), (640, 640)),
    ],
)
def test_an_input_has_a_grey_margin_along_the_longer_side_and_is_never_more_than_a_square(
    image_size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert input_size(*image_size, 640) == expected


def test_the_region_is_the_rows_and_columns_of_the_picture() -> None:
    assert fit(picture(640, 480), 640, 640).region == (slice(80, 560), slice(0, 640))


@given(
    width=st.integers(1, 4000),
    height=st.integers(1, 4000),
    input_width=st.integers(1, 40).map(lambda n: 32 * n),
    input_height=st.integers(1, 40).map(lambda n: 32 * n),
)
def test_the_picture_fits_into_the_input_and_its_corners_come_back(
    width: int, height: int, input_width: int, input_height: int
) -> None:
    image = np.broadcast_to(np.zeros(3, np.uint8), (height, width, 3))
    box = fit(image, input_width, input_height)
    rows, columns = box.region
    assert 0 <= rows.start < rows.stop <= input_height
    assert 0 <= columns.start < columns.stop <= input_width
    assert columns.stop - columns.start == input_width or rows.stop - rows.start == input_height
    whole = np.array([[columns.start, rows.start, columns.stop, rows.stop]], np.float32)
    assert box.to_image(whole)[0] == pytest.approx([0, 0, width, height], abs=1e-2)


def test_boxes_are_clipped_to_the_picture() -> None:
    box = fit(picture(640, 480), 640, 640)
    assert box.to_image(np.array([[-50, 0, 700, 640]], np.float32)).tolist() == [[0, 0, 640, 480]]


def test_boxes_are_scaled_back_to_the_picture() -> None:
    box = fit(picture(1600, 1200), 640, 640)
    assert box.to_image(np.array([[64, 144, 128, 208]], np.float32))[0] == pytest.approx([160, 160, 320, 320])


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((480, 640), np.uint8),
        np.zeros((480, 640, 4), np.uint8),
        np.zeros((480, 640, 3), np.float32),
        np.zeros((0, 640, 3), np.uint8),
    ],
    ids=["grey", "with alpha", "floats", "empty"],
)
def test_what_is_no_colour_picture_is_named_with_its_shape(image: Image) -> None:
    with pytest.raises(ValueError, match=r"expected .* uint8, got \(") as caught:
        fit(image, 640, 640)
    assert str(image.shape) in str(caught.value)
    assert str(image.dtype) in str(caught.value)


# --- output layouts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 84, 8400), (1, 84, 2100), (1, 84, -1)])
def test_yolo11_outputs_are_recognized(shape: tuple[int, ...]) -> None:
    assert output_layout(shape, 80) is OutputLayout.CANDIDATES


@pytest.mark.parametrize("shape", [(1, 300, 6), (1, -1, 6)])
def test_nms_free_outputs_are_recognized(shape: tuple[int, ...]) -> None:
    assert output_layout(shape, 80) is OutputLayout.NMS_FREE


@pytest.mark.parametrize(
    "shape",
    [(1, 116, 8400), (1, 1000), (1, 300, 84), (4, 84, 8400), (1, 300, 38)],
    ids=["segmentation", "classification", "RT-DETR", "batch of 4", "NMS-free segmentation"],
)
def test_other_outputs_are_refused_with_what_was_expected(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelRefused, match=r"\(1, 84, N\) or \(1, N, 6\)") as caught:
        output_layout(shape, 80)
    assert str(shape) in caught.value.reason


# --- decoding --------------------------------------------------------------------------------------------------------


def test_candidates_become_corners_score_and_class() -> None:
    output = candidates((100, 50, 20, 10, 0.1, 0.9), (30, 30, 10, 10, 0.6, 0.2))
    boxes = decode(output, OutputLayout.CANDIDATES, 0.25, 0.45)
    assert boxes.xyxy.tolist() == [[90, 45, 110, 55], [25, 25, 35, 35]]
    assert boxes.scores == pytest.approx([0.9, 0.6])
    assert boxes.classes.tolist() == [1, 0]


def test_a_score_must_be_above_the_threshold() -> None:
    output = candidates((10, 10, 5, 5, 0.5), (30, 30, 5, 5, 0.5001))
    assert decode(output, OutputLayout.CANDIDATES, 0.5, 0.45).xyxy.tolist() == [[27.5, 27.5, 32.5, 32.5]]


def test_a_picture_without_objects_gives_empty_arrays() -> None:
    boxes = decode(np.zeros((1, 84, 8400), np.float32), OutputLayout.CANDIDATES, 0.25, 0.45)
    assert boxes.xyxy.shape == (0, 4)
    assert boxes.scores.shape == boxes.classes.shape == (0,)


def test_of_two_boxes_on_one_object_the_better_stays() -> None:
    output = candidates((50, 50, 20, 20, 0.6), (51, 50, 20, 20, 0.8))
    boxes = decode(output, OutputLayout.CANDIDATES, 0.25, 0.45)
    assert boxes.scores == pytest.approx([0.8])


def test_boxes_of_different_classes_do_not_suppress_each_other() -> None:
    output = candidates((50, 50, 20, 20, 0.6, 0), (50, 50, 20, 20, 0, 0.8))
    assert decode(output, OutputLayout.CANDIDATES, 0.25, 0.45).classes.tolist() == [1, 0]


def test_a_place_counts_for_its_best_class_only() -> None:
    output = candidates((50, 50, 20, 20, 0.6, 0.7))
    assert decode(output, OutputLayout.CANDIDATES, 0.25, 0.45).classes.tolist() == [1]


def test_nms_free_rows_are_taken_as_they_are_best_first() -> None:
    rows = np.array([[[0, 0, 9, 9, 0.3, 2], [1, 1, 5, 5, 0.9, 0], [0, 0, 9, 9, 0.2, 1]]], np.float32)
    boxes = decode(rows, OutputLayout.NMS_FREE, 0.25, 0.45)
    assert boxes.xyxy.tolist() == [[1, 1, 5, 5], [0, 0, 9, 9]]
    assert boxes.scores == pytest.approx([0.9, 0.3])
    assert boxes.classes.tolist() == [0, 2]


def test_nms_free_rows_are_not_suppressed() -> None:
    rows = np.array([[[0, 0, 9, 9, 0.8, 0], [0, 0, 9, 9, 0.9, 0]]], np.float32)
    assert len(decode(rows, OutputLayout.NMS_FREE, 0.25, 0.45).scores) == 2


def test_at_most_300_objects_are_named() -> None:
    many = np.zeros((1, 5, 1000), np.float32)
    many[0, 0] = np.arange(1000) * 10
    many[0, 2:4] = 5
    many[0, 4] = np.linspace(0.3, 0.9, 1000)
    boxes = decode(many, OutputLayout.CANDIDATES, 0.25, 0.45)
    assert len(boxes.scores) == 300
    assert boxes.scores.min() == pytest.approx(np.sort(many[0, 4])[-300])


# --- suppression -----------------------------------------------------------------------------------------------------


def overlap(one: Floats, other: Floats) -> float:
    """Intersection over union, the plain way."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0) * max(height, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(shared / (sum(areas) - shared))


# Whole pixels and thresholds that no such overlap hits exactly: the offsets then round nothing.
BOX = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 40), st.integers(1, 40), st.integers(0, 2))


@given(st.lists(BOX, max_size=40), st.sampled_from([0.3001, 0.4507, 0.7003]))
def test_suppression_keeps_the_best_of_every_heap_and_nothing_else(
    given_boxes: list[tuple[int, int, int, int, int]], iou: float
) -> None:
    count = len(given_boxes)
    boxes = np.array([[x, y, x + w, y + h] for x, y, w, h, _ in given_boxes], np.float32).reshape(-1, 4)
    classes = np.array([number for *_, number in given_boxes], np.intp)
    scores = np.linspace(0.9, 0.3, count, dtype=np.float32)
    expected: list[int] = []
    for index in range(count):
        rivals = [kept for kept in expected if classes[kept] == classes[index]]
        if all(overlap(boxes[index], boxes[kept]) <= iou for kept in rivals):
            expected.append(index)
    assert suppress(boxes, scores, classes, iou).tolist() == expected


def test_equal_scores_keep_their_order() -> None:
    boxes = np.array([[0, 0, 5, 5], [20, 0, 25, 5], [40, 0, 45, 5]], np.float32)
    assert suppress(boxes, np.full(3, 0.5, np.float32), np.zeros(3, np.intp), 0.45).tolist() == [0, 1, 2]


def test_boxes_turned_inside_out_suppress_nothing() -> None:
    boxes = np.array([[50, 50, 40, 60], [80, 80, 70, 90], [10, 10, 20, 20], [10, 10, 20, 20]], np.float32)
    scores = np.array([0.9, 0.8, 0.7, 0.6], np.float32)
    assert suppress(boxes, scores, np.zeros(4, np.intp), 0.45).tolist() == [0, 1, 2]


def test_nothing_to_suppress_is_fine() -> None:
    empty = np.zeros((0, 4), np.float32)
    assert suppress(empty, np.zeros(0, np.float32), np.zeros(0, np.intp), 0.45).size == 0


# --- detections ------------------------------------------------------------------------------------------------------


def test_detections_carry_the_models_labels_and_pixels_of_the_picture() -> None:
    boxes = Boxes(np.array([[0, 80, 320, 320]], np.float32), np.array([0.5], np.float32), np.array([1], np.intp))
    (detection,) = to_detections(boxes, fit(picture(1280, 960), 640, 640), ("cat", "traffic light"))
    assert detection.label == "traffic light"
    assert detection.score == 0.5
    assert detection.box_xyxy_px == (0, 0, 640, 480)
    assert all(type(value) is float for value in (detection.score, *detection.box_xyxy_px))


def test_a_class_without_a_label_is_named_by_its_number() -> None:
    boxes = Boxes(np.zeros((1, 4), np.float32), np.array([0.5], np.float32), np.array([7], np.intp))
    assert to_detections(boxes, Letterbox(0, 0, 1, 1, 1, 1), ("cat",))[0].label == "7"
