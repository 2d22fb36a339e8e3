"""The inference loop: newest frame → motion → detect → track → events → sinks.

One thread, ``infer``, owns everything in here: the detector's jobs, the trackers, the event machines. It takes the
frames of the cameras whose turn it is, decodes them while the model works on the ones before, keeps as many jobs under
way as the device likes, and hands what was found to the sinks, in order for each camera. A feature is a sink or a stage
of ``CameraAnalyst``, never a branch in the loop.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from queue import SimpleQueue
from typing import TYPE_CHECKING

from bridge.analyst import CameraAnalyst
from bridge.errors import FrameRejected
from bridge.frames.shot import Shot
from bridge.runtime.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.analyst import CameraPlan, Sink
    from bridge.detect.port import Detector, Job
    from bridge.detect.supply import DetectorSupply
    from bridge.frames.store import FrameStore
    from bridge.model import Detection, Frame
    from bridge.runtime.clock import Clock
    from bridge.runtime.metrics import Metrics
    from bridge.runtime.worker import Supervisor

log = logging.getLogger(__name__)

# How long the loop sleeps when no frame comes; events of silent cameras end at most this late.
_IDLE_S = 0.25
# How often the cameras are told that time passes.
_TICK_S = 0.1
# Without a model frames are still looked at for motion and snapshots, a few at a time.
_FRAMES_WITHOUT_MODEL = 4


class _Batch:
    """Frames that the model looks at together."""

    def __init__(self, shots: Sequence[Shot], clock: Clock, nudge: Callable[[], None]) -> None:
        self.shots = shots
        self._clock = clock
        self._nudge = nudge
        self._started_s = clock.mono_s()
        self._answered_s = self._started_s
        self._job: Job | None = None

    def start(self, detector: Detector, confidence: float, iou: float) -> None:
        """Hand the pictures in."""
        self._job = detector.start([shot.image for shot in self.shots], confidence, iou, self._note_answer)

    def done(self) -> bool:
        """Whether the answer is there."""
        return self._job is not None and self._job.done()

    def result(self) -> list[list[Detection]]:
        """Wait for the answer: the objects in each picture."""
        assert self._job is not None  # noqa: S101 - started before
        return self._job.result()

    @property
    def answered_mono_s(self) -> float:
        """When the answer was there."""
        return self._answered_s

    @property
    def took_s(self) -> float:
        """How many seconds the model took."""
        return max(0.0, self._answered_s - self._started_s)

    def _note_answer(self) -> None:  # in any thread
        self._answered_s = self._clock.mono_s()
        self._nudge()


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
        self._detector: Detector | None = None
        self._under_way: deque[_Batch] = deque()
        self._ticked_s = float("-inf")
        self._changes: SimpleQueue[Callable[[], None]] = SimpleQueue()  # what was asked for by other threads
        self._worker = Worker("infer", self._run, supervisor)

    def add_camera(self, plan: CameraPlan) -> None:
        """Analyse a camera from now on; from any thread (a dict's item is set at once).

        Comes before ``FrameStore.add_camera``, so that no frame of it is taken that nobody knows.
        """
        self._analysts[plan.camera_id] = CameraAnalyst(plan, self._new_id, self._sinks)

    def change_camera(self, plan: CameraPlan) -> None:
        """Go on with changed settings of a camera that was added, soon; from any thread, never blocks."""
        self._change(plan.camera_id, lambda analyst: analyst.take_up(plan, self._clock.mono_s()), lambda: None)

    def remove_camera(self, camera_id: str, timeout_s: float) -> bool:
        """End a camera's open events and look at nothing of it any more; waits until that is done.

        Comes before ``FrameStore.remove_camera``: afterwards nothing is told to the store of it.

        Returns:
            False when the loop did not come to it in time; it will, all the same.
        """
        gone = threading.Event()

        def remove() -> None:
            analyst = self._analysts.pop(camera_id, None)
            if analyst is not None:
                analyst.close(self._clock.mono_s())
            gone.set()

        if self._worker.running:
            self._changes.put(remove)
            self._store.nudge()
        else:  # nobody else is there who could do it
            remove()
        return gone.wait(timeout_s)

    def set_iou(self, iou: float) -> None:
        """Change the overlap above which two boxes are one object."""
        self._iou = iou

    def set_detect(self, camera_id: str, *, on: bool, done: Callable[[], None]) -> None:
        """Switch detection on or off; from any thread, never blocks.

        Args:
            camera_id: of a camera that was added.
            on: False ends its open events.
            done: called in the inference thread once it took effect.
        """
        self._change(camera_id, lambda analyst: analyst.set_detect(on=on, now_mono_s=self._clock.mono_s()), done)

    def set_confidence(self, camera_id: str, confidence: float, *, done: Callable[[], None]) -> None:
        """Change the lowest score that counts (0..1); otherwise as ``set_detect``."""
        self._change(camera_id, lambda analyst: analyst.set_confidence(confidence), done)

    def _change(self, camera_id: str, change: Callable[[CameraAnalyst], None], done: Callable[[], None]) -> None:
        def carry_out() -> None:
            analyst = self._analysts.get(camera_id)
            if analyst is not None:  # it may have gone since
                change(analyst)
            done()

        self._changes.put(carry_out)
        self._store.nudge()  # now, not with the next frame

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
        """One round of the loop: start what is due, waiting for it this long; conclude what is done; let time pass."""
        while not self._changes.empty():
            self._changes.get()()
        detector = self._supply.current()
        if detector is not self._detector:
            self._detector = detector
            self._under_way.clear()  # of one that failed: nobody answers any more
        self._conclude_done()
        if detector is None or len(self._under_way) < detector.info.jobs:
            limit = _FRAMES_WITHOUT_MODEL if detector is None else detector.info.batch
            if frames := self._store.take(limit, timeout_s):
                self._begin(frames, detector)
        else:
            self._conclude(self._under_way.popleft())
        self._conclude_done()
        self._tick()

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.turn(_IDLE_S)
        while self._under_way:  # what was seen before the end still counts
            self._conclude(self._under_way.popleft())

    def _tick(self) -> None:
        now_s = self._clock.mono_s()
        if not 0 <= now_s - self._ticked_s < _TICK_S:
            self._ticked_s = now_s
            for analyst in list(self._analysts.values()):
                analyst.tick(now_s)

    def _begin(self, frames: Sequence[Frame], detector: Detector | None) -> None:
        shots = [shot for frame in frames if (shot := self._look(frame, detector)) is not None]
        if not shots or detector is None:
            return
        batch = _Batch(shots, self._clock, self._store.nudge)
        confidence = min(self._analysts[shot.frame.camera_id].plan.filter.floor for shot in shots)
        try:
            batch.start(detector, confidence, self._iou)
        except Exception as error:  # noqa: BLE001 - see _conclude
            self._fail(error)
        else:
            self._under_way.append(batch)

    def _look(self, frame: Frame, detector: Detector | None) -> Shot | None:
        """Decode a frame when the model shall see it; send the snapshot when that is due and it shall not."""
        analyst = self._analysts.get(frame.camera_id)
        if analyst is None:  # it has gone since the frame was taken
            return None
        try:
            wanted = analyst.watch(frame)
            if detector is not None and analyst.plan.detect:
                if wanted:
                    info = detector.info
                    longest_px = max(info.input_width_px, info.input_height_px)
                    return Shot(frame, analyst.plan.rotate, longest_px or None)
                self._store.note_still(frame.camera_id)
            self._store.set_scene(analyst.unseen(frame))
            if analyst.snapshot_due(frame.received_mono_s):
                analyst.send_snapshot(Shot(frame, analyst.plan.rotate).whole(), (), frame.received_mono_s)
        except FrameRejected as rejected:
            self._store.reject(frame.camera_id, rejected.reason)
        return None

    def _conclude_done(self) -> None:
        while (batch := self._next_done()) is not None:
            self._under_way.remove(batch)
            self._conclude(batch)

    def _next_done(self) -> _Batch | None:
        """A batch whose answer is there and whose cameras wait for no older one."""
        waiting: set[str] = set()
        for batch in self._under_way:
            cameras = {shot.frame.camera_id for shot in batch.shots}
            if batch.done() and not cameras & waiting:
                return batch
            waiting |= cameras
        return None

    def _conclude(self, batch: _Batch) -> None:
        try:
            found = batch.result()
        except Exception as error:  # noqa: BLE001 - drivers raise anything; the cameras go on, the model is loaded anew
            self._fail(error)
            return
        self._metrics.inference_seconds.observe(batch.took_s)
        for shot, detections in zip(batch.shots, found, strict=True):
            camera_id = shot.frame.camera_id
            analyst = self._analysts.get(camera_id)
            if analyst is None:  # it has gone while the model looked
                continue
            self._store.note_detected(camera_id, batch.took_s * 1000)
            if not analyst.plan.detect:  # switched off while the model looked: what it saw does not count any more
                self._store.set_scene(analyst.unseen(shot.frame))
                continue
            try:
                self._store.set_scene(analyst.conclude(shot, detections, batch.answered_mono_s))
            except FrameRejected as rejected:
                self._store.reject(camera_id, rejected.reason)
            self._store.set_eventful(camera_id, analyst.eventful)

    def _fail(self, error: Exception) -> None:
        self._under_way.clear()
        if self._detector is self._supply.current():  # else it was replaced meanwhile, and closed
            self._supply.failed(error)
