from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import Detection, Track
from bridge.track.parts import parts
from bridge.track.tracker import Tracker

if TYPE_CHECKING:
    from bridge.model import Box

_CONFIDENCE = 0.25
_LEAVING = (0.8965, 0.3051, 1.0, 0.8873)  # somebody at the right edge, on footage
_HIS_LEGS = (0.9141, 0.6518, 0.9995, 0.887)  # and what was found inside in the same frame


def _told(*boxes: Box, scores: tuple[float, ...] = ()) -> list[bool]:
    return parts(boxes, scores or (0.9,) * len(boxes), _CONFIDENCE)


def test_legs_of_somebody_who_leaves_are_a_part_of_him_in_any_order() -> None:
    assert _told(_LEAVING, _HIS_LEGS) == [False, True]
    assert _told(_HIS_LEGS, _LEAVING) == [True, False]


@pytest.mark.parametrize(
    ("whole", "part"),
    [
        ((0.0, 0.2, 0.3, 0.9), (0.0, 0.5, 0.1, 0.9)),
        ((0.3, 0.0, 0.6, 0.8), (0.3, 0.0, 0.6, 0.3)),
        ((0.7, 0.2, 1.0, 0.9), (0.9, 0.5, 1.0, 0.9)),
        ((0.3, 0.2, 0.6, 1.0), (0.4, 0.7, 0.6, 1.0)),
    ],
)
def test_every_edge_of_the_picture_cuts_people_off(whole: Box, part: Box) -> None:
    assert _told(whole, part) == [False, True]


def test_the_half_at_the_edge_is_a_part_although_the_model_is_surer_of_it() -> None:
    # So found on the footage at VGA.
    assert _told((0.823, 0.206, 1.0, 0.885), (0.921, 0.205, 1.0, 0.894), scores=(0.32, 0.51)) == [False, True]


def test_a_child_before_a_grown_up_in_the_middle_of_the_picture_is_somebody() -> None:
    assert _told((0.4, 0.1, 0.6, 0.9), (0.45, 0.5, 0.55, 0.9)) == [False, False]


def test_who_only_reaches_behind_somebody_at_the_edge_is_somebody() -> None:
    # A third of him shows beside the other one.
    assert _told((0.8, 0.2, 1.0, 0.9), (0.72, 0.3, 1.0, 0.7)) == [False, False]
    assert _told((0.3, 0.2, 0.6, 1.0), (0.4, 0.3, 0.7, 1.0)) == [False, False]


def test_two_whom_different_edges_cut_off_are_two() -> None:
    assert _told((0.6, 0.05, 1.0, 0.9), (0.7, 0.0, 0.8, 0.5)) == [False, False]


def test_a_whole_that_is_not_sure_has_no_parts() -> None:
    assert _told(_LEAVING, _HIS_LEGS, scores=(0.24, 0.9)) == [False, False]
    assert _told(_LEAVING, _HIS_LEGS, scores=(0.25, 0.9)) == [False, True]


def test_without_detections_there_are_no_parts() -> None:
    assert _told() == []


_shares = st.sampled_from([0.0, 0.005, 0.5, 0.995, 1.0]) | st.floats(0.0, 1.0)
_boxes = st.tuples(_shares, _shares, _shares, _shares)


@given(st.lists(st.tuples(_boxes, st.floats(0.0, 1.0)), max_size=8))
def test_the_largest_sure_one_is_never_a_part(found: list[tuple[Box, float]]) -> None:
    told = parts([box for box, _ in found], [score for _, score in found], _CONFIDENCE)
    assert len(told) == len(found)
    if any(told):
        wholes = [is_part for (_, score), is_part in zip(found, told, strict=True) if score >= _CONFIDENCE]
        assert not all(wholes)


# --- what becomes of parts: the tracker ----------------------------------------------------------------------------


def _seen(box: Box, score: float = 0.8) -> Detection:
    return Detection("person", score, (box[0] * 640, box[1] * 480, box[2] * 640, box[3] * 480))


def _follow(*frames: list[Detection]) -> list[list[Track]]:
    """At 10 frames a second."""
    tracker = Tracker(confidence=_CONFIDENCE, lost_after_s=5.0)
    return [list(tracker.update(found, 640, 480, 100.0 + index / 10)) for index, found in enumerate(frames)]


def test_who_leaves_at_the_edge_has_one_track_to_the_last_sight_of_his_legs() -> None:
    # Detections of the footage as they came, at 10 fps: at the fourth frame he is found whole and as a half.
    said = _follow(
        [_seen((0.768, 0.049, 0.999, 0.884), 0.91)],
        [_seen((0.769, 0.069, 0.999, 0.882), 0.9)],
        [_seen((0.784, 0.133, 0.999, 0.88), 0.81)],
        [_seen((0.823, 0.209, 1.0, 0.879), 0.41), _seen((0.92, 0.206, 1.0, 0.893), 0.36)],
        [_seen((0.896, 0.305, 1.0, 0.887), 0.72)],
        [_seen((0.914, 0.435, 1.0, 0.89), 0.34)],
        [_seen((0.914, 0.652, 1.0, 0.887), 0.17)],
    )
    assert [[track.track_id for track in tracks] for tracks in said] == [[1]] * 7
    assert said[-1][0].hits == 7


def test_a_child_at_the_edge_that_was_known_before_keeps_its_id_while_the_grown_up_covers_it() -> None:
    child = (0.9, 0.5, 1.0, 0.9)
    said = _follow(
        *[[_seen(child)]] * 3,
        *[[_seen((0.5 + 0.06 * step, 0.1, 0.7 + 0.06 * step, 0.9)), _seen(child)] for step in range(6)],
    )
    assert [[track.box_xyxy_norm for track in tracks if track.track_id == 1] for tracks in said] == [
        [pytest.approx(child)]
    ] * 9
    assert {track.track_id for tracks in said for track in tracks} == {1, 2}


def test_who_steps_out_from_behind_somebody_at_the_edge_begins_a_track() -> None:
    behind, beside = (0.9, 0.3, 1.0, 0.8), (0.7, 0.3, 0.8, 0.8)
    said = _follow([_seen((0.85, 0.1, 1.0, 0.9)), _seen(behind)], [_seen((0.85, 0.1, 1.0, 0.9)), _seen(beside)])
    assert [len(tracks) for tracks in said] == [1, 2]


def test_a_part_keeps_the_score_that_the_model_gave_it() -> None:
    child = (0.9, 0.5, 1.0, 0.9)
    said = _follow(
        [_seen((0.75, 0.1, 0.95, 0.9)), _seen(child, 0.7)], [_seen((0.85, 0.1, 1.0, 0.9)), _seen(child, 0.7)]
    )
    assert [track.score for track in said[-1]] == [0.8, 0.7]


def test_a_bag_at_the_edge_is_no_part_of_its_owner() -> None:
    tracker = Tracker(confidence=_CONFIDENCE, lost_after_s=5.0)
    bag = Detection("handbag", 0.8, _seen(_HIS_LEGS).box_xyxy_px)
    assert len(tracker.update([_seen(_LEAVING), bag], 640, 480, 100.0)) == 2
