"""Boxes moved to the moment of a picture."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import Track
from bridge.serve.forward import HORIZON_S, moved

STILL = (0.0, 0.0, 0.0, 0.0)
BOX = (0.4, 0.2, 0.6, 0.8)

edges = st.tuples(*[st.floats(0, 1)] * 4).map(
    lambda four: (min(four[0], four[2]), min(four[1], four[3]), max(four[0], four[2]), max(four[1], four[3]))
)
speeds = st.tuples(*[st.floats(-5, 5)] * 4)
times = st.floats(-10, 10)


def _track(box: tuple[float, ...] = BOX, speed: tuple[float, ...] = STILL, number: int = 1) -> Track:
    return Track(number, "person", 0.9, box, 5, speed)  # type: ignore[arg-type]  # four numbers each


def test_a_walker_is_drawn_where_he_is_by_now() -> None:
    (track,) = moved([_track(speed=(0.2, 0.0, 0.2, 0.0))], 0.5)
    assert track.box_xyxy_norm == pytest.approx((0.5, 0.2, 0.7, 0.8))
    assert (track.track_id, track.score, track.hits) == (1, 0.9, 5)


def test_a_picture_from_before_the_analysis_shows_him_where_he_was() -> None:
    (track,) = moved([_track(speed=(0.2, 0.0, 0.2, 0.0))], -0.1)
    assert track.box_xyxy_norm == pytest.approx((0.38, 0.2, 0.58, 0.8))


def test_one_who_comes_nearer_grows() -> None:
    (track,) = moved([_track(speed=(-0.1, -0.1, 0.1, 0.1))], 0.5)
    assert track.box_xyxy_norm == pytest.approx((0.35, 0.15, 0.65, 0.85))


def test_after_the_horizon_the_box_waits_where_it_is() -> None:
    walker = _track(speed=(0.05, 0.0, 0.05, 0.0))
    assert moved([walker], HORIZON_S) == moved([walker], HORIZON_S + 1)
    assert moved([walker], HORIZON_S * 0.9) != moved([walker], HORIZON_S)


def test_who_has_left_the_picture_has_no_box() -> None:
    leaving = _track(box=(0.9, 0.2, 0.98, 0.8), speed=(0.5, 0.0, 0.5, 0.0))
    assert [track.track_id for track in moved([leaving, _track(number=2)], 0.5)] == [2]


def test_without_a_speed_or_time_nothing_changes() -> None:
    tracks = (_track(), _track(number=2))
    assert moved(tracks, 0.4) == tracks
    assert moved([_track(speed=(1.0, 1.0, 1.0, 1.0))], 0.0)[0].box_xyxy_norm == BOX


@given(edges, speeds, times)
def test_a_box_is_always_in_the_picture_and_never_inside_out(
    box: tuple[float, ...], speed: tuple[float, ...], by_s: float
) -> None:
    for track in moved([_track(box, speed)], by_s):
        left, top, right, bottom = track.box_xyxy_norm
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1


@given(edges, speeds, times)
def test_no_edge_moves_farther_than_the_horizon_allows(
    box: tuple[float, ...], speed: tuple[float, ...], by_s: float
) -> None:
    for track in moved([_track(box, speed)], by_s):
        for before, after, edge_speed in zip(box, track.box_xyxy_norm, speed, strict=True):
            assert abs(after - before) <= abs(edge_speed) * min(HORIZON_S, abs(by_s)) + 1e-9


@given(st.lists(st.tuples(edges, speeds)), times)
def test_tracks_keep_their_order_and_nobody_is_invented(
    several: list[tuple[tuple[float, ...], tuple[float, ...]]], by_s: float
) -> None:
    tracks = [_track(box, speed, number) for number, (box, speed) in enumerate(several)]
    numbers = [track.track_id for track in moved(tracks, by_s)]
    assert numbers == sorted(set(numbers))
    assert len(numbers) <= len(tracks)
