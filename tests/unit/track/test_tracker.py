from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import Detection, Track
from bridge.track.geometry import normalized
from bridge.track.parts import parts
from bridge.track.tracker import Tracker

if TYPE_CHECKING:
    from bridge.model import Box

_WIDTH, _HEIGHT = 640, 480


@dataclass(frozen=True)
class _Walker:
    """Somebody who crosses the picture at a steady pace; all lengths are shares of the frame.

    Attributes:
        x: where the middle is at second 0.
        speed: per second, to the right.
        y: of the middle.
        width: of the box.
        height: of the box.
        label: what it is.
    """

    x: float = 0.1
    speed: float = 0.1
    y: float = 0.5
    width: float = 0.12
    height: float = 0.5
    label: str = "person"

    def seen(
        self, second: float, chance: np.random.Generator, *, width_px: int = _WIDTH, height_px: int = _HEIGHT
    ) -> Detection:
        """As a detector sees it: every side of the box is off by up to 1.5 % of its length."""

        def off(value: float, side: float) -> float:
            return value + chance.uniform(-0.015, 0.015) * side

        middle = self.x + self.speed * second
        box = (
            off(middle - self.width / 2, self.width) * width_px,
            off(self.y - self.height / 2, self.height) * height_px,
            off(middle + self.width / 2, self.width) * width_px,
            off(self.y + self.height / 2, self.height) * height_px,
        )
        return Detection(self.label, chance.uniform(0.5, 0.95), box)


def _new_tracker(lost_after_s: float = 5.0) -> Tracker:
    return Tracker(confidence=0.25, lost_after_s=lost_after_s)


def _follow(
    *walkers: _Walker, fps: float = 5.0, seconds: float = 8.0, dropped: float = 0.0, tracker: Tracker | None = None
) -> list[tuple[Track, ...]]:
    """What the tracker says of each frame that was not dropped."""
    tracker = tracker or _new_tracker()
    chance = np.random.default_rng(3)
    said: list[tuple[Track, ...]] = []
    for index in range(round(fps * seconds)):
        second = index / fps
        detections = [walker.seen(second, chance) for walker in walkers]
        if chance.random() >= dropped:
            said.append(tracker.update(detections, _WIDTH, _HEIGHT, 100.0 + second))
    return said


def _ids(said: list[tuple[Track, ...]], label: str | None = None) -> set[int]:
    return {track.track_id for tracks in said for track in tracks if label in (None, track.label)}


def _box(x: float, y: float = 0.5, width: float = 0.1, height: float = 0.4, score: float = 0.9) -> Detection:
    return Detection(
        "person",
        score,
        ((x - width / 2) * _WIDTH, (y - height / 2) * _HEIGHT, (x + width / 2) * _WIDTH, (y + height / 2) * _HEIGHT),
    )


# --- one object ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fps", [1, 2, 5, 10, 15])
def test_a_walker_keeps_one_id_at_any_rate(fps: float) -> None:
    said = _follow(_Walker(), fps=fps)
    assert _ids(said) == {1}
    assert all(len(tracks) == 1 for tracks in said)


@pytest.mark.parametrize("fps", [2, 5, 15])
@pytest.mark.parametrize("dropped", [0.1, 0.3])
def test_a_walker_keeps_one_id_when_frames_are_dropped(fps: float, dropped: float) -> None:
    assert _ids(_follow(_Walker(), fps=fps, dropped=dropped)) == {1}


def test_somebody_who_stands_still_keeps_one_id_for_minutes() -> None:
    assert _ids(_follow(_Walker(x=0.5, speed=0.0), fps=2, seconds=180)) == {1}


def test_the_very_first_sight_has_an_id_and_every_sight_is_counted() -> None:
    said = _follow(_Walker(), fps=5, seconds=2)
    assert [tracks[0].hits for tracks in said] == list(range(1, 11))
    assert {tracks[0].track_id for tracks in said} == {1}


