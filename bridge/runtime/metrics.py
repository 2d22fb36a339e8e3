"""Every number that ``/metrics`` shows, under the names of the contract (``prometheus_client`` only here)."""

from __future__ import annotations

import contextlib

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

# Upper bounds in seconds. Inference on the machines we know takes 10 ms (GPU) to 500 ms (Raspberry Pi 3).
_INFERENCE_BUCKETS_S = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 2.0)
_LATENCY_BUCKETS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0, 300.0)


class Metrics:
    """One set of counters a bridge; nothing global, so that tests can run many bridges in one process.

    The members are ``prometheus_client`` metrics and are thread-safe: stages call ``.labels(...).inc()`` on them.
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        camera = ["camera"]
        self.frames_received = Counter("espcam_frames_received", "Frames that arrived", camera, registry=registry)
        self.frames_detected = Counter("espcam_frames_detected", "Frames the model saw", camera, registry=registry)
        self.frames_still = Counter(
            "espcam_frames_still", "Frames not worth the model's look", camera, registry=registry
        )
        self.frames_dropped = Counter(
            "espcam_frames_dropped",
            "Frames that detect.max_fps promised a look and did not get it",
            camera,
            registry=registry,
        )
        self.frames_rejected = Counter(
            "espcam_frames_rejected", "Damaged frames", ["camera", "reason"], registry=registry
        )
        self.inference_seconds = Histogram(
            "espcam_inference_seconds", "One inference call", buckets=_INFERENCE_BUCKETS_S, registry=registry
        )
        self.event_latency_seconds = Histogram(
            "espcam_event_latency_seconds",
            "Frame received to event acknowledged by the broker",
            buckets=_LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.events = Counter("espcam_events", "Event changes", ["camera", "label", "type"], registry=registry)
        self.outbox_messages = Gauge("espcam_outbox_messages", "Messages waiting for the broker", registry=registry)
        self.history_ok = Gauge(
            "espcam_history_ok", "1 while events are kept, 0 while they are only sent", registry=registry
        )
        self.letters_waiting = Gauge(
            "espcam_letters_waiting", "Event messages on the disk that the broker does not have yet", registry=registry
        )
        self.mqtt_connected = Gauge("espcam_mqtt_connected", "1 while the broker is connected", registry=registry)
        self.camera_online = Gauge("espcam_camera_online", "1 while frames arrive", camera, registry=registry)
        self.viewers = Gauge("espcam_viewers", "Open live streams", camera, registry=registry)
        self.camera_rssi_dbm = Gauge("espcam_camera_rssi_dbm", "Wi-Fi signal at the camera", camera, registry=registry)

    def forget_camera(self, camera_id: str) -> None:
        """A camera is gone: what it is now is shown no more; what was counted stays, as counters must."""
        for gauge in (self.camera_online, self.viewers, self.camera_rssi_dbm):
            with contextlib.suppress(KeyError):  # never had one
                gauge.remove(camera_id)

    def value(self, name: str) -> float:
        """What a metric without labels is now; 0 before it was ever set."""
        return self._registry.get_sample_value(name) or 0.0

    def render(self) -> bytes:
        """The text exposition that Prometheus scrapes."""
        return generate_latest(self._registry)
