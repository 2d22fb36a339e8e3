from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config import polygon

SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def star(radii: list[float], turn: float) -> tuple[polygon.Point, ...]:
    """Corners at growing angles around the middle: never crosses itself, whatever the radii."""
    step = 2 * math.pi / len(radii)
    return tuple(
        (0.5 + r * math.cos(turn + i * step), 0.5 + r * math.sin(turn + i * step)) for i, r in enumerate(radii)
    )


@given(st.lists(st.floats(0.05, 0.5), min_size=4, max_size=12), st.floats(0, 6))
def test_any_star_shaped_polygon_is_accepted_in_both_directions(radii: list[float], turn: float) -> None:
    points = star(radii, turn)
    assert polygon.fault(points) is None
    assert polygon.fault(points[::-1]) is None


@given(st.lists(st.floats(0.05, 0.5), min_size=4, max_size=12), st.floats(0, 6), st.integers(0, 100))
def test_swapping_two_neighbouring_corners_of_a_convex_polygon_is_found(
    radii: list[float], turn: float, where: int
) -> None:
    points = list(star([0.4] * len(radii), turn))
    i = where % len(points)
    j = (i + 1) % len(points)
    points[i], points[j] = points[j], points[i]
    assert "cross" in str(polygon.fault(points))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=8))
def test_no_list_of_points_makes_the_check_fail(points: list[polygon.Point]) -> None:
    corners = polygon.opened(points)
    if polygon.fault(corners) is None:
        assert polygon.area(corners) > 0


def test_a_polygon_closed_by_its_first_corner_counts_once() -> None:
    assert polygon.opened((*SQUARE, SQUARE[0])) == SQUARE
    assert polygon.opened((SQUARE[0], *SQUARE)) == SQUARE


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_corners_are_no_polygon(count: int) -> None:
    assert f"at least 3 different points, here are {count}" in str(polygon.fault(SQUARE[:count]))


@pytest.mark.parametrize(
    "points",
    [
        ((0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)),  # a bow tie
        ((0.0, 0.0), (0.5, 0.5), (1.0, 0.0), (1.0, 1.0), (0.5, 0.5), (0.0, 1.0)),  # two triangles at one corner
        ((0.0, 0.0), (1.0, 0.0), (0.5, 0.0), (0.5, 1.0)),  # a side folded back on itself
        ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.0), (0.0, 1.0)),  # a corner on a side
    ],
)
def test_sides_that_cross_or_touch_are_found(points: tuple[polygon.Point, ...]) -> None:
    assert "cross or touch" in str(polygon.fault(points))


@pytest.mark.parametrize(
    "points",
    [
        ((0.0, 0.0), (0.5, 0.0), (1.0, 0.0)),
        ((0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (0.25, 0.25)),
        ((0.0, 0.0), (1e-5, 0.0), (0.0, 1e-5)),
    ],
)
def test_corners_that_enclose_nothing_are_found(points: tuple[polygon.Point, ...]) -> None:
    assert "no area" in str(polygon.fault(points))


def test_the_area_of_a_square_is_known() -> None:
    assert polygon.area(SQUARE) == pytest.approx(1.0)
    assert polygon.area(SQUARE[:3]) == pytest.approx(0.5)
