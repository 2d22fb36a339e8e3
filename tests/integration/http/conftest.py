"""A real web server on 127.0.0.1 over a store that the test feeds, and plain HTTP to ask it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pytest

from bridge.frames import codec
from bridge.frames.store import FrameStore
from bridge.model import Event, PictureKind, Scene, Track
from bridge.runtime.clock import SystemClock
from bridge.runtime.metrics import Metrics
from bridge.runtime.worker import Supervisor
from bridge.serve.fake import FakeAdoption, FakeBridge, FakePastEvents, FakeUpdates
from bridge.serve.http import HttpSettings, WebServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.model import Frame
    from bridge.serve.http import PastEvents

LOCAL = HttpSettings(host="127.0.0.1", port=0)


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - that is what JSON is
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Site:
    """A running server and everything around it.

    Attributes:
        server: the server under test.
        store: where ``send`` puts frames; it has the camera ``door`` (offline after 1 s).
        bridge: what the server asks about the bridge.
        updates: what it asks about cameras' firmware.
    """

    server: WebServer
    store: FrameStore
    bridge: FakeBridge
    supervisor: Supervisor
    updates: FakeUpdates
    _feeding: list[threading.Event] = field(default_factory=list)

    def get(self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes = b"") -> Reply:
        """Ask once, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=5)
        try:
            connection.request(method, path, body=body or None, headers=dict(headers or {}))
            response = connection.getresponse()
            return Reply(response.status, {key.lower(): value for key, value in response.getheaders()}, response.read())
        finally:
            connection.close()

    def send(self, shade: int = 100, camera_id: str = "door") -> Frame:
        """Let a camera send one QVGA picture of this shade of grey."""
        return self.store.put(camera_id, codec.encode(np.full((240, 320, 3), shade, np.uint8)), 320, 240)

    def show_person(self, camera_id: str = "door") -> None:
        """Let the analysis see a person in the middle, now."""
        track = Track(1, "person", 0.9, (0.25, 0.25, 0.75, 0.75), 5)
        self.store.set_scene(Scene(camera_id, 1, time.monotonic(), (track,)))

    def feed(self, fps: float, camera_id: str = "door", *, person: bool = False) -> threading.Event:
        """Let a camera send at this rate until the event that is returned is set, or the test ends."""
        stop = threading.Event()

        def run() -> None:
            count = 0
            due_s = time.monotonic()
            while not stop.wait(max(0.0, due_s - time.monotonic())):
                if person:
                    self.show_person(camera_id)
                self.send(count * 7 % 250, camera_id)
                count += 1
                due_s += 1 / fps

        threading.Thread(target=run, name="feed", daemon=True).start()
        self._feeding.append(stop)
        return stop

    def viewers(self, camera_id: str = "door") -> int:
        """How many watch this camera, as the store counts."""
        return self.store.status(camera_id).viewers

    def stop_feeding(self) -> None:
        """Let every camera fall silent."""
        for stop in self._feeding:
            stop.set()


class SiteFactory(Protocol):
    """See the fixture ``make_site``."""

    def __call__(
        self,
        settings: HttpSettings = LOCAL,
        *,
        events: PastEvents | None = None,
        **changes: Any,  # noqa: ANN401 - settings by name
    ) -> Site: ...


@pytest.fixture
def make_site() -> Iterator[SiteFactory]:
    """Start servers: ``site = make_site(password="geheim")``; they stop with the test, and must stop cleanly."""
    sites: list[Site] = []

    def make(
        settings: HttpSettings = LOCAL,
        *,
        events: PastEvents | None = None,
        **changes: Any,  # noqa: ANN401 - settings by name
    ) -> Site:
        clock, metrics, supervisor, bridge = SystemClock(), Metrics(), Supervisor(), FakeBridge()
        updates = FakeUpdates()
        store = FrameStore(clock, metrics)
        store.add_camera("door", name="Front door", offline_after_s=1.0)
        server = WebServer(
            replace(settings, **changes),
            bridge,
            adoption=FakeAdoption(),
            updates=updates,
            store=store,
            metrics=metrics,
            clock=clock,
            supervisor=supervisor,
            events=events,
        )
        server.start()
        sites.append(Site(server, store, bridge, supervisor, updates))
        return sites[-1]

    yield make
    for site in sites:
        site.stop_feeding()
        assert site.server.stop(), "a thread did not end in time"
        assert not site.supervisor.stopping, "a thread crashed"


