"""The newest frame and the newest result of every camera: the one place where the stages meet.

Who writes: ingest (``put``, ``reject``, ``note_hello``, ``note_telemetry``) and the inference loop (``take``,
``note_detected``, ``set_scene``). Who reads: the web, MQTT, the inference loop. What they get is frozen; nobody
reaches into anybody's insides.

Loss policy: **newest wins**. One frame a camera waits for inference; a newer one takes its place. Whose turn it is says
``bridge.frames.turns``; turns that were missed are counted. Nothing here decodes a picture.
"""

from __future__ import annotations

import threading
from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bridge.errors import UnknownCamera
from bridge.frames.turns import Turns
from bridge.model import CameraState, CameraStatus, Frame, Scene
from bridge.runtime.rate import RateMeter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.errors import RejectReason
    from bridge.model import Adaptation
    from bridge.runtime.clock import Clock
    from bridge.runtime.metrics import Metrics


class _Camera:
    """One camera's slot; guarded by the store's lock."""

    def __init__(
        self, camera_id: str, name: str, offline_after_s: float, min_interval_s: float, metrics: Metrics
    ) -> None:
        self.id = camera_id
        self.name = name
        self.offline_after_s = offline_after_s
        self.turns = Turns(min_interval_s)
        # Looked up once: finding a counter by its label costs a tenth of a frame's whole way into the store.
        self.count_received = metrics.frames_received.labels(camera_id).inc
        self.count_detected = metrics.frames_detected.labels(camera_id).inc
        self.count_still = metrics.frames_still.labels(camera_id).inc
        self.count_dropped = metrics.frames_dropped.labels(camera_id).inc
        self.seq = 0
        self.newest: Frame | None = None
        self.waiting: Frame | None = None  # the frame that inference has not taken yet
        self.scene: Scene | None = None
        self.received_rate = RateMeter()
        self.detected_rate = RateMeter()
        self.detected = 0
        self.still = 0
        self.dropped = 0
        self.rejected: Counter[str] = Counter()
        self.viewers = 0
        self.inference_ms: float | None = None
        self.hello: Mapping[str, Any] = MappingProxyType({})
        self.telemetry: Mapping[str, Any] = MappingProxyType({})
        self.adaptation: Adaptation | None = None


class _Cameras(dict[str, _Camera]):
    """The cameras by id; whoever asks for one that is not there, or not any more, hears so."""

    def __missing__(self, camera_id: str) -> _Camera:
        raise UnknownCamera(camera_id)


