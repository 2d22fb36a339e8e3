"""One test for each rule on top of ``bridge/events/machine.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.events.ids import IdMaker
from bridge.events.machine import EventMachine, EventRules
from bridge.model import ChangeType, Event, Track

if TYPE_CHECKING:
    from bridge.events.machine import Step

_T0 = 100.0  # the monotonic clock when a test begins
_WALL = 1_800_000_000.0  # the wall clock then
_BOX = (0.1, 0.2, 0.3, 0.8)


def _machine(min_hits: int = 3, end_after_s: float = 5.0, update_interval_s: float = 10.0) -> EventMachine:
    return EventMachine("door", EventRules(min_hits, end_after_s, update_interval_s), IdMaker(lambda _bits: 0))


def _track(track_id: int = 1, label: str = "person", score: float = 0.8) -> Track:
    return Track(track_id, label, score, _BOX, hits=1)


def _see(machine: EventMachine, *seconds: float, track: Track | None = None, better: bool = False) -> list[Step]:
    """Frames at these seconds in which one object is seen."""
    shown = track or _track()
    pictures = {shown.track_id} if better else set()
    return [
        step
        for second in seconds
        for step in machine.update([shown], _T0 + second, _WALL + second, better_pictures=pictures)
    ]


def _types(steps: list[Step]) -> list[str]:
    return [step.type.value for step in steps]


def _opened(machine: EventMachine) -> Event:
    """An event that opened at second 0.4 and began at 0."""
    (step,) = _see(machine, 0.0, 0.2, 0.4)
    assert step.type is ChangeType.NEW
    return step.event


# --- rule 1: min_hits ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("min_hits", [1, 2, 3, 5])
def test_an_event_opens_when_the_object_was_seen_in_min_hits_frames(min_hits: int) -> None:
    machine = _machine(min_hits)
    opened = [_types(_see(machine, index * 0.2)) for index in range(6)]
    assert [index for index, types in enumerate(opened) if types == ["new"]] == [min_hits - 1]


def test_hits_need_not_be_in_a_row() -> None:
    machine = _machine()
    assert _types(_see(machine, 0.0, 2.0, 6.9)) == ["new"]


def test_an_object_that_was_not_seen_for_end_after_s_begins_to_count_anew() -> None:
    machine = _machine(min_hits=3, end_after_s=5.0)
    assert _types(_see(machine, 0.0, 0.2, 5.3, 5.5)) == []
    assert _types(_see(machine, 5.7)) == ["new"]


def test_the_event_begins_at_the_first_sight() -> None:
    assert _opened(_machine()) == Event(
        id="1800000000000-000000",
        camera_id="door",
        label="person",
        score=0.8,
        top_score=0.8,
        box_xyxy_norm=_BOX,
        start_unix_s=_WALL,
        end_unix_s=None,
        frame_unix_s=_WALL + 0.4,
        frame_mono_s=_T0 + 0.4,
    )


def test_two_objects_in_one_frame_are_two_events() -> None:
    machine = _machine(min_hits=1)
    steps = machine.update([_track(1), _track(2, "dog")], _T0, _WALL)
    assert [(step.type.value, step.event.label, step.track_id) for step in steps] == [
        ("new", "person", 1),
        ("new", "dog", 2),
    ]
    assert len({step.event.id for step in steps}) == 2


# --- rule 2: the order of a life -----------------------------------------------------------------------------------


def test_a_visit_is_told_as_new_update_end_under_one_id() -> None:
    machine = _machine()
    steps = _see(machine, *[index * 0.5 for index in range(42)]) + machine.tick(_T0 + 30)
    assert _types(steps) == ["new", "update", "end"]
    assert len({step.event.id for step in steps}) == 1
    assert machine.tick(_T0 + 60) == []


# --- rule 3: updates -----------------------------------------------------------------------------------------------


def test_updates_come_at_their_pace() -> None:
    machine = _machine(update_interval_s=10.0)
    told = [second for second in range(60) if "update" in _types(_see(machine, float(second)))]
    assert told == [12, 22, 32, 42, 52]  # the event opened at second 2


def test_an_update_tells_the_newest_sight_and_the_best_score() -> None:
    machine = _machine(min_hits=1, update_interval_s=2.0)
    moved = (0.5, 0.2, 0.7, 0.8)
    machine.update([Track(1, "person", 0.6, _BOX, 1)], _T0, _WALL)
    machine.update([Track(1, "person", 0.9, _BOX, 2)], _T0 + 1, _WALL + 1)
    (step,) = machine.update([Track(1, "person", 0.7, moved, 3)], _T0 + 2, _WALL + 2)
    event = step.event
    assert (event.score, event.top_score, event.box_xyxy_norm) == (0.7, 0.9, moved)
    assert (event.frame_unix_s, event.frame_mono_s) == (_WALL + 2, _T0 + 2)
    assert (event.start_unix_s, event.end_unix_s) == (_WALL, None)


def test_a_clearly_better_picture_is_told_sooner_but_not_within_a_second_of_the_last_message() -> None:
    machine = _machine(min_hits=1)
    told = [
        index / 4 for index in range(17) if _types(_see(machine, index / 4, better=True))
    ]  # better with each of four frames a second
    assert told == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_the_pace_of_updates_counts_from_the_last_message_whatever_it_was() -> None:
    machine = _machine(min_hits=1, update_interval_s=10.0)
    assert _types(_see(machine, 0.0)) == ["new"]
    assert _types(_see(machine, 4.0, better=True)) == ["update"]
    assert _types(_see(machine, 8.0, 12.0, 13.9)) == []
    assert _types(_see(machine, 14.0)) == ["update"]


def test_an_interval_below_a_second_holds_for_better_pictures_too() -> None:
    machine = _machine(min_hits=1, update_interval_s=0.5)
    assert _types(_see(machine, 0.0, 0.5, 1.0, better=True)) == ["new", "update", "update"]


def test_a_better_picture_of_a_candidate_tells_nothing() -> None:
    assert _types(_see(_machine(min_hits=3), 0.0, 2.0, better=True)) == []


# --- rule 4: the end -----------------------------------------------------------------------------------------------


def test_the_event_ends_when_the_object_was_not_seen_for_end_after_s() -> None:
    machine = _machine(end_after_s=5.0)
    opened = _opened(machine)
    assert machine.tick(_T0 + 5.4) == []
    (step,) = machine.tick(_T0 + 5.5)
    assert (step.type, step.event.id, step.track_id) == (ChangeType.END, opened.id, 1)


def test_the_end_is_the_last_sight_not_the_moment_it_is_told() -> None:
    machine = _machine()
    _opened(machine)
    _see(machine, 3.0)
    (step,) = machine.tick(_T0 + 60)
    assert step.event.end_unix_s == _WALL + 3.0
    assert step.event.frame_unix_s == _WALL + 3.0


def test_an_end_comes_with_the_next_frame_too() -> None:
    machine = _machine(min_hits=1)
    _see(machine, 0.0)
    steps = machine.update([_track(2)], _T0 + 6, _WALL + 6)
    assert [(step.type.value, step.track_id) for step in steps] == [("end", 1), ("new", 2)]


def test_close_ends_what_is_open_and_forgets_candidates() -> None:
    machine = _machine(min_hits=2)
    _see(machine, 0.0, 0.2)
    _see(machine, 0.2, track=_track(2))
    steps = machine.close(_T0 + 0.3)
    assert [(step.type.value, step.track_id) for step in steps] == [("end", 1)]
    assert steps[0].event.end_unix_s == pytest.approx(_WALL + 0.2)
    assert (dict(machine.present()), list(machine.followed())) == ({}, [])
    assert machine.close(_T0 + 0.4) == []


def test_a_candidate_that_goes_away_tells_nothing() -> None:
    machine = _machine()
    _see(machine, 0.0, 0.2)
    assert machine.tick(_T0 + 60) == []
    assert list(machine.followed()) == []


# --- rule 5: coming back -------------------------------------------------------------------------------------------


def test_a_short_absence_does_not_end_a_visit() -> None:
    machine = _machine(end_after_s=5.0)
    _opened(machine)
    assert _types(_see(machine, 5.3)) == []
    assert machine.tick(_T0 + 10) == []


def test_a_track_that_comes_back_after_its_end_is_a_new_visit() -> None:
    machine = _machine(min_hits=2)
    first = _see(machine, 0.0, 0.2)[0].event
    steps = _see(machine, 10.0, 10.2)
    assert _types(steps) == ["end", "new"]
    assert steps[0].event.id == first.id
    assert steps[1].event.id > first.id
    assert steps[1].event.start_unix_s == _WALL + 10.0


# --- rule 6: clocks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jump_s", [-7200.0, 7200.0])
def test_a_wall_clock_that_jumps_does_not_turn_an_event_inside_out(jump_s: float) -> None:
    machine = _machine(min_hits=1)
    machine.update([_track()], _T0, _WALL)
    machine.update([_track()], _T0 + 3, _WALL + 3 + jump_s)
    (step,) = machine.tick(_T0 + 30)
    assert (step.event.start_unix_s, step.event.end_unix_s) == (_WALL, _WALL + 3)


# --- rule 7: silence -----------------------------------------------------------------------------------------------


def test_a_camera_that_falls_silent_ends_its_events_with_the_time() -> None:
    machine = _machine(min_hits=1)
    machine.update([_track(1), _track(2)], _T0, _WALL)
    assert _types(machine.tick(_T0 + 5.1)) == ["end", "end"]


# --- what it tells of itself ---------------------------------------------------------------------------------------


def test_present_counts_open_events_by_label() -> None:
    machine = _machine(min_hits=2)
    machine.update([_track(1), _track(2), _track(3, "dog")], _T0, _WALL)
    assert dict(machine.present()) == {}
    machine.update([_track(1), _track(2), _track(3, "dog"), _track(4, "dog")], _T0 + 0.2, _WALL + 0.2)
    assert dict(machine.present()) == {"person": 2, "dog": 1}
    assert sorted(machine.followed()) == [1, 2, 3, 4]
    machine.tick(_T0 + 6)
    assert dict(machine.present()) == {}
