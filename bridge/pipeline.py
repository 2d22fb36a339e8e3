"""The inference loop: newest frame → motion → detect → track → events → sinks.

One thread, ``infer``, owns everything in here: the detector's calls, the trackers, the event machines. It takes the
newest frames of the cameras that are due, decodes them, lets the model look at them together, and hands what it finds
to the sinks. A feature is a sink or a stage of ``CameraAnalyst``, never a branch in the loop.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from bridge.errors import FrameRejected
from bridge.events.machine import EventMachine, EventRules
from bridge.events.thumbnails import BestViews
from bridge.frames.codec import decode, decode_grey_eighth, encode
from bridge.model import ChangeType, EventChange, Scene
from bridge.motion.gate import MotionGate, MotionSettings
from bridge.runtime.worker import Worker
from bridge.serve.annotate import draw_tracks
from bridge.track.filters import DetectionFilter
from bridge.track.tracker import Tracker

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from bridge.detect.port import Detector
    from bridge.detect.supply import DetectorSupply
    from bridge.events.machine import Step
    from bridge.frames.codec import Rotation
    from bridge.frames.store import FrameStore
    from bridge.model import Detection, Frame, Image, Track
    from bridge.runtime.clock import Clock
    from bridge.runtime.metrics import Metrics
    from bridge.runtime.worker import Supervisor

log = logging.getLogger(__name__)

# How long the loop sleeps when no frame comes; events of silent cameras end at most this late.
_IDLE_S = 0.25
# Without a model frames are still looked at for motion and snapshots, a few at a time.
_FRAMES_WITHOUT_MODEL = 4
_SNAPSHOT_QUALITY = 80
# No frame for this long: what moved has stopped as far as anybody can tell.
_SILENT_S = 3.0


class Sink(Protocol):
    """Who wants to know what the cameras see; called from the inference thread, must not block."""

    def event(self, change: EventChange) -> None:
        """An event began, went on or ended."""

    def presence(self, camera_id: str, counts: Mapping[str, int]) -> None:
        """How many objects of each label are there; labels that are absent are missing."""

    def motion(self, camera_id: str, on: bool) -> None:
        """Whether something moves."""

    def snapshot(self, camera_id: str, jpeg: bytes) -> None:
        """A fresh annotated picture."""


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """What one camera's analysis needs of the settings.

    Attributes:
        camera_id: whose.
        rotate: degrees clockwise that turn the picture upright.
        detect: whether the model looks at it.
        filter: which detections count.
        motion: how motion is found; None for not at all.
        rules: when an object becomes an event.
        thumbnail_px: the longer side of a thumbnail.
        snapshot_interval_s: longest time between snapshots; 0 for at events only.
    """

    camera_id: str
    rotate: Rotation = 0
    detect: bool = True
    filter: DetectionFilter = field(default_factory=DetectionFilter)
    motion: MotionSettings | None = field(default_factory=MotionSettings)
    rules: EventRules = field(default_factory=EventRules)
    thumbnail_px: int = 480
    snapshot_interval_s: float = 10.0


class CameraAnalyst:
    """Everything the inference thread knows of one camera."""

    def __init__(self, plan: CameraPlan, new_id: Callable[[float], str], sinks: Sequence[Sink]) -> None:
        self.plan = plan
        self._sinks = sinks
        # A track must live as long as its event may pause, else one visit would become two.
        self._tracker = Tracker(confidence=plan.filter.confidence, lost_after_s=plan.rules.end_after_s)
        self._machine = EventMachine(plan.camera_id, plan.rules, new_id)
        self._views = BestViews(plan.thumbnail_px)
        self._gate = MotionGate(plan.motion) if plan.motion else None
        self._present: Mapping[str, int] = {}
        self._moving = False
        self._frame_mono_s = float("-inf")
        self._snapshot_mono_s = float("-inf")
        self._snapshot_wanted = True  # the first picture is shown at once

    def watch(self, frame: Frame) -> None:
        """Look for motion.

        Raises:
            FrameRejected: the frame cannot be decoded.
        """
        if self._gate is not None:
            # Turned like the picture that people see: the masks are drawn on that one.
            grey = decode_grey_eighth(frame.jpeg, self.plan.rotate)
            self._set_moving(self._gate.update(grey, frame.received_mono_s))
        self._frame_mono_s = frame.received_mono_s

    def snapshot_due(self, now_mono_s: float) -> bool:
        """Whether the next picture is to be published: after an event began or ended, and at the interval."""
        interval_s = self.plan.snapshot_interval_s
        return self._snapshot_wanted or 0 < interval_s <= now_mono_s - self._snapshot_mono_s

    def unseen(self, frame: Frame) -> Scene:
        """What is known of a frame that the model does not look at."""
        return Scene(self.plan.camera_id, frame.seq, frame.received_mono_s, (), self._moving)

    def conclude(self, frame: Frame, image: Image, detections: Sequence[Detection]) -> Scene:
        """Turn one frame's detections into tracks, events and pictures, and tell the sinks.

        Args:
            frame: where they come from.
            image: the decoded frame, after rotation.
            detections: what the model saw.
        """
        height, width = image.shape[:2]
        wanted = self.plan.filter.keep(detections, width, height)
        tracks = self._tracker.update(wanted, width, height, frame.received_mono_s)
        better = self._views.consider(image, tracks)
        steps = self._machine.update(tracks, frame.received_mono_s, frame.received_unix_s, better)
        self._tell(steps)
        if self.snapshot_due(frame.received_mono_s):
            self.send_snapshot(image, tracks, frame.received_mono_s)
        return Scene(self.plan.camera_id, frame.seq, frame.received_mono_s, tracks, self._moving)

    def send_snapshot(self, image: Image, tracks: Sequence[Track], now_mono_s: float) -> None:
        """Draw the tracks into the picture and publish it."""
        self._snapshot_mono_s, self._snapshot_wanted = now_mono_s, False
        draw_tracks(image, tracks)
        jpeg = encode(image, _SNAPSHOT_QUALITY)
        for sink in self._sinks:
            sink.snapshot(self.plan.camera_id, jpeg)

    def tick(self, now_mono_s: float) -> None:
        """Let time pass: a camera that fell silent shows no motion, and its events end."""
        if now_mono_s - self._frame_mono_s > _SILENT_S:
            self._set_moving(moving=False)
        self._tell(self._machine.tick(now_mono_s))

    def close(self, now_mono_s: float) -> None:
        """End what is open."""
        self._tell(self._machine.close(now_mono_s))

    def _tell(self, steps: Sequence[Step]) -> None:
        for step in steps:
            change = EventChange(step.type, step.event, self._views.hand_out(step.track_id, step.event.id))
            for sink in self._sinks:
                sink.event(change)
        # Most ends come with the time, without a picture: the next one that arrives shows that nobody is there.
        self._snapshot_wanted |= any(step.type is not ChangeType.UPDATE for step in steps)
        self._views.keep_only(self._machine.followed())
        present = self._machine.present()
        if present != self._present:
            self._present = dict(present)
            for sink in self._sinks:
                sink.presence(self.plan.camera_id, present)

    def _set_moving(self, moving: bool) -> None:
        if moving != self._moving:
            self._moving = moving
            for sink in self._sinks:
                sink.motion(self.plan.camera_id, moving)


@dataclass(frozen=True, slots=True)
class _Look:
    """One frame of a batch that is decoded; ``detect`` when the model shall see it."""

    frame: Frame
    analyst: CameraAnalyst
    image: Image
    detect: bool


class Pipeline:
    """The inference thread.

    Args:
        store: where frames come from and scenes go.
        supply: where the detector comes from.
        iou: overlap above which two boxes of one label are one object.
        new_id: makes event ids.
        sinks: who is told.
        clock: where the time comes from.
        metrics: counts inferences.
        supervisor: told when the loop dies.
    """

    def __init__(
        self,
        *,
        store: FrameStore,
        supply: DetectorSupply,
        iou: float,
        new_id: Callable[[float], str],
        sinks: Sequence[Sink],
        clock: Clock,
        metrics: Metrics,
        supervisor: Supervisor,
    ) -> None:
        self._store = store
        self._supply = supply
        self._iou = iou
        self._new_id = new_id
        self._sinks = sinks
        self._clock = clock
        self._metrics = metrics
        self._analysts: dict[str, CameraAnalyst] = {}
        self._worker = Worker("infer", self._run, supervisor)

    def add_camera(self, plan: CameraPlan) -> None:
        """Analyse a camera from now on; from any thread (a dict's item is set at once).

        Comes before ``FrameStore.add_camera``, so that no frame of it is taken that nobody knows.
        """
        self._analysts[plan.camera_id] = CameraAnalyst(plan, self._new_id, self._sinks)

    def start(self) -> None:
        """Start the thread."""
        self._worker.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """Stop the thread, then end the open events."""
        if self._worker.stop(timeout_s):
            for analyst in list(self._analysts.values()):
                try:
                    analyst.close(self._clock.mono_s())
                except Exception:
                    # A sink that broke the loop breaks here again; the other cameras' events are still to be ended.
                    log.exception("%s: its open events could not be ended", analyst.plan.camera_id)

    def turn(self, timeout_s: float) -> None:
        """One round of the loop: analyse the frames that are due, waiting for them this long, then let time pass."""
        detector = self._supply.current()
        limit = detector.info.parallel if detector else _FRAMES_WITHOUT_MODEL
        frames = self._store.take(limit, timeout_s)
        if frames:
            self._analyse(frames, detector)
        now_s = self._clock.mono_s()
        for analyst in list(self._analysts.values()):
            analyst.tick(now_s)

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.turn(_IDLE_S)

    def _analyse(self, frames: Sequence[Frame], detector: Detector | None) -> None:
        looks = [look for frame in frames if (look := self._look(frame, detector)) is not None]
        asked = [look for look in looks if look.detect]
        if asked and detector is not None:
            for look, detections in zip(asked, self._detect(asked, detector), strict=False):
                self._store.set_scene(look.analyst.conclude(look.frame, look.image, detections))
        for look in looks:
            if not look.detect:
                look.analyst.send_snapshot(look.image, (), look.frame.received_mono_s)

    def _look(self, frame: Frame, detector: Detector | None) -> _Look | None:
        """Decode a frame when somebody needs its pixels."""
        analyst = self._analysts[frame.camera_id]
        detect = detector is not None and analyst.plan.detect
        try:
            analyst.watch(frame)
            if not detect:
                self._store.set_scene(analyst.unseen(frame))
                if not analyst.snapshot_due(frame.received_mono_s):
                    return None
            return _Look(frame, analyst, decode(frame.jpeg, analyst.plan.rotate), detect)
        except FrameRejected as rejected:
            self._store.reject(frame.camera_id, rejected.reason)
            return None

    def _detect(self, looks: Sequence[_Look], detector: Detector) -> list[list[Detection]]:
        """What the model sees in each picture; nothing at all when the detector failed."""
        confidence = min(look.analyst.plan.filter.confidence for look in looks)
        started_s = self._clock.mono_s()
        try:
            found = detector.detect([look.image for look in looks], confidence, self._iou)
        except Exception as error:  # noqa: BLE001 - drivers raise anything; the cameras go on, the model is loaded anew
            self._supply.failed(error)
            return []
        took_s = self._clock.mono_s() - started_s
        self._metrics.inference_seconds.observe(took_s)
        for look in looks:
            self._store.note_detected(look.frame.camera_id, took_s * 1000)
        return found