@pytest.fixture
def site(make_site: SiteFactory) -> Site:
    """A server that lets everybody in."""
    return make_site()


NOON_UNIX_S = 1_764_072_000.0  # 2025-11-25T12:00:00Z


class Past(FakePastEvents):
    """A history that a test fills."""

    def happened(self, minute: float = 0, *, picture: bytes = b"", **changes: Any) -> Event:  # noqa: ANN401 - by name
        """Add a person at the door, for 12.5 s, so many minutes after noon; with both pictures when there is one."""
        start_unix_s = NOON_UNIX_S + 60 * minute
        attributes: dict[str, Any] = {
            "id": f"{round(start_unix_s * 1000):013d}-{len(self.events):06x}",
            "camera_id": "door",
            "label": "person",
            "score": 0.7,
            "top_score": 0.9,
            "box_xyxy_norm": (0.25, 0.125, 0.75, 1.0),
            "start_unix_s": start_unix_s,
            "end_unix_s": start_unix_s + 12.5,
            "frame_unix_s": start_unix_s + 17.5,
            "frame_mono_s": 0.0,
            "has_thumbnail": bool(picture),
            "has_snapshot": bool(picture),
        }
        event = Event(**attributes | changes)
        self.events.append(event)
        if picture:
            self.pictures[event.id, PictureKind.THUMBNAIL] = picture
            self.pictures[event.id, PictureKind.SNAPSHOT] = b"whole " + picture
        return event

    def ended(self, event: Event) -> None:
        """Let an event that lasts end 12.5 s after it began."""
        self.events.remove(event)
        self.events.append(replace(event, end_unix_s=event.start_unix_s + 12.5))


@pytest.fixture
def past() -> Past:
    """A history without events yet."""
    return Past()


class StreamReader:
    """Reads a live stream as an ordinary client does: by ``Content-Length``.

    Args:
        port: of the server on 127.0.0.1.
        path: of the stream.
    """

    def __init__(self, port: int, path: str = "/cameras/door/stream.mjpg") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        self._connection.request("GET", path)
        self.response = self._connection.getresponse()
        self._begun = False

    def read(self) -> bytes:
        """The next picture.

        Raises:
            EOFError: the stream ended.
        """
        if not self._begun:
            self._begun = self.response.readline() == b"--frame\r\n"
        headers = {}
        while line := self.response.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name] = value
        if not headers:
            raise EOFError
        jpeg = self.response.read(int(headers["Content-Length"]))
        assert self.response.readline() == b"\r\n"
        assert self.response.readline() == b"--frame\r\n"
        return jpeg

    def read_for(self, seconds: float) -> list[bytes]:
        """Every picture that comes within this time."""
        end_s = time.monotonic() + seconds
        pictures = []
        while time.monotonic() < end_s:
            pictures.append(self.read())
        return pictures

    def close(self) -> None:
        """Leave."""
        self.response.close()
        self._connection.close()


class StreamFactory(Protocol):
    """See the fixture ``watch``."""

    def __call__(self, site: Site, path: str = "/cameras/door/stream.mjpg") -> StreamReader: ...


@pytest.fixture
def watch() -> Iterator[StreamFactory]:
    """Open live streams: ``viewer = watch(site)``; they leave with the test."""
    readers: list[StreamReader] = []

    def make(site: Site, path: str = "/cameras/door/stream.mjpg") -> StreamReader:
        readers.append(StreamReader(site.server.port, path))
        return readers[-1]

    yield make
    for reader in readers:
        reader.close()
