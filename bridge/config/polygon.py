"""Is this list of points a polygon? Pure geometry, any unit."""

from collections.abc import Sequence
from itertools import combinations

Point = tuple[float, float]

# Share of the picture; below it a polygon holds not even one pixel of a 5-megapixel frame.
_MIN_AREA = 1e-7


def opened(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points without repetitions in a row and without a last point that only repeats the first."""
    kept: list[Point] = []
    for point in points:
        if not kept or kept[-1] != point:
            kept.append(point)
    if len(kept) > 1 and kept[0] == kept[-1]:
        kept.pop()
    return tuple(kept)


def fault(points: Sequence[Point]) -> str | None:
    """Why the points (already ``opened``) enclose no proper area, or None when they do."""
    if len(points) < 3:  # noqa: PLR2004 - a triangle is the smallest polygon
        return f"a polygon needs at least 3 different points, here are {len(points)}"
    flat = all(_turn(points[0], points[1], point) == 0 for point in points)
    if not flat and (len(set(points)) < len(points) or _crossing_edges(points)):
        return "the polygon's sides cross or touch each other; list the corners in order around it"
    if flat or area(points) < _MIN_AREA:
        return "the polygon encloses no area"
    return None


def area(points: Sequence[Point]) -> float:
    """The enclosed area, by the shoelace formula; never negative."""
    following = (*points[1:], points[0])
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(points, following, strict=True))) / 2


def _crossing_edges(points: Sequence[Point]) -> bool:
    edges = list(zip(points, (*points[1:], points[0]), strict=True))
    return any(_touch(one, other) for one, other in combinations(edges, 2))


def _touch(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Whether two sides meet anywhere but at the corner that neighbours share."""
    shared = set(one) & set(other)
    if shared:
        # Neighbours share one corner; they overlap when a free end of one lies on the other (a side folded back).
        free_one, free_other = set(one) - shared, set(other) - shared
        return any(_on(point, other) for point in free_one) or any(_on(point, one) for point in free_other)
    if any(_on(point, other) for point in one) or any(_on(point, one) for point in other):
        return True
    return _turn(*one, other[0]) * _turn(*one, other[1]) < 0 and _turn(*other, one[0]) * _turn(*other, one[1]) < 0


def _turn(a: Point, b: Point, c: Point) -> float:
    """Positive when a, b, c turn one way, negative the other way, 0 on one line."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _on(point: Point, edge: tuple[Point, Point]) -> bool:
    """Whether the point lies on the side (ends included)."""
    (x1, y1), (x2, y2) = edge
    inside = min(x1, x2) <= point[0] <= max(x1, x2) and min(y1, y2) <= point[1] <= max(y1, y2)
    return inside and _turn(*edge, point) == 0