class FrameStore:
    """Newest-wins hand-off between ingest, inference and viewers; thread-safe.

    Args:
        clock: where the time comes from.
        metrics: counters to keep beside the ones in ``status``.
    """

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._cameras = _Cameras()
        self._changed = threading.Condition()
        self._closed = False
        self._nudged = False
        self._earliest_deadline_s = 0.0  # of the cameras that were due last
        self._listeners: tuple[Callable[[str], None], ...] = ()

    # --- cameras -----------------------------------------------------------------------------------------------

    def add_camera(
        self, camera_id: str, *, name: str = "", offline_after_s: float = 10.0, detect_max_fps: float = 5.0
    ) -> None:
        """Make room for a camera; doing it twice keeps the first."""
        with self._changed:
            if camera_id not in self._cameras:
                self._cameras[camera_id] = _Camera(
                    camera_id, name or camera_id, offline_after_s, 1.0 / detect_max_fps, self._metrics
                )
                self._metrics.camera_online.labels(camera_id).set(0)

    def change_camera(self, camera_id: str, *, name: str, offline_after_s: float, detect_max_fps: float) -> None:
        """Take up changed settings of a camera; its frames and figures stay.

        Raises:
            UnknownCamera: it was never added.
        """
        with self._changed:
            camera = self._cameras[camera_id]
            camera.name, camera.offline_after_s = name or camera_id, offline_after_s
            camera.turns.interval_s = 1.0 / detect_max_fps

    def remove_camera(self, camera_id: str) -> None:
        """Let a camera go; whoever asks for it from now on hears ``UnknownCamera``."""
        with self._changed:
            if self._cameras.pop(camera_id, None) is not None:
                self._metrics.forget_camera(camera_id)

    def camera_ids(self) -> tuple[str, ...]:
        """Every known camera, in the order they were added."""
        with self._changed:
            return tuple(self._cameras)

    # --- ingest ------------------------------------------------------------------------------------------------

    def put(
        self, camera_id: str, jpeg: bytes, width_px: int, height_px: int, captured_unix_s: float | None = None
    ) -> Frame:
        """Hand in a frame that passed the integrity gate; never blocks.

        Raises:
            UnknownCamera: the camera was never added.
        """
        with self._changed:
            now_mono_s = self._clock.mono_s()  # inside, so that a camera's times never run backwards
            camera = self._cameras[camera_id]
            camera.seq += 1
            frame = Frame(
                camera_id, camera.seq, jpeg, width_px, height_px, now_mono_s, self._clock.unix_s(), captured_unix_s
            )
            if camera.waiting is None:
                camera.turns.first_frame(now_mono_s, self._earliest_deadline_s)
                self._changed.notify_all()  # a frame that takes a waiting one's place changes nobody's turn
            else:
                camera.turns.newer_frame()
            camera.newest = camera.waiting = frame
            camera.received_rate.add(now_mono_s)
            camera.count_received()
        for listener in self._listeners:
            listener(camera_id)
        return frame

    def reject(self, camera_id: str, reason: RejectReason) -> None:
        """Count a damaged frame."""
        with self._changed:
            self._cameras[camera_id].rejected[reason.value] += 1
        self._metrics.frames_rejected.labels(camera_id, reason.value).inc()

    def note_hello(self, camera_id: str, hello: Mapping[str, Any]) -> None:
        """Keep what the camera said of itself when it connected."""
        with self._changed:
            self._cameras[camera_id].hello = MappingProxyType(dict(hello))

    def note_telemetry(self, camera_id: str, telemetry: Mapping[str, Any]) -> None:
        """Keep the camera's newest report of its own health."""
        with self._changed:
            self._cameras[camera_id].telemetry = MappingProxyType(dict(telemetry))
        rssi = telemetry.get("rssi_dbm")
        if isinstance(rssi, int | float):
            self._metrics.camera_rssi_dbm.labels(camera_id).set(rssi)

    def note_adaptation(self, camera_id: str, adaptation: Adaptation) -> None:
        """Keep how far the camera is from what its user wants."""
        with self._changed:
            self._cameras[camera_id].adaptation = adaptation

    # --- inference ---------------------------------------------------------------------------------------------

    def take(self, limit: int, timeout_s: float) -> list[Frame]:
        """Take up to ``limit`` waiting frames of different cameras, in the order of their ``Turns``.

        Waits until at least one is due.

        Returns:
            The frames; empty when the time ran out, the store was nudged or closed.
        """
        deadline_s = self._clock.mono_s() + timeout_s
        with self._changed:
            while not self._closed:
                now_s = self._clock.mono_s()
                waiting = [camera for camera in self._cameras.values() if camera.waiting is not None]
                due = [camera for camera in waiting if camera.turns.due_mono_s <= now_s]
                if due:
                    due.sort(key=lambda camera: camera.turns.rank(now_s))
                    self._earliest_deadline_s = min(camera.turns.deadline_s for camera in due)
                    return [self._take_from(camera, now_s) for camera in due[:limit]]
                if now_s >= deadline_s or self._nudged:
                    break
                wake_s = min([deadline_s, *(camera.turns.due_mono_s for camera in waiting)])
                self._changed.wait(max(0.001, wake_s - now_s))
            self._nudged = False
        return []

    def _take_from(self, camera: _Camera, now_s: float) -> Frame:
        frame = camera.waiting
        assert frame is not None  # noqa: S101 - the caller chose cameras that have one
        camera.waiting = None
        if missed := camera.turns.take(now_s, self._earliest_deadline_s):
            camera.dropped += missed
            camera.count_dropped(missed)
        return frame

    def nudge(self) -> None:
        """End the wait in ``take``, or the next one: the detector has an answer. From any thread."""
        with self._changed:
            self._nudged = True
            self._changed.notify_all()

    def set_eventful(self, camera_id: str, eventful: bool) -> None:
        """Say whether something happens in front of a camera: its frames then go before the others'."""
        with self._changed:
            self._cameras[camera_id].turns.eventful = eventful

    def note_detected(self, camera_id: str, inference_ms: float) -> None:
        """Count a frame that the model saw."""
        now_s = self._clock.mono_s()
        with self._changed:
            camera = self._cameras[camera_id]
            camera.detected += 1
            camera.detected_rate.add(now_s)
            camera.inference_ms = inference_ms
        camera.count_detected()

    def note_still(self, camera_id: str) -> None:
        """Count a frame that was not worth the model's look."""
        with self._changed:
            camera = self._cameras[camera_id]
            camera.still += 1
        camera.count_still()

    def set_scene(self, scene: Scene) -> None:
        """Publish the outcome of an analysed frame."""
        with self._changed:
            self._cameras[scene.camera_id].scene = scene

    def listen(self, listener: Callable[[str], None]) -> None:
        """Be told of every new frame: called with the camera's id, in ingest's thread; must not block or raise."""
        with self._changed:
            self._listeners = (*self._listeners, listener)

    # --- readers -----------------------------------------------------------------------------------------------

    def newest(self, camera_id: str) -> Frame | None:
        """The newest frame, or None before the first.

        Raises:
            UnknownCamera: there is none of this id.
        """
        with self._changed:
            return self._cameras[camera_id].newest

    def scene(self, camera_id: str) -> Scene | None:
        """The outcome of the newest analysed frame, or None.

        Raises:
            UnknownCamera: there is none of this id.
        """
        with self._changed:
            return self._cameras[camera_id].scene

    def viewer(self, camera_id: str, change: int) -> int:
        """Count a viewer in (+1) or out (-1).

        Returns:
            How many watch this camera now.

        Raises:
            UnknownCamera: somebody comes to a camera that is not there; to leave one is always possible.
        """
        with self._changed:
            if change < 0 and camera_id not in self._cameras:
                return 0
            camera = self._cameras[camera_id]
            camera.viewers += change
            self._metrics.viewers.labels(camera_id).set(camera.viewers)
            return camera.viewers

    def state(self, camera_id: str) -> CameraState:
        """Whether the camera sends frames now.

        Raises:
            UnknownCamera: there is none of this id.
        """
        with self._changed:
            return self._state(self._cameras[camera_id], self._clock.mono_s())

    def _state(self, camera: _Camera, now_s: float) -> CameraState:
        if camera.newest is None:
            return CameraState.WAITING
        silent_s = now_s - camera.newest.received_mono_s
        return CameraState.ONLINE if silent_s < camera.offline_after_s else CameraState.OFFLINE

    def status(self, camera_id: str) -> CameraStatus:
        """Everything known of a camera at this moment.

        Raises:
            UnknownCamera: there is none of this id.
        """
        now_s = self._clock.mono_s()
        with self._changed:
            return self._status(self._cameras[camera_id], now_s)

    def statuses(self) -> list[CameraStatus]:
        """Everything known of every camera at this moment, in the order they were added."""
        now_s = self._clock.mono_s()
        with self._changed:
            return [self._status(camera, now_s) for camera in self._cameras.values()]

    def _status(self, camera: _Camera, now_s: float) -> CameraStatus:
        state = self._state(camera, now_s)
        frame, scene = camera.newest, camera.scene
        present = Counter(track.label for track in scene.tracks) if scene and state is CameraState.ONLINE else {}
        return CameraStatus(
            camera_id=camera.id,
            name=camera.name,
            state=state,
            last_frame_unix_s=frame.received_unix_s if frame else None,
            frame_age_ms=(now_s - frame.received_mono_s) * 1000 if frame else None,
            width_px=frame.width_px if frame else None,
            height_px=frame.height_px if frame else None,
            fps=camera.received_rate.per_s(now_s),
            detect_fps=camera.detected_rate.per_s(now_s),
            inference_ms=camera.inference_ms,
            received=camera.seq,
            detected=camera.detected,
            still=camera.still,
            dropped=camera.dropped,
            rejected=MappingProxyType(dict(camera.rejected)),
            viewers=camera.viewers,
            motion=bool(scene and scene.motion and state is CameraState.ONLINE),
            present=MappingProxyType(dict(present)),
            hello=camera.hello,
            telemetry=camera.telemetry,
            eventful=camera.turns.eventful,
            brightness=scene.brightness if scene and state is CameraState.ONLINE else None,
            adaptation=camera.adaptation,
        )

    def close(self) -> None:
        """Wake everybody who waits; every later wait ends at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
