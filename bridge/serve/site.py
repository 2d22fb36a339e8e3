"""What the routes reach: the settings, the store, the history, and what the bridge tells the web about itself."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from bridge.errors import UnknownCamera
from bridge.serve.broadcast import Broadcaster
from bridge.serve.figures import Figures
from bridge.serve.guard import Gatekeeper
from bridge.serve.live import LiveView, StreamOptions
from bridge.serve.news import NewsRoom
from bridge.serve.seats import Seats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from bridge.frames.store import FrameStore
    from bridge.model import Event, EventPage, EventQuery, PictureKind, Readiness, UpdateStatus
    from bridge.runtime.clock import Clock
    from bridge.runtime.metrics import Metrics
    from bridge.runtime.worker import Supervisor


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The server's certificate: PEM files; ``cert_file`` may hold the chain behind it."""

    cert_file: Path
    key_file: Path


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where the web listens and whom it lets in.

    Attributes:
        host: address to listen on; ``0.0.0.0`` and ``::`` mean all.
        port: 0 takes a free one (tests).
        public_url: how people reach it, when that is not ``http://host:port`` (a proxy in front).
        username: for Basic; None means ``admin``.
        password: plain text or a hash of ``espcam-bridge password``; None leaves the door open (unless a token is set).
        api_token: for scripts.
        viewer_username: likewise for somebody who sees and changes nothing; None means ``viewer``.
        viewer_password: theirs; None: there is no such account.
        viewer_token: for scripts and dashboards that only look.
        session_days: for so long somebody stays signed in.
        trusted_proxies: addresses and networks whose ``X-Forwarded-…`` and ``X-Ingress-Path`` are believed.
        ingress: who comes through Home Assistant's ingress is signed in by it.
        max_viewers: live streams at a time, over all cameras.
        tls: None serves plain HTTP.
        disk: a folder whose disk fills with events; its room is shown.
    """

    host: str = "0.0.0.0"  # noqa: S104 - browsers and Home Assistant reach it from other machines
    port: int = 8080
    public_url: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    api_token: str | None = field(default=None, repr=False)
    viewer_username: str | None = None
    viewer_password: str | None = field(default=None, repr=False)
    viewer_token: str | None = field(default=None, repr=False)
    session_days: int = 30
    trusted_proxies: tuple[str, ...] = ()
    ingress: bool = False
    max_viewers: int = 64
    tls: TlsFiles | None = None
    disk: Path | None = None


class BridgeView(Protocol):
    """What the web asks of the bridge besides frames; must be thread-safe and quick (but for ``set_control``)."""

    def readiness(self) -> Sequence[Readiness]:
        """Every part that ``/readyz`` names (broker, detector, ingest)."""

    def info(self) -> Mapping[str, object]:
        """Version, runtime, model, device and the like; JSON values, no secrets.

        The page reads ``version``, ``ingest_port`` and ``ingest_tls`` (for the address that a camera dials).
        """

    def stream_options(self, camera_id: str) -> StreamOptions:
        """How this camera is shown."""

    def controls(self, camera_id: str) -> Mapping[str, Any]:
        """What can be set for this camera, and how it is set now; JSON values.

        Returns:
            ``values``: what is in force, by control; one whose value nobody knows yet is left out.
            ``offers``: the names of the controls, in the order in which they are shown.
            ``framesizes``: the names that ``framesize`` takes, smallest first.
            ``ranges``: ``{min, max, step}`` of the controls that take a number.
        """

    def reload(self) -> Sequence[str]:
        """Take up the configuration as it is now.

        Returns:
            The keys for which the bridge begins anew; empty when everything is in force.

        Raises:
            ConfigError: it is wrong; nothing has changed.
        """

    def settings(self, camera_id: str) -> Mapping[str, Any]:
        """What the configuration says of a camera, as JSON values; no secrets. May raise ConfigError."""

    def change_settings(self, camera_id: str, change: Mapping[str, Any]) -> Sequence[str]:
        """Write a change of a camera's settings into the configuration and take it up; as ``reload`` otherwise.

        Args:
            camera_id: whose.
            change: keys of the camera with their values; a mapping is merged, None takes a key out.
        """

    def set_control(self, camera_id: str, name: str, value: object) -> None:
        """Set a control and wait until it took effect: up to 6 s, and not while the bridge stops.

        The only one of these methods that may take its time: a camera is asked over Wi-Fi.

        Args:
            camera_id: a camera that the store knows.
            name: whatever somebody called a control.
            value: a bool, a finite number or a text.

        Raises:
            ControlRefused: it did not take effect; the message says why (no such control, a value that it does not
                take, a camera that is away or does not answer) and what would.
        """


class AdoptionView(Protocol):
    """Who waits to be approved; must be thread-safe. What changes something may raise ``AdoptionRefused``."""

    def waiting(self) -> list[dict[str, Any]]:
        """Everybody who waits, as JSON values."""

    def picture(self, camera_id: str) -> bytes | None:
        """What a camera that waits has shown, a JPEG."""

    def approve(self, camera_id: str, name: str = "") -> dict[str, Any]:
        """Let a camera in that waits; gives ``id``, ``name`` and ``bound_to_key``."""

    def dismiss(self, camera_id: str) -> None:
        """Forget a camera that waits, until it comes again."""

    def remove(self, camera_id: str) -> None:
        """Take an adopted camera out."""


class UpdateView(Protocol):
    """Cameras' firmware; must be thread-safe."""

    def status(self, camera_id: str) -> UpdateStatus | None:
        """How it stands with a camera's firmware; None when it cannot be updated."""

    def install(self, camera_id: str) -> UpdateStatus:
        """Have a camera take the newest; raises ``UpdateRefused``."""