def test_a_track_tells_what_was_detected_not_what_was_predicted() -> None:
    detection = _box(0.5, score=0.7)
    (track,) = _new_tracker().update([detection], _WIDTH, _HEIGHT, 100.0)
    assert track == Track(1, "person", 0.7, normalized(detection.box_xyxy_px, _WIDTH, _HEIGHT), 1)


def test_an_object_that_is_not_seen_is_not_reported() -> None:
    tracker = _new_tracker()
    tracker.update([_box(0.5)], _WIDTH, _HEIGHT, 100.0)
    assert tracker.update([], _WIDTH, _HEIGHT, 100.2) == ()


def test_an_empty_scene_gives_nothing() -> None:
    tracker = _new_tracker()
    assert [tracker.update([], _WIDTH, _HEIGHT, 100.0 + index) for index in range(3)] == [(), (), ()]


@pytest.mark.parametrize("every", [2, 3, 4])
def test_an_object_that_flickers_from_the_start_keeps_its_id_and_its_count(every: int) -> None:
    # A person far away whom the model sees in every third frame only must reach min_hits one day.
    tracker = _new_tracker()
    last: tuple[Track, ...] = ()
    for index in range(10 * every):
        seen = [_box(0.5)] if index % every == 0 else []
        last = tracker.update(seen, _WIDTH, _HEIGHT, 100.0 + index / 10) or last
    assert [(track.track_id, track.hits) for track in last] == [(1, 10)]


@pytest.mark.parametrize("hidden_s", [0.5, 1.0, 1.505])
def test_who_is_hidden_for_less_than_the_memory_comes_back_with_the_same_id(hidden_s: float) -> None:
    tracker = _new_tracker(lost_after_s=1.51)
    for index in range(10):
        tracker.update([_box(0.5)], _WIDTH, _HEIGHT, 100.0 + index / 10)
    (track,) = tracker.update([_box(0.5)], _WIDTH, _HEIGHT, 100.9 + hidden_s)
    assert (track.track_id, track.hits) == (1, 11)


def test_who_is_hidden_for_longer_than_the_memory_is_somebody_new() -> None:
    tracker = _new_tracker(lost_after_s=1.5)
    for index in range(10):
        tracker.update([_box(0.5)], _WIDTH, _HEIGHT, 100.0 + index / 10)
    (track,) = tracker.update([_box(0.5)], _WIDTH, _HEIGHT, 100.9 + 1.6)
    assert (track.track_id, track.hits) == (2, 1)


def test_a_walker_who_passes_behind_a_tree_keeps_the_id() -> None:
    tracker, walker, chance = _new_tracker(), _Walker(), np.random.default_rng(3)
    ids: set[int] = set()
    for index in range(40):
        second = index / 5
        seen = [] if 3.0 < second < 4.5 else [walker.seen(second, chance)]
        ids |= {track.track_id for track in tracker.update(seen, _WIDTH, _HEIGHT, 100.0 + second)}
    assert ids == {1}


# --- score ---------------------------------------------------------------------------------------------------------


def test_a_faint_detection_does_not_begin_a_track() -> None:
    tracker = _new_tracker()
    assert tracker.update([_box(0.5, score=0.2)], _WIDTH, _HEIGHT, 100.0) == ()
    assert tracker.update([_box(0.5, score=0.2)], _WIDTH, _HEIGHT, 100.2) == ()


def test_a_faint_detection_continues_a_track() -> None:
    tracker = _new_tracker()
    for index in range(3):
        tracker.update([_box(0.5)], _WIDTH, _HEIGHT, 100.0 + index / 5)
    (track,) = tracker.update([_box(0.5, score=0.15)], _WIDTH, _HEIGHT, 100.6)
    assert (track.track_id, track.hits, track.score) == (1, 4, 0.15)


