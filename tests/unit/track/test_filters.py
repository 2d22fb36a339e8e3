from __future__ import annotations

import pytest

from bridge.model import Detection
from bridge.track.filters import DetectionFilter

_PERSON = Detection("person", 0.9, (100, 100, 200, 300))  # 100 x 200 px of 640 x 480: 6.5 %
_DOG = Detection("dog", 0.6, (0, 0, 64, 48))  # 1 %
_FAINT = Detection("person", 0.3, (300, 100, 400, 300))
_ALL = [_PERSON, _DOG, _FAINT]


def _kept(wanted: DetectionFilter) -> list[Detection]:
    return wanted.keep(_ALL, 640, 480)


def test_without_limits_everything_counts_in_its_order() -> None:
    assert _kept(DetectionFilter()) == _ALL


@pytest.mark.parametrize(
    ("labels", "expected"),
    [({"person"}, [_PERSON, _FAINT]), ({"dog"}, [_DOG]), ({"dog", "person"}, _ALL), ({"cat"}, []), (set(), _ALL)],
)
def test_only_wanted_labels_count(labels: set[str], expected: list[Detection]) -> None:
    assert _kept(DetectionFilter(labels=frozenset(labels))) == expected


@pytest.mark.parametrize(
    ("confidence", "expected"), [(0.25, _ALL), (0.49, _ALL), (0.51, [_PERSON, _DOG]), (1.0, [_PERSON, _DOG])]
)
def test_detections_count_from_three_fifths_of_the_confidence_on(confidence: float, expected: list[Detection]) -> None:
    assert _kept(DetectionFilter(confidence=confidence)) == expected
    assert DetectionFilter(confidence=confidence).floor == pytest.approx(0.6 * confidence)


@pytest.mark.parametrize(
    ("least", "most", "expected"),
    [(0.0, 1.0, _ALL), (0.01, 1.0, _ALL), (0.011, 1.0, [_PERSON, _FAINT]), (0.0, 0.05, [_DOG]), (0.5, 1.0, [])],
)
def test_size_counts_as_a_share_of_the_frame(least: float, most: float, expected: list[Detection]) -> None:
    assert _kept(DetectionFilter(min_area=least, max_area=most)) == expected


def test_size_is_of_the_part_inside_the_frame() -> None:
    leaving = Detection("person", 0.9, (-600, 0, 40, 480))  # all of the frame's height, 40 of 640 px of its width
    assert DetectionFilter(max_area=0.1).keep([leaving], 640, 480) == [leaving]


def test_the_same_share_counts_at_any_resolution() -> None:
    small = Detection("person", 0.9, (10, 10, 74, 58))
    large = Detection("person", 0.9, (25, 25, 185, 145))
    wanted = DetectionFilter(min_area=0.0099, max_area=0.0101)
    assert wanted.keep([small], 640, 480) == [small]
    assert wanted.keep([large], 1600, 1200) == [large]


@pytest.mark.parametrize(
    ("narrowest", "widest", "expected"),
    [
        (None, None, _ALL),
        (0.5, None, _ALL),  # the persons are 100 x 200 px
        (0.51, None, [_DOG]),
        (None, 0.5, [_PERSON, _FAINT]),
        (1.3, 1.4, [_DOG]),  # 64 x 48 px
        (None, 0.4, []),
    ],
)
def test_shape_counts_as_width_by_height_in_pixels(
    narrowest: float | None, widest: float | None, expected: list[Detection]
) -> None:
    assert _kept(DetectionFilter(min_aspect=narrowest, max_aspect=widest)) == expected


def test_a_box_without_height_is_wider_than_any_limit_and_no_trouble() -> None:
    flat = Detection("person", 0.9, (100, 100, 200, 100))
    assert DetectionFilter().keep([flat], 640, 480) == [flat]
    assert DetectionFilter(max_aspect=100).keep([flat], 640, 480) == []


def _rectangle(left: float, top: float, right: float, bottom: float) -> tuple[tuple[float, float], ...]:
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def test_what_stands_in_a_mask_does_not_count() -> None:
    # The persons' feet are at (150, 300) and (350, 300) of 640 x 480, the dog's at (32, 48).
    assert _kept(DetectionFilter(masks=(_rectangle(0.2, 0.6, 0.3, 0.7),))) == [_DOG, _FAINT]
    assert _kept(DetectionFilter(masks=(_rectangle(0, 0, 0.1, 0.1), _rectangle(0.5, 0.5, 0.6, 0.7)))) == [_PERSON]


def test_who_only_reaches_into_a_mask_counts() -> None:
    assert _kept(DetectionFilter(masks=(_rectangle(0, 0, 1, 0.6),))) == [_PERSON, _FAINT]