class PastEvents(Protocol):
    """What the web asks of the history; must be thread-safe.

    Every method may raise ``HistoryError``: nothing can be read now.
    """

    def page(self, query: EventQuery) -> EventPage:
        """Up to ``query.limit`` events that fit, newest first.

        Raises:
            ValueError: ``query.cursor`` is not one of its own; the message says why.
        """

    def count(self, query: EventQuery) -> int:
        """How many events fit; ``limit`` and ``cursor`` do not count."""

    def first_unix_s(self, query: EventQuery) -> float | None:
        """When the oldest event that fits began; None when none does."""

    def get(self, event_id: str) -> Event | None:
        """One event; None when there is none of this id."""

    def stream(self, query: EventQuery) -> Iterator[Event]:
        """All events that fit, newest first, in constant memory; ``limit`` and ``cursor`` do not count.

        A reader who leaves early drops the iterator: nothing may wait for its end.
        """

    def picture(self, event_id: str, kind: PictureKind) -> bytes | None:
        """The newest such picture of an event, a JPEG; None when there is none, or not any more."""


class Site:
    """What every route may reach; thread-safe.

    Args:
        settings: of the web.
        bridge: readiness, information and the cameras' stream options.
        adoption: who waits to be approved.
        updates: cameras' firmware.
        store: frames, tracks and states.
        metrics: for ``/metrics``.
        clock: the time.
        supervisor: told when the thread that sends the streams dies.
        events: the history; None while none is kept.
        secret: signs sessions; empty: one that ends with the bridge.
        news_of: what open pages are kept up to date with, by kind, as JSON values.
    """

    def __init__(
        self,
        settings: HttpSettings,
        bridge: BridgeView,
        *,
        adoption: AdoptionView,
        updates: UpdateView,
        store: FrameStore,
        metrics: Metrics,
        clock: Clock,
        supervisor: Supervisor,
        events: PastEvents | None = None,
        secret: bytes = b"",
        news_of: Callable[[Site], Mapping[str, Any]] = lambda _site: {},
    ) -> None:
        self.settings = settings
        self.gatekeeper = Gatekeeper(settings, secret or secrets.token_bytes(32), clock)
        self.bridge = bridge
        self.adoption = adoption
        self.updates = updates
        self.events = events
        self.store = store
        self.metrics = metrics
        self.clock = clock
        self.seats = Seats(settings.max_viewers)
        self.streams = Broadcaster(store, self.seats, clock, supervisor)
        self.news = NewsRoom(lambda: news_of(self), clock, supervisor)
        self.figures = Figures(store, metrics, clock, settings.disk)
        # Half the cores at most: the other half is for inference.
        workers = max(1, min(4, (os.cpu_count() or 1) // 2))
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="web-pictures")
        self._views: dict[tuple[str, bool], LiveView] = {}  # by camera, with boxes or without
        self._lock = threading.Lock()

    def view(self, camera_id: str, *, boxes: bool = True) -> LiveView:
        """The camera's live view, by its stream options as they are now.

        Args:
            camera_id: which camera.
            boxes: False: none are drawn, whatever the options say.

        Raises:
            UnknownCamera: there is none of this id.
        """
        if camera_id not in self.store.camera_ids():
            raise UnknownCamera(camera_id)
        options = self.bridge.stream_options(camera_id)
        options = options if boxes else replace(options, annotate=False)
        with self._lock:
            view = self._views.get((camera_id, boxes))
            if view is None:
                view = LiveView(self.store, camera_id, options, self.clock, self._pool)
                self._views[camera_id, boxes] = view
            changed = view.take_up(options)
        if changed:
            self.streams.refresh(camera_id)
        return view

    def take_up(self, settings: HttpSettings) -> None:
        """Go on by changed rules; who watches goes on watching."""
        self.settings = settings
        self.gatekeeper.take_up(settings)
        self.seats.limit = settings.max_viewers
        with self._lock:
            watched = tuple(self._views)
        for camera_id, boxes in watched:
            with contextlib.suppress(UnknownCamera):
                self.view(camera_id, boxes=boxes)

    def forget(self, camera_id: str) -> None:
        """A camera was removed: nobody watches it any more."""
        with self._lock:
            for boxes in (True, False):
                self._views.pop((camera_id, boxes), None)
        self.streams.evict(camera_id)

    def close(self) -> None:
        """Let go of the threads that make pictures; only once nobody asks for any."""
        self._pool.shutdown()
