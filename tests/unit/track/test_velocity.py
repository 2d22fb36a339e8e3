from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import Detection
from bridge.track.tracker import Tracker
from bridge.track.velocity import Velocity

if TYPE_CHECKING:
    from bridge.model import Box

_WIDTH, _HEIGHT = 0.1, 0.4
_JITTER = 0.15  # sides a second that are taken off


def _box(x: float, y: float = 0.3, width: float = _WIDTH, height: float = _HEIGHT) -> Box:
    return (x, y, x + width, y + height)


_steps = st.lists(st.floats(1 / 15, 1.0), min_size=1, max_size=30)


@given(_steps)
def test_nothing_moves_at_the_first_sight_nor_while_it_stands(steps: list[float]) -> None:
    velocity, now_s = Velocity(_box(0.4), 100.0), 100.0
    assert velocity.see(_box(0.4), now_s) == (0, 0, 0, 0)
    for step in steps:
        now_s += step
        assert velocity.see(_box(0.4), now_s) == (0, 0, 0, 0)


_off = st.tuples(*[st.floats(-0.0074, 0.0074)] * 4)


@given(st.lists(st.tuples(st.floats(0.0, 1.0), _off), max_size=40))
def test_jitter_of_a_detector_is_no_movement(sights: list[tuple[float, Box]]) -> None:
    # Every edge wanders by up to 1.5 % of its side, at any pace.
    velocity, now_s = Velocity(_box(0.4), 100.0), 100.0
    still = _box(0.4)
    for step, (left, top, right, bottom) in sights:
        now_s += step
        box = (
            still[0] + left * _WIDTH,
            still[1] + top * _HEIGHT,
            still[2] + right * _WIDTH,
            still[3] + bottom * _HEIGHT,
        )
        assert velocity.see(box, now_s) == (0, 0, 0, 0)


@given(st.floats(-0.5, 0.5), st.lists(st.floats(1 / 15, 1.0), min_size=30, max_size=40))
def test_a_steady_walker_has_his_pace_at_any_frame_rate_less_the_jitter(speed: float, steps: list[float]) -> None:
    velocity = Velocity(_box(0.0), 100.0)
    told: Box = (0, 0, 0, 0)
    for second in itertools.accumulate(steps):
        told = velocity.see(_box(speed * second), 100.0 + second)
    least = max(0.0, abs(speed) - _JITTER * _WIDTH)
    assert told == pytest.approx((np.sign(speed) * least, 0, np.sign(speed) * least, 0), abs=0.01)


def test_who_comes_nearer_grows() -> None:
    velocity = Velocity(_box(0.4), 100.0)
    told: Box = (0, 0, 0, 0)
    for index in range(1, 11):
        grown = index * 0.04
        told = velocity.see(_box(0.4 - grown / 2, 0.3, _WIDTH + grown), 100.0 + index / 5)
    assert told[0] < -0.01
    assert told[2] > 0.01


@pytest.mark.parametrize("fps", [2, 5, 15])
def test_who_stops_stands_within_a_second(fps: int) -> None:
    velocity = Velocity(_box(0.0), 100.0)
    for index in range(1, 3 * fps):
        velocity.see(_box(0.2 * index / fps), 100.0 + index / fps)
    stopped = [velocity.see(_box(0.6), 103.0 + index / fps) for index in range(fps + 1)]
    assert stopped[-1] == pytest.approx((0, 0, 0, 0), abs=0.005)


def test_nothing_is_known_after_a_long_gap() -> None:
    velocity = Velocity(_box(0.1), 100.0)
    assert velocity.see(_box(0.2), 100.5)[0] > 0.1
    assert velocity.see(_box(0.8), 103.0) == (0, 0, 0, 0)


def test_two_sights_at_one_time_do_not_tear_it_apart() -> None:
    velocity = Velocity(_box(0.1), 100.0)
    moving = velocity.see(_box(0.2), 100.5)
    assert velocity.see(_box(0.2), 100.5) == moving


@pytest.mark.parametrize("fps", [2, 5, 10])
def test_a_box_moved_forward_is_nearer_than_one_left_behind(fps: int) -> None:
    tracker = Tracker(confidence=0.25, lost_after_s=5.0)
    chance = np.random.default_rng(1)
    behind, ahead = [], []
    for index in range(5 * fps):
        x, sway = 0.1 + 0.15 * index / fps, chance.uniform(-0.0015, 0.0015)
        box = (640 * (x + sway), 480 * 0.3, 640 * (x + sway + _WIDTH), 480 * 0.7)
        (track,) = tracker.update([Detection("person", 0.9, box)], 640, 480, 100.0 + index / fps)
        if index >= 2:
            next_x = x + 0.15 / fps
            behind.append(abs(next_x - track.box_xyxy_norm[0]))
            ahead.append(abs(next_x - track.box_xyxy_norm[0] - track.velocity_xyxy_norm_per_s[0] / fps))
    assert np.mean(ahead) < 0.35 * np.mean(behind)


def test_each_track_has_its_own_velocity_and_keeps_it_over_a_missed_frame() -> None:
    tracker = Tracker(confidence=0.25, lost_after_s=5.0)

    def see(second: float, *lefts: float) -> list[Box]:
        seen = [Detection("person", 0.9, (640 * x, 100, 640 * (x + 0.1), 300)) for x in lefts]
        return [track.velocity_xyxy_norm_per_s for track in tracker.update(seen, 640, 480, 100.0 + second)]

    assert see(0.0, 0.1, 0.8) == [(0, 0, 0, 0)] * 2
    for index in range(1, 6):
        walking, standing = see(index / 5, 0.1 + 0.04 * index, 0.8)
    assert walking[0] > 0.1
    assert standing == (0, 0, 0, 0)
    see(1.2)  # nobody is seen
    assert see(1.4, 0.1 + 0.04 * 7, 0.8)[0][0] > 0.1
