from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bridge.track.geometry import area, normalized

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
