"""One test for each rule on top of ``bridge/track/zones.py``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import Track
from bridge.track.zones import Zone, ZoneWatch

_LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
_RIGHT = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
_LOWER = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))


def _at(x: float, y: float = 0.8, track_id: int = 1, label: str = "person") -> Track:
    """Somebody whose feet are there."""
    return Track(track_id, label, 0.9, (x - 0.05, y - 0.4, x + 0.05, y), 1)


def _told(watch: ZoneWatch, *xs: float) -> list[tuple[str, ...]]:
    return [watch.update([_at(x)])[1] for x in xs]


@pytest.mark.parametrize("inertia", [1, 2, 3, 5])
def test_who_was_inside_for_the_inertia_in_a_row_has_entered_and_likewise_leaves(inertia: int) -> None:
    watch = ZoneWatch([Zone("left", _LEFT, inertia_frames=inertia)])
    assert _told(watch, *[0.2] * inertia) == [()] * (inertia - 1) + [("left",)]
    assert _told(watch, *[0.8] * inertia) == [("left",)] * (inertia - 1) + [()]


def test_who_wavers_on_the_border_neither_enters_nor_leaves() -> None:
    watch = ZoneWatch([Zone("left", _LEFT, inertia_frames=3)])
    assert _told(watch, *[0.49, 0.49, 0.51] * 5) == [()] * 15
    _told(watch, 0.2, 0.2, 0.2)
    assert _told(watch, *[0.51, 0.51, 0.49] * 5) == [("left",)] * 15


def test_it_is_the_feet_that_count() -> None:
    watch = ZoneWatch([Zone("lower", _LOWER, inertia_frames=1)])
    assert watch.update([_at(0.5, 0.49)]) == {1: ()}
    assert watch.update([_at(0.5, 0.5)]) == {1: ("lower",)}, "the side belongs to the zone"


def test_frames_without_the_object_neither_count_nor_break_a_row() -> None:
    watch = ZoneWatch([Zone("left", _LEFT, inertia_frames=3)])
    for _ in range(2):
        assert watch.update([_at(0.2)]) == {1: ()}
        assert watch.update([]) == {}
    assert watch.update([_at(0.2)]) == {1: ("left",)}


def test_zones_may_overlap_and_are_told_in_their_order() -> None:
    watch = ZoneWatch([Zone("lower", _LOWER, inertia_frames=1), Zone("left", _LEFT, inertia_frames=1)])
    assert watch.update([_at(0.2)]) == {1: ("lower", "left")}
    assert watch.update([_at(0.8)]) == {1: ("lower",)}


def test_a_zone_counts_its_labels_only() -> None:
    watch = ZoneWatch(
        [Zone("left", _LEFT, frozenset({"dog"}), inertia_frames=1), Zone("lower", _LOWER, inertia_frames=1)]
    )
    seen = watch.update([_at(0.2), _at(0.2, track_id=2, label="dog")])
    assert seen == {1: ("lower",), 2: ("left", "lower")}


def test_everybody_has_a_row_of_his_own() -> None:
    watch = ZoneWatch([Zone("left", _LEFT, inertia_frames=2)])
    watch.update([_at(0.2, track_id=1)])
    assert watch.update([_at(0.2, track_id=2)]) == {2: ()}
    assert watch.update([_at(0.2, track_id=1), _at(0.2, track_id=2)]) == {1: ("left",), 2: ("left",)}


def test_who_is_forgotten_begins_anew() -> None:
    watch = ZoneWatch([Zone("left", _LEFT, inertia_frames=2)])
    _told(watch, 0.2, 0.2)
    watch.keep_only({7})
    assert _told(watch, 0.2, 0.2) == [(), ("left",)]


def test_without_zones_nobody_is_in_one() -> None:
    assert ZoneWatch([]).update([_at(0.2)]) == {}


@given(st.lists(st.floats(0.0, 1.0), max_size=40), st.integers(1, 5))
def test_two_zones_that_share_a_side_hold_a_walker_as_the_last_long_rows_say(xs: list[float], inertia: int) -> None:
    watch = ZoneWatch([Zone("left", _LEFT, inertia_frames=inertia), Zone("right", _RIGHT, inertia_frames=inertia)])
    for count, told in enumerate(_told(watch, *xs), 1):
        expected = []
        for name, is_in in (("left", lambda x: x <= 0.5), ("right", lambda x: x >= 0.5)):
            inside = False
            for end in range(inertia, count + 1):
                row = {is_in(x) for x in xs[end - inertia : end]}
                inside = row.pop() if len(row) == 1 else inside
            expected += [name] if inside else []
        assert list(told) == expected
