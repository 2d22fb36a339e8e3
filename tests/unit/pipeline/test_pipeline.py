"""All cameras together: rounds of the inference loop, played by hand, and its thread."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bridge.detect.fake import COLOURS, FakeDetector
from bridge.errors import WorkerCrashed
from bridge.events.machine import EventRules
from bridge.frames.codec import decode, encode
from bridge.frames.jpeg import read_comment
from bridge.motion.gate import MotionSettings
from bridge.runtime.clock import ManualClock, SystemClock
from bridge.track.filters import DetectionFilter
from tests.unit.pipeline.site import DAMAGED, EMPTY, HEIGHT, PLAN, WIDTH, YARD, Site, Spy, picture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.detect.port import FinishedJob
    from bridge.frames.codec import Rotation
    from bridge.model import Image
    from tests.conftest import WaitUntil


def test_a_person_in_front_of_a_camera_becomes_an_event_with_its_picture(site_with: Callable[..., Site]) -> None:
    site = site_with(FakeDetector())
    for x in (20, 40, 60):
        site.turn(door=picture(x))
    (new,) = site.sink.of("new")
    assert new.event.label == "person"
    assert new.event.frame_mono_s == pytest.approx(1000.4)
    assert new.thumbnail_jpeg is not None
    assert read_comment(new.thumbnail_jpeg) == new.event.id
    assert site.sink.of("presence") == [{"person": 1}]
    scene = site.store.scene("door")
    assert scene is not None
    assert [track.hits for track in scene.tracks] == [3]


def test_two_cameras_are_analysed_apart(site_with: Callable[..., Site]) -> None:
    site = site_with(FakeDetector(batch=4), PLAN, YARD)
    for x in (20, 40, 60):
        site.turn(door=picture(x), yard=picture(dog_x=x))
    assert [change.event.label for change in site.sink.of("new", "door")] == ["person"]
    assert [change.event.label for change in site.sink.of("new", "yard")] == ["dog"]
    assert (site.sink.of("presence", "door"), site.sink.of("presence", "yard")) == ([{"person": 1}], [{"dog": 1}])


def test_a_batch_holds_pictures_of_different_cameras_up_to_what_the_device_takes(
    site_with: Callable[..., Site],
) -> None:
    cameras = [replace(PLAN, camera_id=name) for name in ("a", "b", "c")]
    detector = Spy(batch=2)
    site = site_with(detector, *cameras)
    for _ in range(3):  # three pictures each: the newest wins
        for camera in cameras:
            site.put(camera.camera_id, EMPTY)
    site.pipeline.turn(0.0)
    site.pipeline.turn(0.0)
    site.pipeline.turn(0.0)
    assert [count for count, _, _ in detector.asked] == [2, 1]
    assert [site.store.status(name).detected for name in ("a", "b", "c")] == [1, 1, 1]


def test_the_model_is_asked_with_the_lowest_confidence_and_each_camera_keeps_its_own(
    site_with: Callable[..., Site],
) -> None:
    detector = Spy()
    keen = replace(PLAN, filter=DetectionFilter(confidence=0.3))
    strict = replace(YARD, filter=DetectionFilter(confidence=0.99999))
    site = site_with(detector, keen, strict)
    disc = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    rows, columns = np.ogrid[:HEIGHT, :WIDTH]
    disc[(rows - 120) ** 2 + (columns - 160) ** 2 < 60**2] = COLOURS["person"]  # fills 79 % of its box: score 0.79
    for _ in range(3):
        site.turn(door=encode(disc, 95), yard=encode(disc, 95))
    assert detector.asked == [(2, pytest.approx(0.6 * 0.3), 0.45)] * 3  # faint ones may continue what is known
    assert len(site.sink.of("new", "door")) == 1
    assert site.sink.of("new", "yard") == []


@pytest.mark.parametrize(("rotate", "shape"), [(0, (240, 320, 3)), (90, (320, 240, 3)), (180, (240, 320, 3))])
def test_the_model_and_the_snapshot_see_the_picture_upright(
    site_with: Callable[..., Site], rotate: Rotation, shape: tuple[int, ...]
) -> None:
    detector = Spy()
    site = site_with(detector, replace(PLAN, rotate=rotate))
    site.turn(door=picture(100))
    assert detector.shapes == [shape]
    (snapshot,) = site.sink.of("snapshot")
    assert decode(snapshot).shape == shape


def test_inferences_are_counted_and_timed(site_with: Callable[..., Site]) -> None:
    clock = ManualClock()

    class Slow(FakeDetector):
        def start(
            self, images: Sequence[Image], confidence: float, iou: float, on_done: Callable[[], None]
        ) -> FinishedJob:
            clock.advance(0.04)
            return super().start(images, confidence, iou, on_done)

    site = site_with(Slow(), clock=clock)
    site.turn(door=EMPTY)
    site.turn(door=EMPTY)
    lines = site.metrics.render().decode().splitlines()
    assert 'espcam_frames_detected_total{camera="door"} 2.0' in lines
    assert "espcam_inference_seconds_count 2.0" in lines
    assert 'espcam_inference_seconds_bucket{le="0.03"} 0.0' in lines
    assert 'espcam_inference_seconds_bucket{le="0.05"} 2.0' in lines
    assert site.store.status("door").inference_ms == pytest.approx(40)


def test_an_event_tells_when_the_model_had_seen_its_frame_whatever_the_wall_clock_does(
    site_with: Callable[..., Site],
) -> None:
    clock = ManualClock()

    class Slow(FakeDetector):
        def start(
            self, images: Sequence[Image], confidence: float, iou: float, on_done: Callable[[], None]
        ) -> FinishedJob:
            clock.now_mono_s += 0.04
            clock.now_unix_s -= 3600.0
            return super().start(images, confidence, iou, on_done)

    site = site_with(Slow(), replace(PLAN, rules=EventRules(min_hits=1)), clock=clock)
    site.turn(door=picture(20))
    (new,) = site.sink.of("new")
    assert new.event.detected_unix_s - new.event.frame_unix_s == pytest.approx(0.04, abs=1e-6)


def test_the_end_of_a_visit_comes_with_frames_and_without(site_with: Callable[..., Site]) -> None:
    site = site_with(FakeDetector(batch=2), PLAN, YARD)
    for x in (20, 40, 60):
        site.turn(door=picture(x), yard=picture(x))
    for _ in range(17):
        site.turn(door=EMPTY)  # the yard's camera is silent
    assert site.sink.kinds("new", "end", camera_id="door") == ["new", "end"]
    assert site.sink.kinds("new", "end", camera_id="yard") == ["new", "end"]


def test_a_detector_that_breaks_is_replaced_and_the_cameras_go_on(
    site_with: Callable[..., Site], wait_until: WaitUntil, caplog: pytest.LogCaptureFixture
) -> None:
    detector = Spy(failures=1)
    site = site_with(detector, replace(PLAN, motion=MotionSettings()))
    site.turn(door=EMPTY)
    assert "the GPU went away" in caplog.text
    assert site.store.status("door").detected == 0
    wait_until(lambda: site.supply.current() is not None)
    for x in (20, 40, 60):
        site.turn(door=picture(x))
    assert site.sink.kinds("motion", "new") == ["motion", "new"]
    assert not site.supervisor.stopping


def test_without_a_model_motion_and_snapshots_go_on(site_with: Callable[..., Site]) -> None:
    site = site_with(None, replace(PLAN, motion=MotionSettings()))
    for index in range(60):  # 12 s
        site.turn(door=picture(20 + 3 * index) if index > 10 else EMPTY)
    assert site.sink.of("motion") == [True]
    assert len(site.sink.of("snapshot")) == 2
    assert site.sink.kinds("new", "presence") == []
    scene = site.store.scene("door")
    assert scene is not None
    assert (scene.frame_seq, scene.tracks, scene.motion) == (60, (), True)
    assert site.store.status("door").detected == 0


def test_a_camera_with_detection_switched_off_is_watched_for_motion_only(site_with: Callable[..., Site]) -> None:
    detector = Spy()
    site = site_with(detector, replace(PLAN, detect=False, motion=MotionSettings()), YARD)
    for x in range(0, 120, 20):
        site.turn(door=picture(x), yard=EMPTY)
    assert [count for count, _, _ in detector.asked] == [1] * 6
    assert site.sink.of("motion") == [True]
    assert site.sink.of("new") == []
    assert len(site.sink.of("snapshot")) == 1


def test_detection_is_switched_off_and_on_while_the_camera_runs(site_with: Callable[..., Site]) -> None:
    detector = Spy()
    site = site_with(detector)
    took_effect: list[str] = []
    for x in (20, 40, 60):
        site.turn(door=picture(x))
    site.pipeline.set_detect("door", on=False, done=lambda: took_effect.append("off"))
    assert took_effect == [], "it is the inference thread's to do"
    site.turn(door=picture(80))
    assert took_effect == ["off"]
    assert site.sink.kinds("new", "end") == ["new", "end"]
    assert site.sink.of("presence") == [{"person": 1}, {}]
    looked = len(detector.asked)
    site.turn(door=picture(100))
    assert len(detector.asked) == looked
    site.pipeline.set_detect("door", on=True, done=lambda: took_effect.append("on"))
    for x in (20, 40, 60):
        site.turn(door=picture(x))
    assert took_effect == ["off", "on"]
    assert site.sink.kinds("new", "end") == ["new", "end", "new"]


def test_a_changed_confidence_counts_from_the_next_frame_on(site_with: Callable[..., Site]) -> None:
    detector = Spy()
    site = site_with(detector)
    site.turn(door=EMPTY)
    site.pipeline.set_confidence("door", 0.5, done=lambda: None)
    site.turn(door=EMPTY)
    assert [confidence for _, confidence, _ in detector.asked] == pytest.approx([0.15, 0.3])


def test_damaged_frames_are_counted_and_another_cameras_events_go_on(site_with: Callable[..., Site]) -> None:
    site = site_with(FakeDetector(batch=4), PLAN, replace(YARD, motion=MotionSettings()))
    for x in (20, 40, 60):
        site.turn(door=picture(x), yard=DAMAGED)
    assert site.sink.kinds("new") == ["new"]
    assert site.store.status("yard").rejected == {"undecodable": 3}
    assert site.store.status("yard").detected == 0
    assert site.store.scene("yard") is None


def test_a_camera_that_sends_only_damage_ends_its_motion_and_its_event(site_with: Callable[..., Site]) -> None:
    site = site_with(FakeDetector(), replace(PLAN, motion=MotionSettings()))
    for x in (20, 60, 100):
        site.turn(door=picture(x))
    for _ in range(25):
        site.turn(door=DAMAGED)
    assert site.sink.of("motion") == [True, False]
    assert site.sink.kinds("new", "end") == ["new", "end"]


def test_a_camera_can_be_added_while_others_run(site_with: Callable[..., Site]) -> None:
    site = site_with(FakeDetector(batch=2))
    site.turn(door=EMPTY)
    site.add(YARD)
    for x in (20, 40, 60):
        site.turn(door=EMPTY, yard=picture(x))
    assert site.sink.kinds("new", camera_id="yard") == ["new"]


# --- the thread ----------------------------------------------------------------------------------------------------


def test_stopping_is_quick_and_ends_open_events(site_with: Callable[..., Site], wait_until: WaitUntil) -> None:
    site = site_with(FakeDetector(), replace(PLAN, rules=EventRules(min_hits=1)), clock=SystemClock())
    site.pipeline.start()
    site.put("door", picture(100))
    wait_until(lambda: site.sink.kinds("new") == ["new"])
    site.close()
    assert site.sink.kinds("new", "end") == ["new", "end"]
    assert site.sink.of("presence") == [{"person": 1}, {}]


def test_a_detector_that_hangs_does_not_hold_up_the_stop(site_with: Callable[..., Site], wait_until: WaitUntil) -> None:
    asked, hangs, go_on = threading.Event(), threading.Event(), threading.Event()

    class Stuck(FakeDetector):
        def start(
            self, images: Sequence[Image], confidence: float, iou: float, on_done: Callable[[], None]
        ) -> FinishedJob:
            if asked.is_set():
                hangs.set()
                go_on.wait(5)
            asked.set()
            return super().start(images, confidence, iou, on_done)

    site = site_with(Stuck(), replace(PLAN, rules=EventRules(min_hits=1)), clock=SystemClock())
    site.pipeline.start()
    site.put("door", picture(100))
    wait_until(lambda: site.sink.kinds("new") == ["new"])
    site.put("door", picture(100))
    wait_until(hangs.is_set)
    started_s = time.monotonic()
    site.pipeline.stop(timeout_s=0.01)
    assert time.monotonic() - started_s < 0.5
    assert site.sink.kinds("end") == [], "what belongs to a thread that still runs is left alone"
    go_on.set()


def test_a_sink_that_breaks_at_the_end_of_one_cameras_events_still_hears_of_the_others(
    site_with: Callable[..., Site], caplog: pytest.LogCaptureFixture
) -> None:
    site = site_with(FakeDetector(batch=4), PLAN, YARD)
    for x in (20, 40, 60):
        site.turn(door=picture(x), yard=picture(x))
    site.sink.breaks_at = ("end", "door")
    site.close()
    assert site.sink.kinds("end", camera_id="door") == []
    assert site.sink.kinds("end", camera_id="yard") == ["end"]
    assert "door: its open events could not be ended" in caplog.text


def test_the_loop_runs_in_a_thread_named_infer(site_with: Callable[..., Site], wait_until: WaitUntil) -> None:
    names: list[str] = []

    class Eyes(FakeDetector):
        def start(
            self, images: Sequence[Image], confidence: float, iou: float, on_done: Callable[[], None]
        ) -> FinishedJob:
            names.append(threading.current_thread().name)
            return super().start(images, confidence, iou, on_done)

    site = site_with(Eyes(), clock=SystemClock())
    site.pipeline.start()
    site.put("door", EMPTY)
    wait_until(lambda: names == ["infer"])


def test_a_sink_that_raises_ends_the_process_loudly(site_with: Callable[..., Site]) -> None:
    site = site_with(FakeDetector(), clock=SystemClock())
    site.sink.breaks_at = ("snapshot", "door")
    site.pipeline.start()
    site.put("door", EMPTY)
    with pytest.raises(WorkerCrashed, match="infer crashed"):
        site.supervisor.wait(5)


# --- jobs under way ------------------------------------------------------------------------------------------------
