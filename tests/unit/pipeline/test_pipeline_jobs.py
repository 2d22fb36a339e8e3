"""Several looks of the model under way at once, and which frames get one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bridge.detect.fake import FakeDetector
from bridge.events.machine import EventRules
from bridge.motion.gate import MotionSettings
from bridge.runtime.clock import SystemClock
from tests.unit.pipeline.site import EMPTY, PLAN, YARD, Site, Spy, picture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.model import Detection, Image
    from tests.conftest import WaitUntil


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


def test_the_next_frame_is_decoded_and_handed_in_while_the_model_works(site_with: Callable[..., Site]) -> None:
    detector = _Slow()
    site = site_with(detector, PLAN, YARD)
    site.turn(door=EMPTY, yard=EMPTY)
    site.pipeline.turn(0.0)
    assert len(detector.under_way) == 2
    assert [site.store.status(name).detected for name in ("door", "yard")] == [0, 0]


def test_an_answer_is_told_as_soon_as_it_is_there_whichever_job_it_is_of(site_with: Callable[..., Site]) -> None:
    detector = _Slow()
    site = site_with(detector, PLAN, YARD)
    site.turn(door=EMPTY, yard=EMPTY)
    site.pipeline.turn(0.0)
    detector.answer(1)
    site.pipeline.turn(0.0)
    assert sum(site.store.status(name).detected for name in ("door", "yard")) == 1


def test_answers_of_one_camera_are_taken_in_the_order_of_its_frames(site_with: Callable[..., Site]) -> None:
    detector = _Slow()
    site = site_with(detector)
    site.turn(door=picture(20))
    site.turn(door=picture(40))
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


def test_with_every_place_taken_the_oldest_answer_is_waited_for(site_with: Callable[..., Site]) -> None:
    detector = _Slow()
    site = site_with(detector)
    for x in (20, 40, 60):
        site.turn(door=picture(x))
    assert site.store.status("door").detected >= 1
    site.turn(door=picture(80))
    assert len(detector.under_way) >= 3


def test_what_the_model_works_on_at_the_end_still_counts(site_with: Callable[..., Site], wait_until: WaitUntil) -> None:
    detector = _Slow()
    site = site_with(detector, replace(PLAN, rules=EventRules(min_hits=1)), clock=SystemClock())
    site.pipeline.start()
    site.put("door", picture(100))
    wait_until(lambda: len(detector.under_way) == 1)
    assert site.sink.kinds("new") == []
    site.close()
    assert site.sink.kinds("new", "end") == ["new", "end"]


# --- frames that the model need not see ----------------------------------------------------------------------------


def test_a_still_scene_is_looked_at_now_and_then_and_every_frame_is_counted(site_with: Callable[..., Site]) -> None:
    detector = Spy()
    site = site_with(detector, replace(PLAN, motion=MotionSettings()))
    for _ in range(100):  # 20 s
        site.turn(door=EMPTY)
    status = site.store.status("door")
    assert len(detector.asked) == status.detected
    assert 6 <= status.detected <= 15
    assert status.detected + status.still == 100
    assert 'espcam_frames_still_total{camera="door"}' in site.metrics.render().decode()
    scene = site.store.scene("door")
    assert scene is not None
    assert scene.frame_seq == 100


def test_somebody_who_comes_and_stands_still_is_looked_at_in_every_frame(site_with: Callable[..., Site]) -> None:
    detector = Spy()
    site = site_with(detector, replace(PLAN, motion=MotionSettings()))
    for _ in range(30):
        site.turn(door=EMPTY)
    before = site.store.status("door").still
    for _ in range(100):
        site.turn(door=picture(100))
    assert site.store.status("door").still == before
    assert site.sink.kinds("new", "end") == ["new"]


def test_without_the_motion_gate_every_frame_is_looked_at(site_with: Callable[..., Site]) -> None:
    site = site_with(FakeDetector())
    for _ in range(30):
        site.turn(door=EMPTY)
    assert (site.store.status("door").detected, site.store.status("door").still) == (30, 0)


def test_a_camera_where_something_happens_goes_before_one_where_nothing_does(site_with: Callable[..., Site]) -> None:
    site = site_with(FakeDetector(), PLAN, YARD)
    for _ in range(4):  # one frame a round: half of what the two are promised
        site.turn(door=EMPTY, yard=EMPTY)
    idle = site.store.status("yard").detected
    assert (site.store.status("door").detected, idle) == (2, 2)
    for index in range(20):
        site.turn(door=EMPTY, yard=picture(20 + index))
    assert site.store.status("yard").detected - idle > 12
    assert site.store.status("door").detected - 2 >= 3, "nobody starves"