def test_a_faint_detection_that_lies_elsewhere_continues_nobody() -> None:
    # A sure one there would be taken for the walker: his boxes need not touch.
    faint, sure = _new_tracker(), _new_tracker()
    for tracker in (faint, sure):
        for index in range(3):
            tracker.update([_box(0.5)], _WIDTH, _HEIGHT, 100.0 + index / 5)
    assert faint.update([_box(0.58, score=0.15)], _WIDTH, _HEIGHT, 100.6) == ()
    (track,) = sure.update([_box(0.58)], _WIDTH, _HEIGHT, 100.6)
    assert track.track_id == 1


def test_a_sure_detection_goes_before_a_faint_one() -> None:
    tracker = _new_tracker()
    tracker.update([_box(0.5)], _WIDTH, _HEIGHT, 100.0)
    (track,) = tracker.update([_box(0.5, score=0.15), _box(0.52, score=0.8)], _WIDTH, _HEIGHT, 100.2)
    assert (track.track_id, track.score) == (1, 0.8)


def test_faint_detections_carry_somebody_through_the_dark() -> None:
    tracker, walker, chance = _new_tracker(lost_after_s=1.0), _Walker(speed=0.05), np.random.default_rng(3)
    ids: list[int] = []
    for index in range(50):
        sight = walker.seen(index / 5, chance)
        seen = Detection("person", 0.16 if 10 <= index < 30 else 0.7, sight.box_xyxy_px)
        ids += [track.track_id for track in tracker.update([seen], _WIDTH, _HEIGHT, 100.0 + index / 5)]
    assert ids == [1] * 50


# --- several objects -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fps", [1, 5, 15])
def test_two_people_apart_keep_two_ids(fps: float) -> None:
    said = _follow(_Walker(x=0.1, speed=0.05), _Walker(x=0.9, speed=-0.02), fps=fps)
    assert _ids(said) == {1, 2}
    assert all([track.track_id for track in tracks] == [1, 2] for tracks in said)
    assert all(tracks[0].box_xyxy_norm[0] < tracks[1].box_xyxy_norm[0] for tracks in said)


@pytest.mark.parametrize("fps", [5, 10, 15])
def test_two_people_who_pass_each_other_stay_two_and_keep_their_direction(fps: float) -> None:
    said = _follow(_Walker(x=0.1, speed=0.1, y=0.45), _Walker(x=0.9, speed=-0.1, y=0.55), fps=fps)
    assert _ids(said) == {1, 2}
    last = {track.track_id: track.box_xyxy_norm[0] for track in said[-1]}
    assert last[1] > 0.7
    assert last[2] < 0.3


@pytest.mark.parametrize("fps", [2, 5])
def test_two_who_walk_side_by_side_and_turn_round_stay_two_at_few_looks_a_second(fps: int) -> None:
    # The pace of the last second leads nowhere at the turn: followed blindly, it swaps the two.
    tracker, chance = _new_tracker(), np.random.default_rng(1)
    lefts: list[list[int]] = []
    for index in range(16 * fps):
        second = index / fps
        turn = min(second, 16 - second) * 0.05
        pair = [_Walker(x=0.1 + shift + turn, speed=0.0, width=0.1).seen(0, chance) for shift in (0.0, 0.13)]
        tracks = tracker.update(pair, _WIDTH, _HEIGHT, 100.0 + second)
        lefts.append([track.track_id for track in sorted(tracks, key=lambda track: track.box_xyxy_norm[0])])
    assert lefts == [[1, 2]] * (16 * fps)


def test_two_who_arrive_together_do_not_swap_ids_at_their_second_sight() -> None:
    # Side by side and fast: the second's new place is nearer to the first's old place than the first's own is.
    said = _follow(_Walker(x=0.2, speed=0.3), _Walker(x=0.36, speed=0.3), fps=5, seconds=2)
    assert _ids(said) == {1, 2}
    assert all(tracks[0].box_xyxy_norm[0] < tracks[1].box_xyxy_norm[0] for tracks in said)


def test_a_dog_and_its_owner_who_cross_keep_id_and_label() -> None:
    owner = _Walker(x=0.1, speed=0.1)
    dog = _Walker(x=0.9, speed=-0.1, label="dog")
    said = _follow(owner, dog, fps=5)
    assert _ids(said, "person") == {1}
    assert _ids(said, "dog") == {2}


