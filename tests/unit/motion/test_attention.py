from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.motion.attention import Attention
from bridge.motion.gate import Motion

_STILL = Motion(moving=False, worth_a_look=False)
_WORTH = Motion(moving=False, worth_a_look=True)


def _wanted(fps: float, seconds: float, attention: Attention | None = None, from_s: float = 100.0) -> list[bool]:
    """What is wanted of a still scene."""
    attention = attention or Attention()
    frames = range(round(fps * seconds))
    return [attention.wants(_STILL, tracked=False, now_mono_s=from_s + index / fps) for index in frames]


def test_the_first_frame_is_looked_at_even_if_nothing_moves() -> None:
    assert Attention().wants(_STILL, tracked=False, now_mono_s=100.0)


@pytest.mark.parametrize("fps", [1.0, 2.0, 5.0, 15.0])
def test_a_still_scene_is_looked_at_every_three_seconds(fps: float) -> None:
    assert 10 <= sum(_wanted(fps, 30.0)) <= 11


def test_a_camera_slower_than_that_is_looked_at_always() -> None:
    assert all(_wanted(0.3, 100.0))


def test_after_something_worth_a_look_the_next_second_is_looked_at() -> None:
    attention = Attention()
    attention.wants(_STILL, tracked=False, now_mono_s=99.0)
    assert attention.wants(_WORTH, tracked=False, now_mono_s=99.9)
    assert _wanted(10.0, 1.5, attention) == [True] * 10 + [False] * 5


def test_motion_that_is_not_worth_a_look_opens_nothing() -> None:
    attention = Attention()
    attention.wants(_STILL, tracked=False, now_mono_s=100.0)
    parked = Motion(moving=True, worth_a_look=False)  # long in the picture, and seen by the model many times
    assert not attention.wants(parked, tracked=False, now_mono_s=100.2)


def test_who_stands_still_is_looked_at_as_long_as_he_is_followed() -> None:
    attention = Attention()
    assert all(attention.wants(_STILL, tracked=True, now_mono_s=100.0 + index / 5) for index in range(300))


def test_a_clock_that_steps_back_does_not_blind() -> None:
    attention = Attention()
    attention.wants(_STILL, tracked=False, now_mono_s=5000.0)
    assert attention.wants(_STILL, tracked=False, now_mono_s=100.0)


@given(
    st.lists(
        st.tuples(st.floats(0.0, 2.0), st.booleans(), st.integers(0, 9)), max_size=60
    )  # pause before the frame, tracked, and worth a look once in ten
)
def test_whatever_comes_nobody_is_overlooked_for_long(frames: list[tuple[float, bool, int]]) -> None:
    attention, now_s, looked_s = Attention(), 100.0, float("-inf")
    for pause_s, tracked, chance in frames:
        now_s += pause_s
        worth = chance == 0
        wanted = attention.wants(Motion(moving=False, worth_a_look=worth), tracked=tracked, now_mono_s=now_s)
        assert wanted or not (tracked or worth)
        looked_s = now_s if wanted else looked_s
        assert now_s - looked_s < 3.0
