"""The pacer: how many pictures of a camera are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.serve.pacing import Pacer


def _passed(pacer: Pacer, times: list[float]) -> int:
    return sum(pacer.accept(time) for time in times)


@pytest.mark.parametrize(
    ("camera_fps", "limit", "expected"), [(25, 15, 150), (10, 15, 100), (30, 1, 10), (12, 7.5, 75)]
)
def test_a_camera_faster_than_the_limit_is_shown_at_the_limit_a_slower_one_as_it_is(
    camera_fps: float, limit: float, expected: int
) -> None:
    times = [step / camera_fps for step in range(round(10 * camera_fps))]
    assert _passed(Pacer(limit), times) == pytest.approx(expected, abs=2)


def test_jitter_of_a_camera_at_the_limit_costs_no_frame() -> None:
    jitter = (0.0, 0.03, -0.03, 0.01, -0.02)
    times = [step / 15 + jitter[step % 5] for step in range(150)]
    assert _passed(Pacer(15), times) >= 148


def test_the_first_picture_never_waits() -> None:
    pacer = Pacer(0.1)
    assert pacer.wait_s(5000.0) == 0
    assert pacer.accept(5000.0)


def test_wait_s_is_the_time_until_the_next_yes() -> None:
    pacer = Pacer(4)
    assert pacer.accept(10.0)
    assert pacer.accept(10.0)
    assert pacer.wait_s(10.1) == pytest.approx(0.15)
    assert not pacer.accept(10.24)
    assert pacer.accept(10.25)


def test_a_pause_is_not_made_up_for_by_a_burst() -> None:
    pacer = Pacer(10)
    assert pacer.accept(0)
    assert _passed(pacer, [100 + step / 1000 for step in range(50)]) == 2


@given(
    st.floats(0.2, 60),
    st.lists(st.floats(0, 0.2), min_size=1, max_size=300),
)
def test_never_more_than_the_limit_and_its_burst(limit: float, gaps: list[float]) -> None:
    times = [sum(gaps[:index]) for index in range(len(gaps))]
    passed = _passed(Pacer(limit), times)
    assert passed <= limit * (times[-1] - times[0]) + 2.0001
