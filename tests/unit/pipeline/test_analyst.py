"""One camera's analysis, without threads: detections in, events and pictures out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bridge.analyst import CameraAnalyst, CameraPlan
from bridge.detect.fake import COLOURS
from bridge.events.ids import IdMaker
from bridge.events.machine import EventRules
from bridge.frames.codec import decode, encode
from bridge.frames.jpeg import read_comment
from bridge.frames.shot import Shot
from bridge.model import ChangeType, Detection, EventChange, Frame
from bridge.motion.gate import MotionSettings
from bridge.track.filters import DetectionFilter
from bridge.track.zones import Zone

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.pipeline.conftest import Recorder

_WIDTH, _HEIGHT = 320, 240


def _picture(person_x: int | None = None) -> bytes:
    """A grey room; a person (60 x 120 px) stands with the left side there."""
    image = np.full((_HEIGHT, _WIDTH, 3), 128, np.uint8)
    if person_x is not None:
        image[80:200, person_x : person_x + 60] = COLOURS["person"]
    return encode(image, 90)


_EMPTY = _picture()


@dataclass
class _Camera:
    """An analyst that is fed frames four times a second."""

    plan: CameraPlan
    sink: Recorder
    now_s: float = 1000.0
    seq: int = 0

    def __post_init__(self) -> None:
        self.analyst = CameraAnalyst(self.plan, IdMaker(lambda _bits: 0), [self.sink])

    def show(self, jpeg: bytes, *boxes: tuple[float, float, float, float], score: float = 0.9) -> None:
        """A frame in which the model sees people in these boxes (pixels)."""
        self.now_s += 0.25
        self.seq += 1
        frame = Frame("door", self.seq, jpeg, _WIDTH, _HEIGHT, self.now_s, self.now_s + 1e9)
        self.analyst.watch(frame)
        shot = Shot(frame, self.plan.rotate)
        detections = [Detection("person", score, box) for box in boxes]
        self.scene = self.analyst.conclude(shot, detections, self.now_s + 0.05)

    def stand(self, seconds: float, *boxes: tuple[float, float, float, float]) -> None:
        """Nothing changes for so long."""
        for _ in range(round(4 * seconds)):
            self.show(_EMPTY, *boxes)

    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        self.analyst.tick(self.now_s)


_PLAN = CameraPlan("door", motion=None, rules=EventRules(min_hits=2, end_after_s=3.0), snapshot_interval_s=10.0)
_BOX = (100.0, 80.0, 160.0, 200.0)


@pytest.fixture
def camera_with(recorder: Recorder) -> Callable[..., _Camera]:
    """Make a camera whose plan differs in these points: ``camera_with(thumbnail_px=64)``."""
    return lambda **changes: _Camera(replace(_PLAN, **changes), recorder)


def _changes(sink: Recorder) -> list[EventChange]:
    return [what for kind, _, what in sink.told if kind in ("new", "update", "end")]


def test_a_visit_is_told_with_its_picture_then_its_presence_and_ends_with_both(
    camera_with: Callable[..., _Camera],
) -> None:
    camera = camera_with()
    camera.show(_picture(100), _BOX)
    camera.show(_picture(100), _BOX)
    camera.wait(4)
    told = [(kind, what) for kind, _, what in camera.sink.told if kind not in ("snapshot", "new", "end")]
    assert told == [("presence", {"person": 1}), ("presence", {})]
    new, end = _changes(camera.sink)
    assert (new.type, end.type, new.event.id) == (ChangeType.NEW, ChangeType.END, end.event.id)
    assert new.thumbnail_jpeg is not None
    assert read_comment(new.thumbnail_jpeg) == new.event.id
    assert camera.sink.kinds("new", "presence", "end") == ["new", "presence", "end", "presence"]
    assert camera.analyst._views._views == {}, "nothing is kept of somebody who left"


def test_a_visit_goes_on_when_the_pictures_stall_for_longer_than_end_after_s(
    camera_with: Callable[..., _Camera],
) -> None:
    camera = camera_with(rules=EventRules(min_hits=2, end_after_s=1.0))
    for _ in range(3):
        camera.show(_picture(100), _BOX)
        camera.show(_picture(100), _BOX)
        camera.wait(2.5)
    assert [change.type for change in _changes(camera.sink)] == [ChangeType.NEW]
    camera.wait(1)
    assert [change.type for change in _changes(camera.sink)] == [ChangeType.NEW, ChangeType.END]


def test_the_thumbnail_shows_the_visitor(camera_with: Callable[..., _Camera]) -> None:
    camera = camera_with()
    camera.show(_picture(100), _BOX)
    camera.show(_picture(100), _BOX)
    (new,) = camera.sink.of("new")
    image = decode(new.thumbnail_jpeg)
    assert image.shape == (round(120 * 1.3), round(60 * 1.3), 3)
    blue, _green, red = image[image.shape[0] // 2, image.shape[1] // 2].astype(int)
    assert red > 200
    assert blue < 60


def test_the_thumbnail_carries_no_drawn_box(camera_with: Callable[..., _Camera]) -> None:
    camera = camera_with(thumbnail_px=64)
    camera.show(_EMPTY, _BOX)
    camera.show(_EMPTY, _BOX)
    (new,) = camera.sink.of("new")
    assert decode(new.thumbnail_jpeg).std() < 3


def test_no_picture_is_sent_twice(camera_with: Callable[..., _Camera]) -> None:
    camera = camera_with()
    for _ in range(50):  # 12.5 s: an update is due
        camera.show(_picture(100), _BOX)
    camera.wait(4)
    changes = _changes(camera.sink)
    assert [change.type.value for change in changes] == ["new", "update", "end"]
    assert [change.thumbnail_jpeg is not None for change in changes] == [True, False, False]


def test_a_clearly_better_view_is_told_with_its_picture(camera_with: Callable[..., _Camera]) -> None:
    camera = camera_with()
    for _ in range(10):
        camera.show(_picture(100), _BOX, score=0.5)
    camera.show(_picture(100), (60.0, 20.0, 220.0, 220.0), score=0.9)
    update = _changes(camera.sink)[-1]
    assert update.type is ChangeType.UPDATE
    assert update.thumbnail_jpeg is not None
    assert decode(update.thumbnail_jpeg).shape[0] > 220


def test_presence_is_told_when_it_changes_only(camera_with: Callable[..., _Camera]) -> None:
    camera = camera_with()
    other = (200.0, 80.0, 260.0, 200.0)
    for boxes in ((_BOX,), (_BOX,), (_BOX,), (_BOX, other), (_BOX, other), (_BOX, other)):
        camera.show(_EMPTY, *boxes)
    camera.wait(4)
    camera.wait(4)
    assert camera.sink.of("presence") == [{"person": 1}, {"person": 2}, {}]


def test_a_higher_confidence_lets_no_faint_visitor_in_and_keeps_who_is_there(
    camera_with: Callable[..., _Camera],
) -> None:
    camera = camera_with()
    camera.show(_EMPTY, _BOX, score=0.5)
    camera.show(_EMPTY, _BOX, score=0.5)
    camera.analyst.set_confidence(0.8)
    faint = (200.0, 80.0, 260.0, 200.0)
    for _ in range(4):
        camera.show(_EMPTY, _BOX, faint, score=0.5)
    assert camera.sink.kinds("new", "end") == ["new"], "0.5 continues the first (0.8 x 0.6), and begins no second"
    camera.analyst.set_confidence(0.4)
    camera.show(_EMPTY, _BOX, faint, score=0.5)
    camera.show(_EMPTY, _BOX, faint, score=0.5)
    assert camera.sink.kinds("new", "end") == ["new", "new"]


def test_detection_that_is_switched_off_ends_what_is_open_at_once(camera_with: Callable[..., _Camera]) -> None:
    camera = camera_with()
    camera.show(_EMPTY, _BOX)
    camera.show(_EMPTY, _BOX)
    camera.analyst.set_detect(on=False, now_mono_s=camera.now_s)
    assert camera.sink.kinds("new", "end") == ["new", "end"]
    assert camera.sink.of("presence") == [{"person": 1}, {}]
    assert not camera.analyst.eventful


def test_a_snapshot_is_taken_at_once_then_by_interval_and_at_events(camera_with: Callable[..., _Camera]) -> None:
    camera = camera_with()
    taken_s: list[float] = []
    for index in range(120):  # 30 s; somebody is there from second 12 to 13.75
        before = len(camera.sink.of("snapshot"))
        camera.show(_EMPTY, *((_BOX,) if 48 <= index < 56 else ()))
        taken_s += [index / 4] * (len(camera.sink.of("snapshot")) - before)
        camera.analyst.tick(camera.now_s + 0.125)
    # The event is certain at 12.25; the time ends it after 16.75, and the next frame shows that nobody is there.
    assert taken_s == [0.0, 10.0, 12.25, 17.0, 27.0]


def test_an_interval_of_zero_means_snapshots_at_events_only(camera_with: Callable[..., _Camera]) -> None:
    camera = camera_with(snapshot_interval_s=0.0)
    camera.show(_EMPTY)
    camera.sink.told.clear()
    for _ in range(100):
        camera.show(_EMPTY)
    assert camera.sink.of("snapshot") == []
    camera.show(_EMPTY, _BOX)
    camera.show(_EMPTY, _BOX)
    assert len(camera.sink.of("snapshot")) == 1


def test_a_snapshot_shows_the_boxes(camera_with: Callable[..., _Camera]) -> None:
    camera = camera_with()
    camera.show(_EMPTY)
    camera.show(_EMPTY, _BOX)
    camera.show(_EMPTY, _BOX)
    plain, annotated = camera.sink.of("snapshot")
    assert decode(plain).std() < 3
    assert decode(annotated).std() > 10


def test_detections_that_do_not_count_make_no_event(camera_with: Callable[..., _Camera]) -> None:
    camera = camera_with(filter=DetectionFilter(frozenset({"dog"})))
    for _ in range(5):
        camera.show(_picture(100), _BOX)
    assert _changes(camera.sink) == []
    assert camera.scene.tracks == ()


def test_the_scene_tells_what_is_seen_in_this_frame(camera_with: Callable[..., _Camera]) -> None:
    camera = camera_with()
    camera.show(_EMPTY, _BOX)
    assert (camera.scene.camera_id, camera.scene.frame_seq) == ("door", 1)
    (track,) = camera.scene.tracks
    assert (track.label, track.score, track.hits) == ("person", 0.9, 1)
    assert track.box_xyxy_norm == pytest.approx((0.3125, 1 / 3, 0.5, 5 / 6))
    camera.show(_EMPTY)
    assert camera.scene.tracks == ()


# --- zones ---------------------------------------------------------------------------------------------------------

_LEFT = Zone("left", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)), inertia_frames=2)
_RIGHT = Zone("right", ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)), inertia_frames=2)


def test_a_walk_through_the_zones_is_told_with_the_event_and_as_presence(
    camera_with: Callable[..., _Camera],
) -> None:
    camera = camera_with(zones=(_LEFT, _RIGHT))
    for x in range(60, 260, 20):
        camera.show(_EMPTY, (float(x), 80.0, x + 60.0, 200.0))
    camera.wait(4)
    assert [(one.type.value, one.event.zones, one.event.entered_zones) for one in _changes(camera.sink)] == [
        ("new", ("left",), ("left",)),
        ("update", ("right",), ("left", "right")),
        ("end", ("right",), ("left", "right")),
    ]
    assert camera.sink.of("zones") == [{"left": {"person": 1}}, {"right": {"person": 1}}, {}]


def test_without_zones_no_zone_is_spoken_of(camera_with: Callable[..., _Camera]) -> None:
    camera = camera_with()
    camera.stand(1, _BOX)
    camera.wait(4)
    assert camera.sink.of("zones") == []


def test_what_stands_in_a_mask_is_neither_event_nor_drawn(camera_with: Callable[..., _Camera]) -> None:
    camera = camera_with(filter=DetectionFilter(masks=(_LEFT.points,)))
    camera.stand(2, _BOX)
    assert (_changes(camera.sink), camera.scene.tracks) == ([], ())


# --- score ---------------------------------------------------------------------------------------------------------


def test_faint_sights_continue_an_event_and_begin_none(camera_with: Callable[..., _Camera]) -> None:
    camera = camera_with(filter=DetectionFilter(confidence=0.5), rules=EventRules(2, 3.0, confidence=0.5))
    for _ in range(20):
        camera.show(_EMPTY, _BOX, score=0.4)
    assert _changes(camera.sink) == []
    camera.show(_EMPTY, _BOX)
    camera.show(_EMPTY, _BOX)
    for _ in range(20):  # 5 s, longer than it may be out of sight
        camera.show(_EMPTY, _BOX, score=0.4)
    assert [change.type.value for change in _changes(camera.sink)] == ["new"]
    for _ in range(20):
        camera.show(_EMPTY, _BOX, score=0.29)
    assert [change.type.value for change in _changes(camera.sink)] == ["new", "end"]


# --- times ---------------------------------------------------------------------------------------------------------


def test_an_event_tells_when_its_frame_was_taken_received_and_understood(recorder: Recorder) -> None:
    analyst = CameraAnalyst(replace(_PLAN, rules=EventRules(min_hits=1)), IdMaker(lambda _bits: 0), [recorder])
    frame = Frame("door", 1, _EMPTY, _WIDTH, _HEIGHT, 1000.0, 1e9, captured_unix_s=1e9 - 0.25)
    analyst.conclude(Shot(frame), [Detection("person", 0.9, _BOX)], 1000.125)
    (new,) = recorder.of("new")
    assert (new.event.captured_unix_s, new.event.frame_unix_s) == (1e9 - 0.25, 1e9)
    assert new.event.detected_unix_s == 1e9 + 0.125


# --- what belongs to the scene -------------------------------------------------------------------------------------


def test_what_stands_for_too_long_is_no_event_any_more_but_still_drawn_and_nobody_follows_it(
    camera_with: Callable[..., _Camera],
) -> None:
    camera = camera_with(rules=EventRules(2, 3.0, stationary_end_after_s=20.0))
    camera.stand(30, _BOX)
    assert [(one.type.value, one.event.stationary) for one in _changes(camera.sink)] == [
        ("new", False),
        ("update", True),
        ("end", True),
    ]
    assert camera.sink.of("presence") == [{"person": 1}, {}]
    assert not camera.analyst.eventful
    assert len(camera.scene.tracks) == 1
    camera.wait(60)
    camera.stand(30, (102.0, 78.0, 161.0, 199.0))
    assert camera.sink.kinds("new") == ["new"]
    assert camera.analyst._views._views == {}, "no picture is kept of it"


# --- the two pictures ----------------------------------------------------------------------------------------------


def test_an_event_comes_with_both_pictures_of_the_same_view_and_says_so(camera_with: Callable[..., _Camera]) -> None:
    camera = camera_with()
    camera.show(_picture(100), _BOX, score=0.95)
    camera.show(_picture(200), _BOX, score=0.6)
    (new,) = camera.sink.of("new")
    assert (new.event.has_thumbnail, new.event.has_snapshot) == (True, True)
    assert read_comment(new.snapshot_jpeg) == read_comment(new.thumbnail_jpeg) == new.event.id
    red = decode(new.snapshot_jpeg)[150, [130, 230], 2].astype(int)  # the person stood on the left then
    assert red[0] > 200 > red[1]
    camera.wait(4)
    (end,) = camera.sink.of("end")
    assert (end.event.has_thumbnail, end.thumbnail_jpeg, end.snapshot_jpeg) == (True, None, None)


def test_the_camera_shows_the_events_own_snapshot_when_both_are_of_one_moment(
    camera_with: Callable[..., _Camera],
) -> None:
    camera = camera_with()
    camera.show(_picture(100), _BOX, score=0.8)
    camera.show(_picture(100), _BOX, score=0.95)
    (new,) = camera.sink.of("new")
    assert camera.sink.of("snapshot")[-1] is new.snapshot_jpeg, "encoded once"


def test_the_cameras_snapshot_is_of_now_when_the_best_view_is_older(camera_with: Callable[..., _Camera]) -> None:
    camera = camera_with()
    camera.show(_picture(100), _BOX, score=0.95)
    camera.show(_picture(200), _BOX, score=0.6)
    image = decode(camera.sink.of("snapshot")[-1])
    assert image[150, 230, 2] > 200 > image[150, 130, 2]


def test_two_who_arrive_together_have_a_snapshot_each_with_their_own_box(camera_with: Callable[..., _Camera]) -> None:
    camera = camera_with()
    other = (200.0, 80.0, 260.0, 200.0)
    camera.show(_EMPTY, _BOX, other)
    camera.show(_EMPTY, _BOX, other)
    first, second = (decode(new.snapshot_jpeg).astype(int) for new in camera.sink.of("new"))
    assert abs(first - second)[:, 90:170].max() > 60
    assert abs(first - second)[:, 190:270].max() > 60


def test_close_ends_what_is_open(camera_with: Callable[..., _Camera]) -> None:
    camera = camera_with()
    camera.show(_EMPTY, _BOX)
    camera.show(_EMPTY, _BOX)
    camera.analyst.close(camera.now_s)
    assert camera.sink.kinds("new", "end") == ["new", "end"]
    assert camera.sink.of("presence")[-1] == {}


def test_motion_is_told_when_it_begins_and_when_it_stops(camera_with: Callable[..., _Camera]) -> None:
    camera = camera_with(motion=MotionSettings())
    for _ in range(10):
        camera.show(_EMPTY)
    for x in range(0, 200, 20):
        camera.show(_picture(x))
    assert camera.scene.motion
    for _ in range(150):
        camera.show(_EMPTY)
    assert camera.sink.of("motion") == [True, False]
    assert not camera.scene.motion


def test_motion_stops_when_the_camera_falls_silent(camera_with: Callable[..., _Camera]) -> None:
    camera = camera_with(motion=MotionSettings())
    camera.show(_EMPTY)
    camera.show(_picture(100))
    camera.wait(2.9)
    assert camera.sink.of("motion") == [True]
    camera.wait(0.2)
    assert camera.sink.of("motion") == [True, False]


def test_motion_masks_are_drawn_on_the_picture_as_people_see_it(camera_with: Callable[..., _Camera]) -> None:
    # Turned by 90 degrees, the camera's left is up; a mask over the upper half hides what moves on its left.
    upper_half = ((0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (0.0, 0.5))
    for xs, expected in (((0, 20, 40, 60), []), ((180, 200, 220, 240), [True])):
        camera = camera_with(rotate=90, motion=MotionSettings(masks=(upper_half,)))
        for _ in range(3):
            camera.show(_EMPTY)
        for x in xs:
            camera.show(_picture(x))
        assert camera.sink.of("motion") == expected


def test_everybody_is_told_the_same(recorder: Recorder) -> None:
    first, second = recorder, replace(recorder, told=[])
    analyst = CameraAnalyst(_PLAN, IdMaker(lambda _bits: 0), [first, second])
    frame = Frame("door", 1, _EMPTY, _WIDTH, _HEIGHT, 1000.0, 1e9)
    for offset in range(3):
        later = replace(frame, received_mono_s=1000.0 + offset / 5)
        analyst.conclude(Shot(later), [Detection("person", 0.9, _BOX)], later.received_mono_s)
    analyst.close(1001.0)
    assert first.told == second.told
    assert Counter(kind for kind, _, _ in first.told) == {"new": 1, "end": 1, "presence": 2, "snapshot": 2}
