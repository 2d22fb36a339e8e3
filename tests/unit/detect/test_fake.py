from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bridge.detect.fake import COLOURS, FakeDetector
from bridge.frames.codec import decode, encode
from bridge.frames.opencv import cv2

if TYPE_CHECKING:
    from bridge.detect.port import Detector
    from bridge.model import Image


def scene(*things: tuple[str, tuple[int, int, int, int]]) -> Image:
    image = np.full((240, 320, 3), 90, np.uint8)
    for label, (left, top, right, bottom) in things:
        image[top:bottom, left:right] = COLOURS[label]
    return image


def test_it_finds_what_is_painted_in_the_colour_of_a_label() -> None:
    detector: Detector = FakeDetector()
    (found,) = detector.detect([scene(("person", (10, 20, 60, 120)), ("dog", (100, 50, 180, 90)))], 0.25, 0.45)
    assert {(item.label, item.box_xyxy_px) for item in found} == {
        ("person", (10, 20, 60, 120)),
        ("dog", (100, 50, 180, 90)),
    }
    assert [item.score for item in found] == [1, 1]


@pytest.mark.parametrize("quality", [10, 40, 80, 95])
@pytest.mark.parametrize("label", sorted(COLOURS))
def test_it_finds_it_in_a_jpeg_as_well(label: str, quality: int) -> None:
    image = decode(encode(scene((label, (101, 61, 155, 203))), quality))  # across the 8 x 8 blocks of the JPEG
    (found,) = FakeDetector().detect([image], 0.25, 0.45)
    assert [item.label for item in found] == [label]
    assert found[0].box_xyxy_px == pytest.approx((101, 61, 155, 203), abs=5)
    assert found[0].score > 0.85


def test_things_of_one_colour_beside_each_other_are_two() -> None:
    (found,) = FakeDetector().detect([scene(("person", (10, 20, 60, 120)), ("person", (70, 20, 90, 60)))], 0.25, 0.45)
    assert [item.box_xyxy_px for item in found] == [(10, 20, 60, 120), (70, 20, 90, 60)]


def test_the_score_is_how_full_the_box_is_and_the_threshold_counts() -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    cv2.circle(image, (160, 120), 60, COLOURS["person"], cv2.FILLED)
    assert FakeDetector().detect([image], 0.25, 0.45)[0][0].score == pytest.approx(np.pi / 4, abs=0.02)
    assert FakeDetector().detect([image], 0.9, 0.45) == [[]]


def test_the_best_comes_first() -> None:
    image = scene(("dog", (200, 20, 260, 80)))
    cv2.circle(image, (80, 120), 40, COLOURS["person"], cv2.FILLED)
    (found,) = FakeDetector().detect([image], 0.25, 0.45)
    assert [item.label for item in found] == ["dog", "person"]


def test_every_picture_has_its_own_answer() -> None:
    images = [scene(("person", (10, 20, 60, 120))), scene(), scene(("car", (10, 20, 60, 120)))]
    found = FakeDetector().detect(images, 0.25, 0.45)
    assert [[item.label for item in items] for items in found] == [["person"], [], ["car"]]


def test_specks_are_nothing() -> None:
    assert FakeDetector().detect([scene(("person", (10, 10, 13, 13)))], 0.25, 0.45) == [[]]


def test_colours_can_be_chosen() -> None:
    detector = FakeDetector({"cat": (0, 255, 255)}, batch=3, jobs=2)
    image = np.zeros((100, 100, 3), np.uint8)
    image[20:50, 20:50] = (0, 255, 255)
    assert detector.detect([image], 0.25, 0.45)[0][0].label == "cat"
    assert detector.info.labels == ("cat",)
    assert (detector.info.batch, detector.info.jobs) == (3, 2)
    detector.close()
