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
    ("confidence", "expected"), [(0.3, _ALL), (0.31, [_PERSON, _DOG]), (0.9, [_PERSON]), (0.91, [])]
)
def test_only_sure_detections_count(confidence: float, expected: list[Detection]) -> None:
    assert _kept(DetectionFilter(confidence=confidence)) == expected


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
