"""The sink of the pipeline: takes the stages' values, makes messages of them and hands them to the broker's link."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from bridge.model import ChangeType
from bridge.publish import controls, letters, messages
from bridge.publish.announcer import BRIDGE, Announcer
from bridge.publish.echoes import Echoes
from bridge.publish.entities import bridge_device, camera_device, camera_slugs
from bridge.publish.link import BrokerLink
from bridge.publish.messages import LabelSlugs, Message
from bridge.publish.mqtt import PahoConnection
from bridge.publish.reception import Reception
from bridge.runtime.memory import Memory, ShortMemory
from bridge.runtime.worker import Supervisor, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from bridge.model import CameraStatus, Control, ControlValue, EventChange, Letter, Readiness, UpdateStatus
    from bridge.publish.commands import Command
    from bridge.publish.connection import Connection
    from bridge.publish.settings import PublishedCamera, PublishSettings
    from bridge.runtime.clock import Clock
    from bridge.runtime.metrics import Metrics


class Publisher:
    """Everything that the bridge says over MQTT; all methods are thread-safe and none waits for the network.

    A retained message that would repeat the one before is not sent, so callers may report states as often as they like.

    With a history (``settings.durable``) an event goes another way than ``event``: ``compose`` its messages, write
    each event message to the disk as a ``Letter``, and ``send`` them with the letters' numbers. ``delivered`` is told a
    number once the broker has the message; when that letter has left the disk, say so with ``settled``. Letters that
    were found on the disk are sent with ``restore``, in the order of their numbers and before anything new; best before
    ``start``. Then every event arrives once and in order, whatever dies in between.

    Args:
        settings: where to and under which names.
        clock: for the times of sending and ``latency_ms``.
        metrics: connection, queue length and latency are kept there.
        supervisor: told when the thread crashes.
        delivered: called with the number of each letter that the broker has, from the thread ``mqtt``; must be quick.
        commands: called with each command that comes over the broker, from the thread ``mqtt``; must be quick. None =
            the bridge takes none.
        memory: what was announced to Home Assistant, so that it can be taken back; by default only for this run.
        connect: opens a connection; a test passes a fake.
    """

    def __init__(
        self,
        settings: PublishSettings,
        *,
        clock: Clock,
        metrics: Metrics,
        supervisor: Supervisor,
        delivered: Callable[[int], None] = lambda _number: None,
        commands: Callable[[Command], None] | None = None,
        memory: Memory | None = None,
        connect: Callable[[PublishSettings, Message], Connection] = PahoConnection,
    ) -> None:
        self._settings = settings
        self._base = settings.base_topic
        self._lock = threading.Lock()
        self._cameras: dict[str, PublishedCamera] = {}
        self._slugs: dict[str, LabelSlugs] = {}
        offline = messages.bridge_state(self._base, online=False)
        self._link = BrokerLink(
            lambda: connect(settings, offline),
            offline,
            reception=Reception(self._base, settings.status_topic if settings.discovery else "", commands, clock),
            clock=clock,
            metrics=metrics,
            echoes=Echoes(self._base) if settings.durable else None,
            delivered=delivered,
        )
        self._announcer = Announcer(settings, self._link, memory or ShortMemory(), clock)
        self._worker = Worker("mqtt", self._link.run, supervisor, on_stop=self._link.wake)

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._announcer.announce(BRIDGE, bridge_device(self._settings))
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
        self._link.send(
            [
                messages.availability(self._base, camera.id, online=False),
                messages.motion(self._base, camera.id, on=False),
            ]
        )
        self.update_camera(camera)

    def update_camera(self, camera: PublishedCamera) -> None:
        """A camera is otherwise than announced: other controls are offered, other labels or zones count, it is renamed.

        What is gone goes from Home Assistant, with its states; nobody is at what is new.
        """
        with self._lock:
            before, slugs = self._cameras.get(camera.id), camera_slugs(camera)
            self._cameras[camera.id], self._slugs[camera.id] = camera, slugs
            known = {} if before is None else {m.topic for m in self._empty_states(before, camera_slugs(before))}
            new = [m for m in self._empty_states(camera, slugs) if m.topic not in known]
        self._announcer.announce(camera.id, camera_device(self._settings, camera))
        self._link.send(new)

    def remove_camera(self, camera_id: str, keep: Collection[str]) -> None:
        """A camera is gone: it goes from Home Assistant, with all that the broker holds of it.

        Args:
            camera_id: which.
            keep: the cameras that stay.
        """
        self._link.send([messages.availability(self._base, camera_id, online=False)])
        with self._lock:
            self._cameras.pop(camera_id, None)
            self._slugs.pop(camera_id, None)
        self._announcer.forget_others(keep)

    def forget_others(self, keep: Collection[str]) -> None:
        """Take back all cameras that were announced once, also by an earlier run, and whose ids are not among these."""
        self._announcer.forget_others(keep)

    def _empty_states(self, camera: PublishedCamera, slugs: LabelSlugs) -> list[Message]:
        """Nobody is there, neither in the picture nor in a zone."""
        everywhere = [
            message
            for label in camera.labels
            for message in messages.presence(self._base, camera.id, slugs.slug(label), 0)
        ]
        return [*everywhere, *self._zone_states(camera, slugs, {})]

    def event(self, change: EventChange) -> None:
        """A step in an event's life, kept nowhere but here until the broker has it."""
        self.send(self.compose(change))

    def compose(self, change: EventChange) -> list[Message]:
        """A step in an event's life as messages: its new picture if any, the step itself, at ``new`` also ``detected``.

        The event messages are those of the kind ``EVENT``: they may not be lost.
        """
        event = change.event
        batch: list[Message] = []
        if change.thumbnail_jpeg is not None:
            batch.append(self._thumbnail(event.camera_id, event.id, event.label, change.thumbnail_jpeg))
        # Without a history the page has no past events to show.
        public_url = self._settings.public_url if self._settings.durable else ""
        batch.append(messages.event_change(self._base, change, public_url=public_url))
        if change.type is ChangeType.NEW:
            batch.append(messages.detected(self._base, change, public_url=public_url))
        return batch

    def restore(self, letter: Letter, thumbnail: bytes | None = None) -> list[Message]:
        """A letter from the disk as messages; its camera need not be configured any more.

        Args:
            letter: an event message of ``compose``.
            thumbnail: the picture of its event, JPEG; goes before it when it is a step of the event.
        """
        batch = [letters.restored(letter)]
        told = letters.told(letter)
        label = told.get("label")
        if thumbnail is not None and "type" in told and isinstance(label, str):
            batch.insert(0, self._thumbnail(letter.camera_id, letter.event_id, label, thumbnail))
        return batch

    def send(self, batch: Iterable[Message]) -> None:
        """Queue messages, together and in this order; never blocks."""
        self._link.send(batch)

    def settled(self, numbers: Iterable[int]) -> None:
        """These letters, which were ``delivered``, have left the disk; from any thread, never blocks."""
        self._link.settled(numbers)

    def _thumbnail(self, camera_id: str, event_id: str, label: str, jpeg: bytes) -> Message:
        with self._lock:
            slug = self._slugs.setdefault(camera_id, LabelSlugs()).slug(label)
        return messages.thumbnail(self._base, camera_id, event_id, slug, jpeg)

    def presence(self, camera_id: str, counts: Mapping[str, int]) -> None:
        """How many of each label are there now; a label of the camera that is not in ``counts`` counts as none."""
        with self._lock:
            if camera_id not in self._cameras:  # it has gone
                return
            slugs = self._slugs[camera_id]
            labels = dict.fromkeys([*self._cameras[camera_id].labels, *counts])
            batch = [
                message
                for label in labels
                for message in messages.presence(self._base, camera_id, slugs.slug(label), counts.get(label, 0))
            ]
            self._link.send(batch)

    def zone_presence(self, camera_id: str, counts: Mapping[str, Mapping[str, int]]) -> None:
        """How many of each label are in each zone now (zone → label → how many); what is missing counts as none."""
        with self._lock:
            if camera_id in self._cameras:  # else it has gone
                self._link.send(self._zone_states(self._cameras[camera_id], self._slugs[camera_id], counts))

    def _zone_states(
        self, camera: PublishedCamera, slugs: LabelSlugs, counts: Mapping[str, Mapping[str, int]]
    ) -> list[Message]:
        return [
            messages.zone_presence(self._base, camera.id, zone, slugs.slug(label), counts.get(zone, {}).get(label, 0))
            for zone, labels in camera.zones.items()
            for label in dict.fromkeys(labels)
        ]

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

    def control_state(self, camera_id: str, control: Control, value: ControlValue) -> None:
        """The value that a camera's control has now, once it took effect; a push has none."""
        message = controls.control_state(self._base, camera_id, control, value)
        if message is not None:
            self._link.send([message])

    def update_status(self, camera_id: str, status: UpdateStatus) -> None:
        """How it stands with a camera's firmware."""
        self._link.send([messages.update_status(self._base, camera_id, status)])

    def bridge_telemetry(self, values: Mapping[str, Any]) -> None:
        """The bridge's own figures: ``cameras``, ``cameras_online``, ``inference_ms``, ``uptime_s``, ...

        How many messages wait for the broker (``queue``) is added.
        """
        self._link.send([messages.bridge_telemetry(self._base, {**values, "queue": self._link.waiting})])

    def respond(self, name: str, payload: Mapping[str, Any]) -> None:
        """Answer a request that came over the broker.

        Args:
            name: the request's.
            payload: ``{status, data?, error?, transaction?}``.
        """
        self._link.send([messages.response(self._base, name, payload)])
