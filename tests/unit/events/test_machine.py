"""One test for each rule on top of ``bridge/events/machine.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.events.ids import IdMaker
from bridge.events.machine import EventMachine, EventRules
from bridge.events.visit import Moment
from bridge.model import ChangeType, Event, Track

if TYPE_CHECKING:
    from bridge.events.machine import Step
    from bridge.model import Box

_T0 = 100.0  # the monotonic clock when a test begins
_WALL = 1_800_000_000.0  # the wall clock then
_BOX = (0.1, 0.2, 0.3, 0.8)


def _machine(
    min_hits: int = 3,
    end_after_s: float = 5.0,
    update_interval_s: float = 10.0,
    confidence: float = 0.25,
    stationary_end_after_s: float = 900.0,
) -> EventMachine:
    rules = EventRules(min_hits, end_after_s, update_interval_s, confidence, stationary_end_after_s)
    return EventMachine("door", rules, IdMaker(lambda _bits: 0))


def _track(track_id: int = 1, label: str = "person", score: float = 0.8, box: Box = _BOX) -> Track:
    return Track(track_id, label, score, box, hits=1)


def _at(second: float) -> Moment:
    return Moment(_T0 + second, _WALL + second)


def _see(machine: EventMachine, *seconds: float, track: Track | None = None, better: bool = False) -> list[Step]:
    """Frames at these seconds in which one object is seen."""
    shown = track or _track()
    pictures = {shown.track_id} if better else set()
    return [step for second in seconds for step in machine.update([shown], _at(second), better_pictures=pictures)]


def _walk(machine: EventMachine, *seconds: float) -> list[Step]:
    """Likewise, of somebody who goes to and fro: a width to one side and back within two seconds."""
    return [
        step for second in seconds for step in _see(machine, second, track=_track(box=_beside(0.2 * (second % 2 >= 1))))
    ]


def _beside(shift: float) -> Box:
    return (_BOX[0] + shift, _BOX[1], _BOX[2] + shift, _BOX[3])


def _stand(machine: EventMachine, until: float, box: Box = _BOX, since: float = 0.0, track_id: int = 1) -> list[Step]:
    """Two frames a second, from ``since`` to ``until``, in which somebody stands there."""
    seconds = [since + index / 2 for index in range(round(2 * (until - since)) + 1)]
    return _see(machine, *seconds, track=_track(track_id, box=box))


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


def test_one_lucky_frame_among_faint_ones_is_no_visitor() -> None:
    machine = _machine(min_hits=3, confidence=0.4)
    scores = (0.9, 0.3, 0.3, 0.3, 0.45, 0.5, 0.5)  # the median of the last three frames' 0.9 would never have counted
    opened = [
        index for index, score in enumerate(scores) if _types(_see(machine, index * 0.2, track=_track(score=score)))
    ]
    assert opened == [6]


def test_a_score_that_holds_makes_a_visitor_although_some_frames_are_faint() -> None:
    machine = _machine(min_hits=3, confidence=0.4)
    assert _types(
        [
            step
            for second, score in ((0.0, 0.5), (0.2, 0.3), (0.4, 0.4))
            for step in _see(machine, second, track=_track(score=score))
        ]
    ) == ["new"]


def test_what_was_faint_long_ago_does_not_count_against_somebody_who_is_there_now() -> None:
    machine = _machine(confidence=0.4)
    assert _types(_see(machine, *[index * 0.2 for index in range(100)], track=_track(score=0.3))) == []
    opened = [index for index in range(100, 120) if _types(_see(machine, index * 0.2, track=_track(score=0.8)))]
    assert opened == [104]  # five of the last ten: the median lies between 0.3 and 0.8


def test_two_objects_in_one_frame_are_two_events() -> None:
    machine = _machine(min_hits=1)
    steps = machine.update([_track(1), _track(2, "dog")], _at(0))
    assert [(step.type.value, step.event.label, step.track_id) for step in steps] == [
        ("new", "person", 1),
        ("new", "dog", 2),
    ]
    assert len({step.event.id for step in steps}) == 2


# --- rule 2: the order of a life -----------------------------------------------------------------------------------


def test_a_visit_is_told_as_new_update_end_under_one_id() -> None:
    machine = _machine()
    steps = _walk(machine, *[index * 0.5 for index in range(42)]) + machine.tick(_T0 + 30)
    assert _types(steps) == ["new", "update", "end"]
    assert len({step.event.id for step in steps}) == 1
    assert machine.tick(_T0 + 60) == []


# --- rule 3: updates -----------------------------------------------------------------------------------------------


def test_updates_come_at_their_pace() -> None:
    machine = _machine(update_interval_s=10.0)
    told = [second for second in range(60) if "update" in _types(_walk(machine, float(second)))]
    assert told == [12, 22, 32, 42, 52]  # the event opened at second 2


def test_an_update_tells_the_newest_sight_and_the_best_score() -> None:
    machine = _machine(min_hits=1, update_interval_s=2.0)
    moved = (0.5, 0.2, 0.7, 0.8)
    machine.update([Track(1, "person", 0.6, _BOX, 1)], _at(0))
    machine.update([Track(1, "person", 0.9, _BOX, 2)], _at(1))
    (step,) = machine.update([Track(1, "person", 0.7, moved, 3)], _at(2))
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
    machine = _machine(min_hits=1, update_interval_s=5.0)
    assert _types(_see(machine, 0.0)) == ["new"]
    assert _types(_see(machine, 2.0, better=True)) == ["update"]
    assert _types(_see(machine, 4.0, 6.0, 6.9)) == []
    assert _types(_see(machine, 7.0)) == ["update"]


def test_an_interval_below_a_second_holds_for_better_pictures_too() -> None:
    machine = _machine(min_hits=1, update_interval_s=0.5)
    assert _types(_see(machine, 0.0, 0.5, 1.0, better=True)) == ["new", "update", "update"]


def test_a_change_of_zone_is_told_at_once() -> None:
    machine = _machine(min_hits=1)
    walk = [(), ("porch",), ("porch", "door"), ("door",), ("door",), ("porch",), ()]
    told = []
    for index, zones in enumerate(walk):
        told += machine.update([_track()], _at(index / 10), zones={1: zones})
    assert _types(told) == ["new", *["update"] * 5]
    assert [step.event.zones for step in told] == [*walk[:4], *walk[5:]]
    assert [step.event.entered_zones for step in told] == [(), ("porch",), *[("porch", "door")] * 4]


def test_an_event_begins_in_the_zones_where_its_candidate_stood() -> None:
    machine = _machine(min_hits=2)
    machine.update([_track()], _at(0), zones={1: ("gate",)})
    (step,) = machine.update([_track()], _at(0.2), zones={1: ("porch",)})
    assert (step.event.zones, step.event.entered_zones) == (("porch",), ("gate", "porch"))


def test_an_end_tells_where_the_object_was_seen_last() -> None:
    machine = _machine(min_hits=1)
    machine.update([_track()], _at(0), zones={1: ("porch",)})
    (step,) = machine.tick(_T0 + 60)
    assert (step.event.zones, step.event.entered_zones) == (("porch",), ("porch",))


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
    steps = machine.update([_track(2)], _at(6))
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


def test_nobody_has_left_while_no_frame_came() -> None:
    machine = _machine(end_after_s=1.5)
    _opened(machine)  # seen last at 0.4
    assert machine.tick(_T0 + 3.3) == []
    assert _types(_see(machine, 3.35)) == [], "the same visit"
    assert _types(machine.tick(_T0 + 6.4)) == ["end"], "3 s without a frame are enough"


@pytest.mark.parametrize(("looked_at_s", "ended_at_s"), [(1.0, 1.95), (2.4, 2.45)])
def test_one_look_without_the_object_ends_its_event_after_end_after_s(looked_at_s: float, ended_at_s: float) -> None:
    machine = _machine(end_after_s=1.5)
    _opened(machine)
    assert machine.update([], _at(looked_at_s)) == []
    assert _types(machine.tick(_T0 + ended_at_s)) == ["end"]


# --- rule 6: clocks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jump_s", [-7200.0, 7200.0])
def test_a_wall_clock_that_jumps_does_not_turn_an_event_inside_out(jump_s: float) -> None:
    machine = _machine(min_hits=1)
    machine.update([_track()], _at(0))
    machine.update([_track()], Moment(_T0 + 3, _WALL + 3 + jump_s))
    (step,) = machine.tick(_T0 + 30)
    assert (step.event.start_unix_s, step.event.end_unix_s) == (_WALL, _WALL + 3)


def test_an_event_tells_when_its_frame_was_taken_received_and_understood() -> None:
    machine = _machine(min_hits=1)
    (step,) = machine.update([_track()], Moment(_T0, _WALL, captured_unix_s=_WALL - 0.3, detected_mono_s=_T0 + 0.08))
    event = step.event
    assert (event.captured_unix_s, event.frame_unix_s) == (_WALL - 0.3, _WALL)
    assert event.detected_unix_s == pytest.approx(_WALL + 0.08)
    (end,) = machine.tick(_T0 + 60)
    assert (end.event.captured_unix_s, end.event.detected_unix_s) == (_WALL - 0.3, None)


def test_a_wall_clock_that_jumps_back_puts_no_frame_before_the_start_and_no_answer_before_its_frame() -> None:
    machine = _machine(min_hits=2)
    machine.update([_track()], Moment(_T0, _WALL, detected_mono_s=_T0 + 0.1))
    (step,) = machine.update([_track()], Moment(_T0 + 1, _WALL - 3600, detected_mono_s=_T0 + 1.1))
    event = step.event
    assert event.start_unix_s == _WALL
    assert event.frame_unix_s == _WALL + 1
    assert event.detected_unix_s == pytest.approx(_WALL + 1.1)


# --- rule 7: silence -----------------------------------------------------------------------------------------------


def test_a_camera_that_falls_silent_ends_its_events_with_the_time() -> None:
    machine = _machine(min_hits=1)
    machine.update([_track(1), _track(2)], _at(0))
    assert _types(machine.tick(_T0 + 5.1)) == ["end", "end"]


# --- rule 8: stationary --------------------------------------------------------------------------------------------


def test_who_stands_for_ten_seconds_is_stationary_and_moves_on_at_once() -> None:
    machine = _machine(min_hits=1)
    stood = _stand(machine, 12.0)
    assert [(step.type.value, step.event.stationary, step.event.frame_mono_s - _T0) for step in stood] == [
        ("new", False, 0.0),
        ("update", True, 10.0),
    ]
    went = [_see(machine, 12.2 + index * 0.2, track=_track(box=_beside(0.05 * index))) for index in range(1, 8)]
    told = [(index, step.event.stationary) for index, steps in enumerate(went, 1) for step in steps]
    assert told[0][0] <= 4, "within 0.8 s"
    assert [stationary for _, stationary in told] == [False]


def test_a_stationary_object_is_quiet() -> None:
    machine = _machine(min_hits=1, update_interval_s=10.0, stationary_end_after_s=0)
    told_s = [step.event.frame_mono_s - _T0 for step in _stand(machine, 1000.0)]
    assert told_s == [0.0, 10.0, 310.0, 610.0, 910.0]


# --- rule 9: settled -----------------------------------------------------------------------------------------------


def test_what_stands_still_for_too_long_has_its_end_and_nothing_after_it() -> None:
    machine = _machine(min_hits=1, stationary_end_after_s=60.0)
    steps = _stand(machine, 300.0)
    assert [(step.type.value, step.event.frame_mono_s - _T0) for step in steps] == [
        ("new", 0.0),
        ("update", 10.0),
        ("end", 60.0),
    ]
    assert steps[-1].event.end_unix_s == _WALL + 60
    assert (dict(machine.present()), list(machine.followed())) == ({}, [])
    assert machine.belongs_to_scene(_track())
    assert not machine.belongs_to_scene(_track(box=_beside(0.4)))


def test_zero_means_that_an_event_may_last_for_ever() -> None:
    machine = _machine(min_hits=1, stationary_end_after_s=0)
    assert "end" not in _types(_see(machine, *[index * 4.0 for index in range(2000)]))


def test_nothing_settles_before_it_is_stationary() -> None:
    machine = _machine(min_hits=1, stationary_end_after_s=1.0)
    assert [step.event.frame_mono_s - _T0 for step in _stand(machine, 20.0)] == [0.0, 10.0]


@pytest.mark.parametrize("away_s", [1.0, 60.0, 3500.0])
def test_what_settled_is_known_again_at_its_place_under_another_track_id(away_s: float) -> None:
    machine = _machine(min_hits=1, stationary_end_after_s=60.0)
    _stand(machine, 60.0)
    machine.tick(_T0 + 60 + away_s / 2)
    a_little_off = (_BOX[0] + 0.02, _BOX[1] - 0.03, _BOX[2] + 0.03, _BOX[3] + 0.02)
    assert _stand(machine, 80 + away_s, a_little_off, since=60 + away_s, track_id=2) == []


def test_another_label_at_a_settled_place_is_a_visit() -> None:
    machine = _machine(min_hits=1, stationary_end_after_s=60.0)
    _stand(machine, 60.0)
    assert _types(_see(machine, 61.0, track=_track(2, "dog"))) == ["new"]


def test_a_visitor_who_passes_a_settled_place_keeps_the_event() -> None:
    machine = _machine(min_hits=1, stationary_end_after_s=60.0)
    _stand(machine, 60.0)
    steps = [
        step
        for index in range(21)
        for step in machine.update([_track(), _track(2, box=_beside(0.5 - 0.05 * index))], _at(61 + index / 5))
    ]
    steps += _stand(machine, 80, since=66)
    assert [(step.type.value, step.track_id) for step in steps] == [("new", 2), ("end", 2)]
    assert machine.belongs_to_scene(_track()), "and what is settled stays so"


def test_a_candidate_too_faint_for_an_event_settles_without_a_word() -> None:
    machine = _machine(confidence=0.5, stationary_end_after_s=60.0)
    faint = _track(score=0.4)
    assert _see(machine, *[index / 2 for index in range(130)], track=faint) == []
    assert machine.belongs_to_scene(faint)
    assert list(machine.followed()) == []


def test_a_box_that_the_detector_gets_wrong_once_wakes_nothing() -> None:
    machine = _machine(min_hits=3, stationary_end_after_s=60.0)
    _stand(machine, 60.0)
    for index in range(20):  # every third frame shows half of it
        box = (_BOX[0], 0.6, _BOX[2], _BOX[3]) if index % 3 == 0 else _BOX
        assert _see(machine, 61 + index / 5, track=_track(box=box)) == []


# --- rule 10: leaving a settled place ------------------------------------------------------------------------------


def test_what_settled_and_moves_is_a_new_visit_and_its_place_is_free() -> None:
    machine = _machine(min_hits=3, stationary_end_after_s=60.0)
    first = _stand(machine, 60.0)[0].event
    steps = [
        step for index in range(12) for step in _see(machine, 61 + index / 5, track=_track(box=_beside(0.05 * index)))
    ]
    assert _types(steps) == ["new"]
    assert steps[0].event.id > first.id
    assert steps[0].event.start_unix_s > _WALL + 60
    assert _types(_see(machine, 64.0, 64.2, 64.4, track=_track(2))) == ["new"], "somebody else who takes the place"


def test_a_settled_place_is_forgotten_when_nothing_was_there_for_an_hour() -> None:
    machine = _machine(min_hits=1, stationary_end_after_s=60.0)
    _stand(machine, 60.0)
    machine.tick(_T0 + 60 + 3601)
    assert _types(_see(machine, 60 + 3602, track=_track(2))) == ["new"]


def test_what_is_seen_at_its_settled_place_now_and_then_stays_part_of_the_scene() -> None:
    machine = _machine(min_hits=1, stationary_end_after_s=60.0)
    _stand(machine, 60.0)
    assert [_see(machine, 60 + 3000.0 * hour, track=_track(hour)) for hour in range(1, 10)] == [[]] * 9


# --- what it tells of itself ---------------------------------------------------------------------------------------


def test_present_counts_open_events_by_label() -> None:
    machine = _machine(min_hits=2)
    machine.update([_track(1), _track(2), _track(3, "dog")], _at(0))
    assert dict(machine.present()) == {}
    machine.update([_track(1), _track(2), _track(3, "dog"), _track(4, "dog")], _at(0.2))
    assert dict(machine.present()) == {"person": 2, "dog": 1}
    assert sorted(machine.followed()) == [1, 2, 3, 4]
    machine.tick(_T0 + 6)
    assert dict(machine.present()) == {}


def test_present_in_zones_counts_open_events_by_zone_and_label() -> None:
    machine = _machine(min_hits=2)
    tracks = [_track(1), _track(2), _track(3, "dog")]
    zones = {1: ("porch",), 2: ("porch", "gate"), 3: ("porch",)}
    machine.update(tracks, _at(0), zones=zones)
    assert machine.present_in_zones() == {}
    machine.update(tracks, _at(0.2), zones=zones)
    assert machine.present_in_zones() == {"porch": {"person": 2, "dog": 1}, "gate": {"person": 1}}
    machine.update(tracks[1:], _at(0.4), zones={2: ("gate",), 3: ()})
    assert machine.present_in_zones() == {"porch": {"person": 1}, "gate": {"person": 1}}
    machine.tick(_T0 + 60)
    assert machine.present_in_zones() == {}
