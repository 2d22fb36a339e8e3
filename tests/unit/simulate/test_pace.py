"""The pace of a simulated camera: real speed, newest picture, nothing sent late."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.simulate.pace import Pace, Slot


def play(pace: Pace, seconds: float) -> list[Slot]:
    """What a punctual board sends."""
    now_s, end_s, slots = 100.0, 100.0 + seconds - 1e-6, []
    while (now_s := now_s + pace.wait_s(now_s)) < end_s:
        slots.append(pace.take(now_s))
    return slots


def indexes(slots: list[Slot]) -> list[int]:
    return [slot.index for slot in slots]


def test_the_first_picture_is_due_at_once() -> None:
    pace = Pace(10, 10)
    assert pace.wait_s(5.0) == 0.0
    assert pace.take(5.0) == Slot(0, 0)
    assert pace.wait_s(5.0) == pytest.approx(0.1)


def test_a_video_at_its_own_rate_is_sent_picture_by_picture() -> None:
    assert indexes(play(Pace(10, 10), 139.05)) == list(range(1391))


def test_half_the_rate_sends_every_second_picture() -> None:
    assert indexes(play(Pace(5, 10), 2.0)) == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]


def test_twice_the_rate_sends_every_picture_twice() -> None:
    assert indexes(play(Pace(20, 10), 0.4)) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_uneven_rates_keep_real_speed() -> None:
    slots = play(Pace(10, 29.97), 60.0)
    assert len(slots) == 600
    assert slots[-1].index == math.floor(59.9 * 29.97)


def test_what_fell_due_during_a_stall_is_missed_and_the_newest_is_sent() -> None:
    pace = Pace(10, 10)
    pace.take(0.0)
    assert pace.take(1.05) == Slot(10, 9)
    assert pace.wait_s(1.05) == pytest.approx(0.05)  # back in step, no burst


def test_being_a_little_late_loses_nothing() -> None:
    pace = Pace(10, 10)
    pace.take(0.0)
    assert pace.take(0.19) == Slot(1, 0)
    assert pace.take(0.21) == Slot(2, 0)


def test_pictures_without_a_time_of_their_own_are_all_sent_however_slow_the_link() -> None:
    pace = Pace(10, None)
    slots = [pace.take(now_s) for now_s in (0.0, 5.0, 5.2, 9.0)]
    assert slots == [Slot(0, 0), Slot(1, 0), Slot(2, 0), Slot(3, 0)]


def test_pictures_without_a_time_of_their_own_do_not_catch_up_in_a_burst() -> None:
    pace = Pace(10, None)
    pace.take(0.0)
    pace.take(5.0)
    assert pace.wait_s(5.0) == 0.0
    pace.take(5.0)
    assert pace.wait_s(5.0) == pytest.approx(0.1)


def test_a_pause_holds_the_footage_and_counts_nothing_as_missed() -> None:
    pace = Pace(10, 10)
    pace.take(0.0)
    pace.pause()
    assert pace.wait_s(60.0) == 0.0
    assert pace.take(60.0) == Slot(1, 0)


def test_another_rate_goes_on_from_the_same_place() -> None:
    pace = Pace(10, 10)
    for tenth in range(10):
        pace.take(tenth / 10)
    pace.change(2)
    assert pace.fps == 2
    assert pace.take(1.0) == Slot(10, 0)
    assert pace.wait_s(1.0) == pytest.approx(0.5)
    assert pace.take(1.5) == Slot(15, 0)


@given(
    fps=st.floats(0.5, 60),
    footage_fps=st.floats(0.5, 60),
    waits_s=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=40),
)
def test_whatever_the_delays_every_due_picture_is_sent_or_counted_and_time_never_runs_back(
    fps: float, footage_fps: float, waits_s: list[float]
) -> None:
    pace = Pace(fps, footage_fps)
    now_s = 50.0
    slots = [pace.take(now_s)]
    for wait_s in waits_s:
        now_s += pace.wait_s(now_s) + wait_s
        slots.append(pace.take(now_s))
    assert indexes(slots) == sorted(indexes(slots))
    due = len(slots) + sum(slot.missed for slot in slots)
    passed_s = now_s - 50.0
    assert due == pytest.approx(passed_s * fps + 1, abs=1.01)
    # Never ahead of real time, and never more than a picture's time behind it.
    assert slots[-1].index <= passed_s * footage_fps + 1e-3
    assert slots[-1].index >= (passed_s - 1 / fps) * footage_fps - 1.001