def test_ids_count_on_over_all_labels_and_are_never_used_again() -> None:
    tracker = _new_tracker(lost_after_s=0.5)
    ids: list[int] = []
    for index in range(6):
        label = "dog" if index % 2 else "person"
        detection = Detection(label, 0.9, _box(0.5).box_xyxy_px)
        ids += [track.track_id for track in tracker.update([detection], _WIDTH, _HEIGHT, 100.0 + 2 * index)]
    assert ids == [1, 2, 3, 4, 5, 6]


def test_two_cameras_are_followed_apart() -> None:
    door, yard = _new_tracker(), _new_tracker()
    assert _ids(_follow(_Walker(), tracker=door)) == {1}
    assert _ids(_follow(_Walker(), _Walker(y=0.2, speed=0.0), tracker=yard)) == {1, 2}
    assert _ids(_follow(_Walker(x=0.9, speed=0.0), seconds=1, tracker=_new_tracker())) == {1}


@pytest.mark.parametrize("fps", [2, 5, 10])
def test_who_comes_in_where_somebody_just_went_out_is_somebody_else(fps: int) -> None:
    tracker, seen = _new_tracker(), []
    for index in range(10 * fps):
        second = index / fps
        out, into = 0.6 + 0.2 * second, 1.6 - 0.2 * second  # gone at 2 s; 2 s later the next one comes in there
        middles = [x for x in (out, into) if x < 1.0]
        found = [_box(min(x, 0.95), width=min(0.1, 2 * (1.0 - x) + 0.02)) for x in middles]
        seen.append(tracker.update(found, _WIDTH, _HEIGHT, 100.0 + second))
    assert _ids(seen[: 2 * fps]) == {1}
    assert _ids(seen[4 * fps :]) == {2}


@pytest.mark.parametrize("fps", [2, 5, 10])
def test_who_stands_at_the_edge_and_is_missed_now_and_then_stays_the_same(fps: int) -> None:
    tracker, chance, seen = _new_tracker(), np.random.default_rng(2), []
    for index in range(20 * fps):
        found = [_box(0.96, width=0.1 + chance.uniform(-0.01, 0.01))] if index % 4 else []
        seen.append(tracker.update(found, _WIDTH, _HEIGHT, 100.0 + index / fps))
    assert _ids(seen) == {1}


def test_objects_that_left_are_forgotten() -> None:
    tracker = _new_tracker(lost_after_s=0.5)
    for index in range(200):
        tracker.update([_box(0.1 + 0.8 * (index % 2))], _WIDTH, _HEIGHT, 100.0 + 2 * index)
    assert len(tracker._labels["person"]._identities) <= 2


def test_a_scene_with_everything_in_it_has_no_identity_switch() -> None:
    # Two who cross, one who passes behind a wall, one who stands, and a detector that overlooks every tenth of them.
    cast = {
        "to the right": _Walker(x=0.05, speed=0.11, y=0.45),
        "to the left": _Walker(x=0.95, speed=-0.09, y=0.55),
        "behind the wall": _Walker(x=0.1, speed=0.1, y=0.2, width=0.06, height=0.2),
        "stands": _Walker(x=0.5, speed=0.0, y=0.85, width=0.08, height=0.2),
    }
    tracker, chance = _new_tracker(), np.random.default_rng(7)
    ids: dict[str, set[int]] = {name: set() for name in cast}
    for index in range(80):
        second = index / 10
        hidden = {"behind the wall"} if 3.0 <= second < 4.5 else set()
        seen = {name: who.seen(second, chance) for name, who in cast.items()}
        shown = [name for name in cast if name not in hidden and chance.random() > 0.1]
        tracks = tracker.update([seen[name] for name in shown], _WIDTH, _HEIGHT, 100.0 + second)
        by_box = {track.box_xyxy_norm: track.track_id for track in tracks}
        for name in shown:
            ids[name].add(by_box[normalized(seen[name].box_xyxy_px, _WIDTH, _HEIGHT)])
    assert sorted(map(len, ids.values())) == [1, 1, 1, 1]
    assert set.union(*ids.values()) == {1, 2, 3, 4}


