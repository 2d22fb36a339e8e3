from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bridge.frames.turns import Turns


def test_turns_form_a_grid_that_a_late_frame_does_not_move() -> None:
    turns = Turns(0.25)
    taken_s = []
    for arrival_s in (0.0, 0.3125, 0.5, 0.75, 60.0, 60.1, 60.25):
        if turns.due_mono_s <= arrival_s:
            turns.first_frame(arrival_s, 0.0)
            turns.take(arrival_s, 0.0)
            taken_s.append(arrival_s)
    assert taken_s == [0.0, 0.3125, 0.5, 0.75, 60.0, 60.25]


def test_a_turn_is_missed_only_when_a_frame_was_there_for_it() -> None:
    turns = Turns(0.2)
    turns.first_frame(0.0, 0.0)
    assert turns.take(0.0, 0.0) == 0
    turns.first_frame(0.1, 0.0)
    assert turns.take(1.1, 0.0) == 0, "one frame waited all the time, none was overtaken"
    turns.first_frame(1.2, 0.0)
    for _ in range(3):
        turns.newer_frame()
    assert turns.take(2.9, 0.0) == 3, "three overtook, of the eight turns that passed"


def test_a_camera_with_events_comes_first_until_another_has_waited_too_long() -> None:
    idle, eventful = Turns(0.2), Turns(0.2)
    eventful.eventful = True
    for turns in (idle, eventful):
        turns.first_frame(0.0, 0.0)
        turns.take(0.0, 0.0)
        turns.first_frame(0.1, 0.0)
    eventful.deadline_s += 0.1
    assert eventful.rank(0.3) < idle.rank(0.3)
    assert idle.rank(1.3) < eventful.rank(1.3)


def test_a_camera_that_paused_has_saved_nothing_up() -> None:
    paused, busy = Turns(0.2), Turns(0.2)
    for number in range(100):
        busy.first_frame(number * 0.2, busy.deadline_s)
        busy.take(number * 0.2, busy.deadline_s)
    paused.first_frame(20.0, busy.deadline_s)
    assert paused.rank(20.0) >= busy.rank(20.0)


@given(st.lists(st.floats(0.001, 5.0), min_size=1, max_size=50), st.floats(0.02, 2.0))
def test_every_turn_is_taken_or_missed(waits_s: list[float], interval_s: float) -> None:
    """With a frame there all the time, turns taken and missed are the turns that passed."""
    turns, now_s, counted = Turns(interval_s), 0.0, 0
    turns.first_frame(0.0, 0.0)
    for wait_s in waits_s:
        if turns.due_mono_s <= now_s:
            counted += 1 + turns.take(now_s, 0.0)
            turns.first_frame(now_s, 0.0)
            for _ in range(10_000):
                turns.newer_frame()
        now_s += wait_s
    assert abs(counted - turns.due_mono_s / interval_s) < 0.01
