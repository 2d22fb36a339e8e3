"""Watches the cameras' state and health and tells whoever wants to know (the broker, the log)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from bridge.model import CameraState
from bridge.runtime.load import LoadWatch
from bridge.runtime.worker import Worker

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from bridge.frames.store import FrameStore
    from bridge.model import CameraStatus
    from bridge.runtime.clock import Clock
    from bridge.runtime.worker import Supervisor

log = logging.getLogger(__name__)

# A camera's coming and going is told within this time.
_PERIOD_S = 0.25
# Home Assistant records every state; every ten seconds is what its own device integrations do at most.
_TELEMETRY_INTERVAL_S = 10.0


class HealthSink(Protocol):
    """Who is told; must not block."""

    def availability(self, camera_id: str, online: bool) -> None:
        """A camera came or went."""

    def telemetry(self, status: CameraStatus) -> None:
        """A camera's health, every few seconds."""

    def info(self, info: Mapping[str, Any]) -> None:
        """What the bridge is: at the start and whenever it changes."""

    def bridge_telemetry(self, values: Mapping[str, Any]) -> None:
        """How the bridge itself is, every few seconds and when a camera comes or goes."""


class HealthMonitor:
    """Looks at every camera a few times a second, in a thread named ``monitor``.

    Args:
        store: whose cameras.
        sink: who is told.
        describe: what the bridge is now (version, model, cameras).
        figures: more figures of the bridge; told at once when one changes.
        clock: where the time comes from.
        supervisor: told when the thread dies.
    """

    def __init__(
        self,
        *,
        store: FrameStore,
        sink: HealthSink,
        describe: Callable[[], Mapping[str, Any]],
        figures: Callable[[], Mapping[str, Any]],
        clock: Clock,
        supervisor: Supervisor,
    ) -> None:
        self._store = store
        self._sink = sink
        self._describe = describe
        self._figures = figures
        self._told_figures: Mapping[str, Any] = {}
        self._clock = clock
        self._states: dict[str, CameraState] = {}
        self._told_mono_s: dict[str, float] = {}
        self._told_bridge_mono_s = float("-inf")
        self._started_mono_s = clock.mono_s()
        self._info: Mapping[str, Any] = {}
        self._load = LoadWatch()
        self._worker = Worker("monitor", self._run, supervisor)

    def start(self) -> None:
        """Start the thread."""
        self._worker.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """Stop the thread."""
        self._worker.stop(timeout_s)

    def look(self) -> None:
        """One round over all cameras."""
        now_s = self._clock.mono_s()
        statuses = self._store.statuses()
        self._look_at_load(now_s, statuses)
        changed = False
        for status in statuses:
            camera_id = status.camera_id
            before = self._states.get(camera_id, CameraState.WAITING)
            came_or_went = status.state is not before
            if came_or_went:
                self._states[camera_id] = status.state
                changed = True
                self._sink.availability(camera_id, status.state is CameraState.ONLINE)
                _log_change(status)
            overdue = now_s - self._told_mono_s.get(camera_id, float("-inf")) >= _TELEMETRY_INTERVAL_S
            if came_or_went or (overdue and status.state is not CameraState.WAITING):
                self._told_mono_s[camera_id] = now_s
                self._sink.telemetry(status)
        figures = self._figures()
        changed = changed or figures != self._told_figures
        if changed or now_s - self._told_bridge_mono_s >= _TELEMETRY_INTERVAL_S:
            self._told_bridge_mono_s = now_s
            self._told_figures = figures
            self._sink.bridge_telemetry({**self._bridge_telemetry(now_s, statuses), **figures})
        info = self._describe()
        if info != self._info:
            self._info = info
            self._sink.info(info)

    def _bridge_telemetry(self, now_s: float, statuses: Sequence[CameraStatus]) -> dict[str, Any]:
        took_ms = [status.inference_ms for status in statuses if status.inference_ms is not None]
        return {
            "cameras": len(statuses),
            "cameras_online": sum(status.state is CameraState.ONLINE for status in statuses),
            "inference_ms": round(sum(took_ms) / len(took_ms), 1) if took_ms else None,
            "viewers": sum(status.viewers for status in statuses),
            "uptime_s": round(now_s - self._started_mono_s),
        }

    def _look_at_load(self, now_s: float, statuses: Sequence[CameraStatus]) -> None:
        done = sum(status.detected + status.still for status in statuses)
        change = self._load.look(now_s, done, sum(status.dropped for status in statuses))
        if change is None:
            return
        if change.behind:
            log.warning(
                "the detector cannot keep up: %.1f looks a second are asked for (detect.max_fps of all cameras), "
                "%.1f are had, every camera alike; lower detect.max_fps or detector.image_size, or let "
                "'espcam-bridge models bench' find a faster model",
                change.promised_per_s,
                change.done_per_s,
            )
        else:
            log.info("the detector keeps up again: %.1f looks a second", change.done_per_s)

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(_PERIOD_S):
            self.look()


def _log_change(status: CameraStatus) -> None:
    if status.state is CameraState.ONLINE:
        log.info("%s is online (%s x %s px)", status.camera_id, status.width_px, status.height_px)
    else:
        log.warning("%s is offline: no frame for %.0f s", status.camera_id, (status.frame_age_ms or 0) / 1000)
