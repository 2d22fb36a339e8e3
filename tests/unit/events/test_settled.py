from __future__ import annotations

from bridge.events.settled import SettledPlaces
from bridge.model import Box, Track

_PLACE = (0.4, 0.4, 0.6, 0.8)
_ELSEWHERE = (0.1, 0.4, 0.3, 0.8)


def _track(track_id: int = 1, box: Box = _PLACE, label: str = "car") -> Track:
    return Track(track_id, label, 0.9, box, 1)


def _settled() -> SettledPlaces:
    places = SettledPlaces()
    places.settle(_track(), _PLACE, 100.0)
    return places


def test_a_place_holds_what_is_alike_in_label_and_box() -> None:
    places = _settled()
    assert places.holds(_track(7, (0.42, 0.42, 0.62, 0.8)))
    assert not places.holds(_track(box=_ELSEWHERE))
    assert not places.holds(_track(label="person"))
    assert not places.holds(_track(box=(0.4, 0.4, 0.6, 0.55))), "less than half of it"


def test_a_place_is_kept_for_an_hour_after_the_last_sight() -> None:
    places = _settled()
    places.forget_old(3700.0)
    assert places.see(_track(2), 3700.0)
    places.forget_old(7300.0)
    assert places.holds(_track())
    places.forget_old(7301.0)
    assert not places.holds(_track())


def test_a_place_is_free_when_what_was_seen_there_last_is_elsewhere() -> None:
    places = _settled()
    places.leave(2, 110.0)
    assert places.holds(_track()), "somebody else went away"
    places.leave(1, 110.0)
    assert not places.holds(_track())


def test_a_place_that_is_taken_at_this_moment_is_not_free() -> None:
    places = _settled()
    places.see(_track(1), 110.0)
    places.leave(1, 110.0)
    assert places.holds(_track())


def test_what_settles_again_at_the_same_place_is_kept_once() -> None:
    places = _settled()
    places.settle(_track(5), (0.41, 0.4, 0.61, 0.8), 200.0)
    places.leave(5, 210.0)
    assert not places.holds(_track())