# --- frames --------------------------------------------------------------------------------------------------------


def test_a_change_of_resolution_keeps_the_id() -> None:
    tracker, walker, chance = _new_tracker(), _Walker(), np.random.default_rng(3)
    ids: set[int] = set()
    sizes = ((640, 480), (1600, 1200), (320, 240), (800, 480))
    for index in range(40):
        width_px, height_px = sizes[index // 10]
        seen = walker.seen(index / 5, chance, width_px=width_px, height_px=height_px)
        ids |= {track.track_id for track in tracker.update([seen], width_px, height_px, 100.0 + index / 5)}
    assert ids == {1}


def test_frames_in_one_clock_tick_all_count() -> None:
    tracker = _new_tracker()
    said = [tracker.update([_box(0.5)], _WIDTH, _HEIGHT, 100.0) for _ in range(5)]
    assert [(tracks[0].track_id, tracks[0].hits) for tracks in said] == [(1, number) for number in range(1, 6)]


def test_a_time_that_steps_back_a_little_does_not_lose_anybody() -> None:
    tracker = _new_tracker()
    times_s = [100.0, 100.2, 100.4, 100.35, 100.3, 100.6, 100.8]
    said = [tracker.update([_box(0.5)], _WIDTH, _HEIGHT, at_s) for at_s in times_s]
    assert [(tracks[0].track_id, tracks[0].hits) for tracks in said] == [(1, number) for number in range(1, 8)]


def test_a_night_without_frames_is_no_trouble() -> None:
    tracker = _new_tracker()
    tracker.update([_box(0.5)], _WIDTH, _HEIGHT, 100.0)
    (track,) = tracker.update([_box(0.5)], _WIDTH, _HEIGHT, 100.0 + 10 * 3600)
    assert track.track_id == 2


_detections = st.builds(
    Detection,
    st.sampled_from(["person", "dog"]),
    st.floats(0.25, 1.0),
    st.tuples(st.floats(-50, 300), st.floats(-50, 200), st.floats(300, 700), st.floats(200, 500)),
)


def _only_parts(detections: list[Detection]) -> list[Detection]:
    found = []
    for label in {one.label for one in detections}:
        group = [one for one in detections if one.label == label]
        boxes = [normalized(one.box_xyxy_px, _WIDTH, _HEIGHT) for one in group]
        told = parts(boxes, [one.score for one in group], confidence=0.25)
        found += [one for one, is_part in zip(group, told, strict=True) if is_part]
    return found


def _as_told(detections: list[Detection]) -> Counter[tuple[str, float, Box]]:
    return Counter((one.label, one.score, normalized(one.box_xyxy_px, _WIDTH, _HEIGHT)) for one in detections)


@given(st.lists(st.tuples(st.floats(0, 3), st.lists(_detections, max_size=4)), max_size=12))
def test_whatever_is_seen_each_detection_but_a_part_is_one_track(
    frames: list[tuple[float, list[Detection]]],
) -> None:
    tracker = _new_tracker(lost_after_s=2.0)
    now_s = 100.0
    hits: dict[int, int] = {}
    labels: dict[int, str] = {}
    for pause_s, detections in frames:
        now_s += pause_s
        tracks = tracker.update(detections, _WIDTH, _HEIGHT, now_s)
        told = Counter((track.label, track.score, track.box_xyxy_norm) for track in tracks)
        assert told <= _as_told(detections)
        assert _as_told(detections) - told <= _as_told(_only_parts(detections))
        ids = [track.track_id for track in tracks]
        assert ids == sorted(set(ids))
        for track in tracks:
            assert labels.setdefault(track.track_id, track.label) == track.label
            hits[track.track_id] = hits.get(track.track_id, 0) + 1
            assert track.hits == hits[track.track_id]
    assert sorted(hits) == list(range(1, len(hits) + 1))
