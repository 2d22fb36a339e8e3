"""The sink of the pipeline: takes the stages' values, makes messages of them and hands them to the broker's link."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from bridge.model import ChangeType
from bridge.publish import messages
from bridge.publish.discovery import bridge_discovery, camera_discovery
from bridge.publish.link import BrokerLink
from bridge.publish.messages import LabelSlugs, Message
from bridge.publish.mqtt import PahoConnection
from bridge.runtime.worker import Supervisor, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.model import CameraStatus, EventChange, Readiness
    from bridge.publish.connection import Connection
    from bridge.publish.settings import PublishedCamera, PublishSettings
    from bridge.runtime.clock import Clock
    from bridge.runtime.metrics import Metrics


class Publisher:
    """Everything that the bridge says over MQTT; all methods are thread-safe and none waits for the network.

    A retained message that would repeat the one before is not sent, so callers may report states as often as they like.

    Args:
        settings: where to and under which names.
        clock: for ``latency_ms``.
        metrics: connection, queue length and latency are kept there.
        supervisor: told when the thread crashes.
        connect: opens a connection; a test passes a fake.
    """

    def __init__(
        self,
        settings: PublishSettings,
        *,
        clock: Clock,
        metrics: Metrics,
        supervisor: Supervisor,
        connect: Callable[[PublishSettings, Message], Connection] = PahoConnection,
    ) -> None:
        self._settings = settings
        self._base = settings.base_topic
        self._clock = clock
        self._lock = threading.Lock()
        self._cameras: dict[str, PublishedCamera] = {}
        self._slugs: dict[str, LabelSlugs] = {}
        self._with_thumbnail: set[str] = set()  # ids of running events whose picture was published
        offline = messages.bridge_state(self._base, online=False)
        self._link = BrokerLink(
            lambda: connect(settings, offline),
            offline,
            status_topic=settings.status_topic if settings.discovery else "",
            clock=clock,
            metrics=metrics,
        )
        self._worker = Worker("mqtt", self._link.run, supervisor, on_stop=self._link.wake)

    def start(self) -> None:
        """Begin to connect; returns at once."""
        if self._settings.discovery:
            self._link.send([bridge_discovery(self._settings)])
        self._link.send([messages.bridge_state(self._base, online=True)])
        self._worker.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Hand over what can be handed over within a second, say ``offline`` and disconnect."""
        self._worker.stop(timeout_s)

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._link.connected

    def status(self) -> Readiness:
        """One line for ``/readyz``: connected, or why not and what mends it."""
        return self._link.status()

    def add_camera(self, camera: PublishedCamera) -> None:
        """Announce a camera: discovery, and its states until something is known (offline, nobody there, no motion)."""
        with self._lock:
            self._cameras[camera.id] = camera
            slugs = self._slugs[camera.id] = LabelSlugs(camera.labels)
        announced = [camera_discovery(self._settings, camera)] if self._settings.discovery else []
        states = [messages.availability(self._base, camera.id, online=False)]
        states.append(messages.motion(self._base, camera.id, on=False))
        for label in camera.labels:
            states.extend(messages.presence(self._base, camera.id, slugs.slug(label), 0))
        self._link.send([*announced, *states])

    def event(self, change: EventChange) -> None:
        """A step in an event's life: its new picture if any, the step itself, and at ``new`` also ``detected``."""
        event = change.event
        latency_ms = (self._clock.mono_s() - event.frame_mono_s) * 1000
        with self._lock:
            batch: list[Message] = []
            if change.thumbnail_jpeg is not None:
                self._with_thumbnail.add(event.id)
                slug = self._slugs[event.camera_id].slug(event.label)
                batch.append(messages.thumbnail(self._base, event, slug, change.thumbnail_jpeg))
            has_thumbnail = event.id in self._with_thumbnail
            batch.append(messages.event_change(self._base, change, has_thumbnail=has_thumbnail, latency_ms=latency_ms))
            if change.type is ChangeType.NEW:
                batch.append(messages.detected(self._base, event))
            elif change.type is ChangeType.END:
                self._with_thumbnail.discard(event.id)
            self._link.send(batch)

    def presence(self, camera_id: str, counts: Mapping[str, int]) -> None:
        """How many of each label are there now; a label of the camera that is not in ``counts`` counts as none."""
        with self._lock:
            slugs = self._slugs[camera_id]
            labels = dict.fromkeys([*self._cameras[camera_id].labels, *counts])
            batch = [
                message
                for label in labels
                for message in messages.presence(self._base, camera_id, slugs.slug(label), counts.get(label, 0))
            ]
            self._link.send(batch)

    def zone_presence(self, camera_id: str, counts: Mapping[str, Mapping[str, int]]) -> None:
        """How many of each label are in each zone now."""

    def motion(self, camera_id: str, on: bool) -> None:
        """Whether anything moves in the camera's picture."""
        self._link.send([messages.motion(self._base, camera_id, on=on)])

    def availability(self, camera_id: str, online: bool) -> None:
        """Whether the camera sends frames."""
        self._link.send([messages.availability(self._base, camera_id, online=online)])

    def snapshot(self, camera_id: str, jpeg: bytes) -> None:
        """The camera's annotated picture."""
        self._link.send([messages.snapshot(self._base, camera_id, jpeg)])

    def telemetry(self, status: CameraStatus) -> None:
        """The camera's health and our figures of it."""
        self._link.send([messages.telemetry(self._base, status)])

    def info(self, info: Mapping[str, Any]) -> None:
        """What the bridge is (runtime, model, cameras, ...); the version is added, secrets are the caller's care."""
        self._link.send([messages.bridge_info(self._base, {"version": self._settings.version, **info})])
