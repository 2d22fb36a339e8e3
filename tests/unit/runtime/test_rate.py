from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.runtime.rate import RateMeter


def _steady(fps: float, seconds: float, start_s: float = 100.0) -> RateMeter:
    meter = RateMeter()
    for index in range(round(fps * seconds)):
        meter.add(start_s + index / fps)
    return meter


@pytest.mark.parametrize("fps", [1.0, 5.0, 15.0, 60.0])
def test_a_steady_stream_reads_its_rate(fps: float) -> None:
    assert _steady(fps, 10).per_s(110.0) == pytest.approx(fps, rel=0.01)


def test_a_short_stream_reads_its_rate_from_the_second_sample_on() -> None:
    meter = RateMeter()
    assert meter.per_s(100.0) == 0.0
    meter.add(100.0)
    assert meter.per_s(100.0) == 0.0
    meter.add(100.1)
    assert meter.per_s(100.1) == pytest.approx(10.0)


def test_a_stream_that_stops_falls_to_zero_within_the_window() -> None:
    meter = _steady(10, 10)
    readings = [meter.per_s(110.0 + step * 0.5) for step in range(12)]
    assert readings == sorted(readings, reverse=True)
    assert readings[0] == pytest.approx(10, rel=0.01)
    assert readings[5] < 7  # after 2.5 s
    assert readings[-1] == 0.0


def test_the_time_to_the_next_frame_does_not_lower_the_rate_of_a_slow_camera() -> None:
    assert _steady(1, 10).per_s(109.9) == pytest.approx(1.0, rel=0.05)


def test_samples_in_the_same_clock_tick_do_not_divide_by_zero() -> None:
    meter = RateMeter()
    meter.add(100.0)
    meter.add(100.0)
    assert meter.per_s(100.0) == 0.0


def test_memory_is_bounded_however_fast_frames_come() -> None:
    meter = RateMeter(max_samples=100)
    for index in range(100_000):
        meter.add(100.0 + index * 1e-6)
    assert sys.getsizeof(meter._times) < 5000
    assert meter.per_s(100.1) == pytest.approx(1e6, rel=0.05)


@given(st.lists(st.floats(0, 20), max_size=60), st.floats(0, 40))
def test_only_the_window_counts_and_the_rate_is_never_negative(times: list[float], later_s: float) -> None:
    meter = RateMeter(window_s=5.0)
    for at_s in sorted(times):
        meter.add(at_s)
    now_s = max(times, default=0.0) + later_s
    in_window = [at_s for at_s in times if at_s >= now_s - 5.0]
    rate = meter.per_s(now_s)
    assert rate >= 0.0
    if len(in_window) < 2:
        assert rate == 0.0
    elif max(in_window) > min(in_window):
        assert rate > 0.0
