"""A pipeline with all that it needs, whose rounds are played by hand, and what its cameras show."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from bridge.analyst import CameraPlan
from bridge.detect.fake import COLOURS, FakeDetector
from bridge.detect.port import Detector, DetectorInfo, FinishedJob
from bridge.detect.supply import DetectorSupply
from bridge.events.ids import IdMaker
from bridge.events.machine import EventRules
from bridge.frames.codec import encode
from bridge.frames.store import FrameStore
from bridge.pipeline import Pipeline
from bridge.runtime.backoff import Backoff
from bridge.runtime.clock import ManualClock
from bridge.runtime.metrics import Metrics
from bridge.runtime.worker import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.model import Image
    from bridge.runtime.clock import Clock
    from tests.unit.pipeline.conftest import Recorder


WIDTH, HEIGHT = 320, 240
DAMAGED = b"\xff\xd8\xff\xe0 passed the gate, but is no picture \xff\xd9"


def picture(person_x: int | None = None, dog_x: int | None = None) -> bytes:
    """A grey room; a person (60 x 120 px) and a dog (40 x 30 px) stand with their left side there."""
    image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    if person_x is not None:
        image[80:200, person_x : person_x + 60] = COLOURS["person"]
    if dog_x is not None:
        image[190:220, dog_x : dog_x + 40] = COLOURS["dog"]
    return encode(image, 90)


EMPTY = picture()
PLAN = CameraPlan("door", motion=None, rules=EventRules(min_hits=2, end_after_s=3.0), snapshot_interval_s=10.0)


@dataclass
class Spy(Detector):
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


class Site:
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
        self.store.put(camera_id, jpeg, WIDTH, HEIGHT)

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


YARD = replace(PLAN, camera_id="yard")
