"""All cameras together: rounds of the inference loop, played by hand, and its thread."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bridge.analyst import CameraPlan
from bridge.detect.fake import COLOURS, FakeDetector
from bridge.detect.port import Detector, DetectorInfo, FinishedJob
from bridge.detect.supply import DetectorSupply
from bridge.errors import WorkerCrashed
from bridge.events.ids import IdMaker
from bridge.events.machine import EventRules
from bridge.frames.codec import decode, encode
from bridge.frames.jpeg import read_comment
from bridge.frames.store import FrameStore
from bridge.motion.gate import MotionSettings
from bridge.pipeline import Pipeline
from bridge.runtime.backoff import Backoff
from bridge.runtime.clock import ManualClock, SystemClock
from bridge.runtime.metrics import Metrics
from bridge.runtime.worker import Supervisor
from bridge.track.filters import DetectionFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bridge.frames.codec import Rotation
    from bridge.model import Detection, Image
    from bridge.runtime.clock import Clock
    from tests.conftest import WaitUntil
    from tests.unit.pipeline.conftest import Recorder

_WIDTH, _HEIGHT = 320, 240
_DAMAGED = b"\xff\xd8\xff\xe0 passed the gate, but is no picture \xff\xd9"


def _picture(person_x: int | None = None, dog_x: int | None = None) -> bytes:
    """A grey room; a person (60 x 120 px) and a dog (40 x 30 px) stand with their left side there."""
    image = np.full((_HEIGHT, _WIDTH, 3), 128, np.uint8)
    if person_x is not None:
        image[80:200, person_x : person_x + 60] = COLOURS["person"]
    if dog_x is not None:
        image[190:220, dog_x : dog_x + 40] = COLOURS["dog"]
    return encode(image, 90)


_EMPTY = _picture()
_PLAN = CameraPlan("door", motion=None, rules=EventRules(min_hits=2, end_after_s=3.0), snapshot_interval_s=10.0)


@dataclass
class _Spy(Detector):
    """A detector that notes what it is asked, and does as it is told."""

    batch: int = 4
    failures: int = 0
    asked: list[tuple[int, float, float]] = field(default_factory=list)
    shapes: list[tuple[int, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._eyes = FakeDetector(batch=self.batch)

    @property
    def info(self) -> DetectorInfo:
        return self._eyes.info

    def start(self, images: Sequence[Image], confidence: float, iou: float, on_done: Callable[[], None]) -> FinishedJob:
        self.asked.append((len(images), confidence, iou))
        self.shapes += [image.shape for image in images]
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the GPU went away")
        return self._eyes.start(images, confidence, iou, on_done)

    def close(self) -> None:
        """Nothing to give back."""


class _Site:
    """A pipeline with all that it needs; rounds are played by hand."""

    def __init__(self, clock: Clock, load: Callable[[], Detector], recorder: Recorder) -> None:
        self.clock = clock
        self.metrics = Metrics()
        self.supervisor = Supervisor()
        self.store = FrameStore(clock, self.metrics)
        self.sink = recorder
        self.supply = DetectorSupply(load, self.supervisor, Backoff(first_s=1, uniform=lambda _low, _high: 0.001))
        self.pipeline = Pipeline(
            store=self.store,
            supply=self.supply,
            iou=0.45,
            new_id=IdMaker(lambda _bits: 0),
            sinks=[self.sink],
            clock=clock,
            metrics=self.metrics,
            supervisor=self.supervisor,
        )

    def add(self, plan: CameraPlan) -> None:
        self.pipeline.add_camera(plan)
        self.store.add_camera(plan.camera_id, detect_max_fps=10)

    def put(self, camera_id: str, jpeg: bytes) -> None:
        self.store.put(camera_id, jpeg, _WIDTH, _HEIGHT)

    def turn(self, **pictures: bytes) -> None:
        """A fifth of a second, in which these cameras send these pictures."""
        assert isinstance(self.clock, ManualClock)
        self.clock.advance(0.2)
        for camera_id, jpeg in pictures.items():
            self.put(camera_id, jpeg)
        self.pipeline.turn(0.0)

    def close(self) -> None:
        self.store.close()
        self.pipeline.stop()
        self.supply.stop()


@pytest.fixture
def site_with(recorder: Recorder, wait_until: WaitUntil) -> Iterator[Callable[..., _Site]]:
    """Make a site with a detector that is loaded already (None: there is no model)."""
    sites: list[_Site] = []

    def make(detector: Detector | None, *plans: CameraPlan, clock: Clock | None = None) -> _Site:
        site = _Site(clock or ManualClock(), lambda: detector or FakeDetector(), recorder)
        sites.append(site)
        for plan in plans or (_PLAN,):
            site.add(plan)
        if detector is not None:
            site.supply.start()
            wait_until(lambda: site.supply.current() is not None)
        return site

    yield make
    for site in sites:
        site.close()


_YARD = replace(_PLAN, camera_id="yard")


def test_a_person_in_front_of_a_camera_becomes_an_event_with_its_picture(site_with: Callable[..., _Site]) -> None:
    site = site_with(FakeDetector())
    for x in (20, 40, 60):
        site.turn(door=_picture(x))
    (new,) = site.sink.of("new")
    assert new.event.label == "person"
    assert new.event.frame_mono_s == pytest.approx(1000.4)
    assert new.thumbnail_jpeg is not None
    assert read_comment(new.thumbnail_jpeg) == new.event.id
    assert site.sink.of("presence") == [{"person": 1}]
    scene = site.store.scene("door")
    assert scene is not None
    assert [track.hits for track in scene.tracks] == [3]


def test_two_cameras_are_analysed_apart(site_with: Callable[..., _Site]) -> None:
    site = site_with(FakeDetector(batch=4), _PLAN, _YARD)
    for x in (20, 40, 60):
        site.turn(door=_picture(x), yard=_picture(dog_x=x))
    assert [change.event.label for change in site.sink.of("new", "door")] == ["person"]
    assert [change.event.label for change in site.sink.of("new", "yard")] == ["dog"]
    assert (site.sink.of("presence", "door"), site.sink.of("presence", "yard")) == ([{"person": 1}], [{"dog": 1}])


def test_a_batch_holds_pictures_of_different_cameras_up_to_what_the_device_takes(
    site_with: Callable[..., _Site],
) -> None:
    cameras = [replace(_PLAN, camera_id=name) for name in ("a", "b", "c")]
    detector = _Spy(batch=2)
    site = site_with(detector, *cameras)
    for _ in range(3):  # three pictures each: the newest wins
        for camera in cameras:
            site.put(camera.camera_id, _EMPTY)
    site.pipeline.turn(0.0)
    site.pipeline.turn(0.0)
    site.pipeline.turn(0.0)
    assert [count for count, _, _ in detector.asked] == [2, 1]
    assert [site.store.status(name).detected for name in ("a", "b", "c")] == [1, 1, 1]


def test_the_model_is_asked_with_the_lowest_confidence_and_each_camera_keeps_its_own(
    site_with: Callable[..., _Site],
) -> None:
    detector = _Spy()
    keen = replace(_PLAN, filter=DetectionFilter(confidence=0.3))
    strict = replace(_YARD, filter=DetectionFilter(confidence=0.99999))
    site = site_with(detector, keen, strict)
    disc = np.full((_HEIGHT, _WIDTH, 3), 128, np.uint8)
    rows, columns = np.ogrid[:_HEIGHT, :_WIDTH]
    disc[(rows - 120) ** 2 + (columns - 160) ** 2 < 60**2] = COLOURS["person"]  # fills 79 % of its box: score 0.79
    for _ in range(3):
        site.turn(door=encode(disc, 95), yard=encode(disc, 95))
    assert detector.asked == [(2, pytest.approx(0.6 * 0.3), 0.45)] * 3  # faint ones may continue what is known
    assert len(site.sink.of("new", "door")) == 1
    assert site.sink.of("new", "yard") == []


@pytest.mark.parametrize(("rotate", "shape"), [(0, (240, 320, 3)), (90, (320, 240, 3)), (180, (240, 320, 3))])
def test_the_model_and_the_snapshot_see_the_picture_upright(
    site_with: Callable[..., _Site], rotate: Rotation, shape: tuple[int, ...]
) -> None:
    detector = _Spy()
    site = site_with(detector, replace(_PLAN, rotate=rotate))
    site.turn(door=_picture(100))
    assert detector.shapes == [shape]
    (snapshot,) = site.sink.of("snapshot")
    assert decode(snapshot).shape == shape


def test_inferences_are_counted_and_timed(site_with: Callable[..., _Site]) -> None:
    clock = ManualClock()

    class Slow(FakeDetector):
        def start(
            self, images: Sequence[Image], confidence: float, iou: float, on_done: Callable[[], None]
        ) -> FinishedJob:
            clock.advance(0.04)
            return super().start(images, confidence, iou, on_done)

    site = site_with(Slow(), clock=clock)
    site.turn(door=_EMPTY)
    site.turn(door=_EMPTY)
    lines = site.metrics.render().decode().splitlines()
    assert 'espcam_frames_detected_total{camera="door"} 2.0' in lines
    assert "espcam_inference_seconds_count 2.0" in lines
    assert 'espcam_inference_seconds_bucket{le="0.03"} 0.0' in lines
    assert 'espcam_inference_seconds_bucket{le="0.05"} 2.0' in lines
    assert site.store.status("door").inference_ms == pytest.approx(40)


def test_an_event_tells_when_the_model_had_seen_its_frame_whatever_the_wall_clock_does(
    site_with: Callable[..., _Site],
) -> None:
    clock = ManualClock()

    class Slow(FakeDetector):
        def start(
            self, images: Sequence[Image], confidence: float, iou: float, on_done: Callable[[], None]
        ) -> FinishedJob:
            clock.now_mono_s += 0.04
            clock.now_unix_s -= 3600.0
            return super().start(images, confidence, iou, on_done)

    site = site_with(Slow(), replace(_PLAN, rules=EventRules(min_hits=1)), clock=clock)
    site.turn(door=_picture(20))
    (new,) = site.sink.of("new")
    assert new.event.detected_unix_s - new.event.frame_unix_s == pytest.approx(0.04, abs=1e-6)


def test_the_end_of_a_visit_comes_with_frames_and_without(site_with: Callable[..., _Site]) -> None:
    site = site_with(FakeDetector(batch=2), _PLAN, _YARD)
    for x in (20, 40, 60):
        site.turn(door=_picture(x), yard=_picture(x))
    for _ in range(17):
        site.turn(door=_EMPTY)  # the yard's camera is silent
    assert site.sink.kinds("new", "end", camera_id="door") == ["new", "end"]
    assert site.sink.kinds("new", "end", camera_id="yard") == ["new", "end"]


def test_a_detector_that_breaks_is_replaced_and_the_cameras_go_on(
    site_with: Callable[..., _Site], wait_until: WaitUntil, caplog: pytest.LogCaptureFixture
) -> None:
    detector = _Spy(failures=1)
    site = site_with(detector, replace(_PLAN, motion=MotionSettings()))
    site.turn(door=_EMPTY)
    assert "the GPU went away" in caplog.text
    assert site.store.status("door").detected == 0
    wait_until(lambda: site.supply.current() is not None)
    for x in (20, 40, 60):
        site.turn(door=_picture(x))
    assert site.sink.kinds("motion", "new") == ["motion", "new"]
    assert not site.supervisor.stopping


def test_without_a_model_motion_and_snapshots_go_on(site_with: Callable[..., _Site]) -> None:
    site = site_with(None, replace(_PLAN, motion=MotionSettings()))
    for index in range(60):  # 12 s
        site.turn(door=_picture(20 + 3 * index) if index > 10 else _EMPTY)
    assert site.sink.of("motion") == [True]
    assert len(site.sink.of("snapshot")) == 2
    assert site.sink.kinds("new", "presence") == []
    scene = site.store.scene("door")
    assert scene is not None
    assert (scene.frame_seq, scene.tracks, scene.motion) == (60, (), True)
    assert site.store.status("door").detected == 0


def test_a_camera_with_detection_switched_off_is_watched_for_motion_only(site_with: Callable[..., _Site]) -> None:
    detector = _Spy()
    site = site_with(detector, replace(_PLAN, detect=False, motion=MotionSettings()), _YARD)
    for x in range(0, 120, 20):
        site.turn(door=_picture(x), yard=_EMPTY)
    assert [count for count, _, _ in detector.asked] == [1] * 6
    assert site.sink.of("motion") == [True]
    assert site.sink.of("new") == []
    assert len(site.sink.of("snapshot")) == 1


def test_detection_is_switched_off_and_on_while_the_camera_runs(site_with: Callable[..., _Site]) -> None:
    detector = _Spy()
    site = site_with(detector)
    took_effect: list[str] = []
    for x in (20, 40, 60):
        site.turn(door=_picture(x))
    site.pipeline.set_detect("door", on=False, done=lambda: took_effect.append("off"))
    assert took_effect == [], "it is the inference thread's to do"
    site.turn(door=_picture(80))
    assert took_effect == ["off"]
    assert site.sink.kinds("new", "end") == ["new", "end"]
    assert site.sink.of("presence") == [{"person": 1}, {}]
    looked = len(detector.asked)
    site.turn(door=_picture(100))
    assert len(detector.asked) == looked
    site.pipeline.set_detect("door", on=True, done=lambda: took_effect.append("on"))
    for x in (20, 40, 60):
        site.turn(door=_picture(x))
    assert took_effect == ["off", "on"]
    assert site.sink.kinds("new", "end") == ["new", "end", "new"]


def test_a_changed_confidence_counts_from_the_next_frame_on(site_with: Callable[..., _Site]) -> None:
    detector = _Spy()
    site = site_with(detector)
    site.turn(door=_EMPTY)
    site.pipeline.set_confidence("door", 0.5, done=lambda: None)
    site.turn(door=_EMPTY)
    assert [confidence for _, confidence, _ in detector.asked] == pytest.approx([0.15, 0.3])


def test_damaged_frames_are_counted_and_another_cameras_events_go_on(site_with: Callable[..., _Site]) -> None:
    site = site_with(FakeDetector(batch=4), _PLAN, replace(_YARD, motion=MotionSettings()))
    for x in (20, 40, 60):
        site.turn(door=_picture(x), yard=_DAMAGED)
    assert site.sink.kinds("new") == ["new"]
    assert site.store.status("yard").rejected == {"undecodable": 3}
    assert site.store.status("yard").detected == 0
    assert site.store.scene("yard") is None


def test_a_camera_that_sends_only_damage_ends_its_motion_and_its_event(site_with: Callable[..., _Site]) -> None:
    site = site_with(FakeDetector(), replace(_PLAN, motion=MotionSettings()))
    for x in (20, 60, 100):
        site.turn(door=_picture(x))
    for _ in range(25):
        site.turn(door=_DAMAGED)
    assert site.sink.of("motion") == [True, False]
    assert site.sink.kinds("new", "end") == ["new", "end"]


def test_a_camera_can_be_added_while_others_run(site_with: Callable[..., _Site]) -> None:
    site = site_with(FakeDetector(batch=2))
    site.turn(door=_EMPTY)
    site.add(_YARD)
    for x in (20, 40, 60):
        site.turn(door=_EMPTY, yard=_picture(x))
    assert site.sink.kinds("new", camera_id="yard") == ["new"]


# --- the thread ----------------------------------------------------------------------------------------------------


def test_stopping_is_quick_and_ends_open_events(site_with: Callable[..., _Site], wait_until: WaitUntil) -> None:
    site = site_with(FakeDetector(), replace(_PLAN, rules=EventRules(min_hits=1)), clock=SystemClock())
    site.pipeline.start()
    site.put("door", _picture(100))
    wait_until(lambda: site.sink.kinds("new") == ["new"])
    site.close()
    assert site.sink.kinds("new", "end") == ["new", "end"]
    assert site.sink.of("presence") == [{"person": 1}, {}]


def test_a_detector_that_hangs_does_not_hold_up_the_stop(
    site_with: Callable[..., _Site], wait_until: WaitUntil
) -> None:
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

    site = site_with(Stuck(), replace(_PLAN, rules=EventRules(min_hits=1)), clock=SystemClock())
    site.pipeline.start()
    site.put("door", _picture(100))
    wait_until(lambda: site.sink.kinds("new") == ["new"])
    site.put("door", _picture(100))
    wait_until(hangs.is_set)
    started_s = time.monotonic()
    site.pipeline.stop(timeout_s=0.01)
    assert time.monotonic() - started_s < 0.5
    assert site.sink.kinds("end") == [], "what belongs to a thread that still runs is left alone"
    go_on.set()


def test_a_sink_that_breaks_at_the_end_of_one_cameras_events_still_hears_of_the_others(
    site_with: Callable[..., _Site], caplog: pytest.LogCaptureFixture
) -> None:
    site = site_with(FakeDetector(batch=4), _PLAN, _YARD)
    for x in (20, 40, 60):
        site.turn(door=_picture(x), yard=_picture(x))
    site.sink.breaks_at = ("end", "door")
    site.close()
    assert site.sink.kinds("end", camera_id="door") == []
    assert site.sink.kinds("end", camera_id="yard") == ["end"]
    assert "door: its open events could not be ended" in caplog.text


def test_the_loop_runs_in_a_thread_named_infer(site_with: Callable[..., _Site], wait_until: WaitUntil) -> None:
    names: list[str] = []

    class Eyes(FakeDetector):
        def start(
            self, images: Sequence[Image], confidence: float, iou: float, on_done: Callable[[], None]
        ) -> FinishedJob:
            names.append(threading.current_thread().name)
            return super().start(images, confidence, iou, on_done)

    site = site_with(Eyes(), clock=SystemClock())
    site.pipeline.start()
    site.put("door", _EMPTY)
    wait_until(lambda: names == ["infer"])


def test_a_sink_that_raises_ends_the_process_loudly(site_with: Callable[..., _Site]) -> None:
    site = site_with(FakeDetector(), clock=SystemClock())
    site.sink.breaks_at = ("snapshot", "door")
    site.pipeline.start()
    site.put("door", _EMPTY)
    with pytest.raises(WorkerCrashed, match="infer crashed"):
        site.supervisor.wait(5)


# --- jobs under way ------------------------------------------------------------------------------------------------


class _Slow(FakeDetector):
    """A detector that answers when it is told to; keeps two jobs under way."""

    def __init__(self) -> None:
        super().__init__(jobs=2)
        object.__setattr__(self, "under_way", [])

    under_way: list[_Held]

    def start(self, images: Sequence[Image], confidence: float, iou: float, on_done: Callable[[], None]) -> _Held:
        held = _Held(super().start(images, confidence, iou, lambda: None).found, on_done)
        self.under_way.append(held)
        return held

    def answer(self, number: int) -> None:
        self.under_way[number].answered = True
        self.under_way[number].on_done()


@dataclass
class _Held:
    found: list[list[Detection]]
    on_done: Callable[[], None]
    answered: bool = False

    def done(self) -> bool:
        return self.answered

    def result(self) -> list[list[Detection]]:
        self.answered = True
        return self.found


def test_the_next_frame_is_decoded_and_handed_in_while_the_model_works(site_with: Callable[..., _Site]) -> None:
    detector = _Slow()
    site = site_with(detector, _PLAN, _YARD)
    site.turn(door=_EMPTY, yard=_EMPTY)
    site.pipeline.turn(0.0)
    assert len(detector.under_way) == 2
    assert [site.store.status(name).detected for name in ("door", "yard")] == [0, 0]


def test_an_answer_is_told_as_soon_as_it_is_there_whichever_job_it_is_of(site_with: Callable[..., _Site]) -> None:
    detector = _Slow()
    site = site_with(detector, _PLAN, _YARD)
    site.turn(door=_EMPTY, yard=_EMPTY)
    site.pipeline.turn(0.0)
    detector.answer(1)
    site.pipeline.turn(0.0)
    assert sum(site.store.status(name).detected for name in ("door", "yard")) == 1


def test_answers_of_one_camera_are_taken_in_the_order_of_its_frames(site_with: Callable[..., _Site]) -> None:
    detector = _Slow()
    site = site_with(detector)
    site.turn(door=_picture(20))
    site.turn(door=_picture(40))
    assert len(detector.under_way) == 2
    detector.answer(1)
    scene = site.store.scene("door")
    assert scene is None
    detector.answer(0)
    site.pipeline.turn(0.0)
    scene = site.store.scene("door")
    assert scene is not None
    assert scene.frame_seq == 2
    assert [track.hits for track in scene.tracks] == [2]


def test_with_every_place_taken_the_oldest_answer_is_waited_for(site_with: Callable[..., _Site]) -> None:
    detector = _Slow()
    site = site_with(detector)
    for x in (20, 40, 60):
        site.turn(door=_picture(x))
    assert site.store.status("door").detected >= 1
    site.turn(door=_picture(80))
    assert len(detector.under_way) >= 3


def test_what_the_model_works_on_at_the_end_still_counts(
    site_with: Callable[..., _Site], wait_until: WaitUntil
) -> None:
    detector = _Slow()
    site = site_with(detector, replace(_PLAN, rules=EventRules(min_hits=1)), clock=SystemClock())
    site.pipeline.start()
    site.put("door", _picture(100))
    wait_until(lambda: len(detector.under_way) == 1)
    assert site.sink.kinds("new") == []
    site.close()
    assert site.sink.kinds("new", "end") == ["new", "end"]


# --- frames that the model need not see ----------------------------------------------------------------------------


def test_a_still_scene_is_looked_at_now_and_then_and_every_frame_is_counted(site_with: Callable[..., _Site]) -> None:
    detector = _Spy()
    site = site_with(detector, replace(_PLAN, motion=MotionSettings()))
    for _ in range(100):  # 20 s
        site.turn(door=_EMPTY)
    status = site.store.status("door")
    assert len(detector.asked) == status.detected
    assert 6 <= status.detected <= 15
    assert status.detected + status.still == 100
    assert 'espcam_frames_still_total{camera="door"}' in site.metrics.render().decode()
    scene = site.store.scene("door")
    assert scene is not None
    assert scene.frame_seq == 100


def test_somebody_who_comes_and_stands_still_is_looked_at_in_every_frame(site_with: Callable[..., _Site]) -> None:
    detector = _Spy()
    site = site_with(detector, replace(_PLAN, motion=MotionSettings()))
    for _ in range(30):
        site.turn(door=_EMPTY)
    before = site.store.status("door").still
    for _ in range(100):
        site.turn(door=_picture(100))
    assert site.store.status("door").still == before
    assert site.sink.kinds("new", "end") == ["new"]


def test_without_the_motion_gate_every_frame_is_looked_at(site_with: Callable[..., _Site]) -> None:
    site = site_with(FakeDetector())
    for _ in range(30):
        site.turn(door=_EMPTY)
    assert (site.store.status("door").detected, site.store.status("door").still) == (30, 0)


def test_a_camera_where_something_happens_goes_before_one_where_nothing_does(site_with: Callable[..., _Site]) -> None:
    site = site_with(FakeDetector(), _PLAN, _YARD)
    for _ in range(4):  # one frame a round: half of what the two are promised
        site.turn(door=_EMPTY, yard=_EMPTY)
    idle = site.store.status("yard").detected
    assert (site.store.status("door").detected, idle) == (2, 2)
    for index in range(20):
        site.turn(door=_EMPTY, yard=_picture(20 + index))
    assert site.store.status("yard").detected - idle > 12
    assert site.store.status("door").detected - 2 >= 3, "nobody starves"
