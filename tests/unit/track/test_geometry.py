from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.track.geometry import area, contains, foot_point, normalized

_coordinates = st.floats(-2000, 2000)
_boxes = st.tuples(_coordinates, _coordinates, _coordinates, _coordinates)


def test_area_is_width_times_height() -> None:
    assert area((1.0, 2.0, 4.0, 10.0)) == 24.0


def test_a_box_turned_inside_out_has_no_area() -> None:
    assert area((4.0, 2.0, 1.0, 10.0)) == 0.0
    assert area((4.0, 10.0, 1.0, 2.0)) == 0.0


def test_a_box_is_scaled_by_the_frame() -> None:
    assert normalized((64, 120, 320, 480), 640, 480) == (0.1, 0.25, 0.5, 1.0)


def test_what_reaches_over_the_edge_is_clipped() -> None:
    assert normalized((-64, -1, 700, 481), 640, 480) == (0.0, 0.0, 1.0, 1.0)


@given(_boxes, st.integers(1, 4000), st.integers(1, 4000))
def test_a_normalized_box_lies_in_the_frame(box: tuple[float, float, float, float], width: int, height: int) -> None:
    result = normalized(box, width, height)
    assert all(0.0 <= value <= 1.0 for value in result)
    assert 0.0 <= area(result) <= 1.0


@given(_boxes, st.integers(1, 10))
def test_a_change_of_resolution_does_not_move_a_normalized_box(
    box: tuple[float, float, float, float], factor: int
) -> None:
    left, top, right, bottom = box
    larger = (left * factor, top * factor, right * factor, bottom * factor)
    for one, other in zip(normalized(box, 640, 480), normalized(larger, 640 * factor, 480 * factor), strict=True):
        assert abs(one - other) < 1e-9


# --- polygons ------------------------------------------------------------------------------------------------------

_SQUARE = ((0.2, 0.2), (0.6, 0.2), (0.6, 0.6), (0.2, 0.6))
# Like a U: a notch from above, down to 0.5.
_NOTCHED = ((0.1, 0.1), (0.4, 0.1), (0.4, 0.5), (0.6, 0.5), (0.6, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))


def test_an_object_stands_in_the_middle_of_its_lower_edge() -> None:
    assert foot_point((0.2, 0.1, 0.4, 0.75)) == (pytest.approx(0.3), 0.75)


@pytest.mark.parametrize(
    ("point", "inside"),
    [
        ((0.4, 0.4), True),
        ((0.1, 0.4), False),
        ((0.7, 0.4), False),
        ((0.4, 0.1), False),
        ((0.4, 0.7), False),
        ((0.2, 0.4), True),  # on its sides
        ((0.6, 0.4), True),
        ((0.4, 0.2), True),
        ((0.4, 0.6), True),
        ((0.2, 0.2), True),  # and corners
        ((0.6, 0.6), True),
        ((0.1, 0.2), False),  # in line with a side, beyond it
        ((0.7, 0.6), False),
    ],
)
def test_a_point_is_inside_a_square_or_on_its_sides_or_outside(point: tuple[float, float], inside: bool) -> None:
    assert contains(_SQUARE, point) is inside
    assert contains(_SQUARE[::-1], point) is inside, "whichever way round the corners are listed"


@pytest.mark.parametrize(
    ("point", "inside"),
    [((0.5, 0.3), False), ((0.5, 0.5), True), ((0.5, 0.6), True), ((0.2, 0.3), True), ((0.8, 0.1), True)],
)
def test_a_notch_is_outside(point: tuple[float, float], inside: bool) -> None:
    assert contains(_NOTCHED, point) is inside


def test_somebody_at_the_lower_edge_of_the_picture_is_in_a_zone_that_ends_there() -> None:
    assert contains(((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)), foot_point((0.3, 0.2, 0.6, 1.0)))


_unit = st.floats(0.0, 1.0)


@given(_unit, _unit, st.floats(0.01, 0.5), st.floats(0.01, 0.5), st.tuples(_unit, _unit))
def test_a_rectangle_contains_what_its_numbers_say(
    left: float, top: float, width: float, height: float, point: tuple[float, float]
) -> None:
    right, bottom = left + width, top + height
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    assert contains(corners, point) == (left <= point[0] <= right and top <= point[1] <= bottom)


@given(st.tuples(_unit, _unit), st.integers(0, 7))
def test_where_the_list_of_corners_begins_does_not_matter(point: tuple[float, float], first: int) -> None:
    turned = (*_NOTCHED[first:], *_NOTCHED[:first])
    assert contains(turned, point) == contains(_NOTCHED, point)
