"""A real Chromium looking at a real web server over a store that the test feeds."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pytest

from bridge.frames import codec
from bridge.frames.opencv import cv2
from bridge.frames.store import FrameStore
from bridge.model import Scene, Track
from bridge.runtime.clock import SystemClock
from bridge.runtime.metrics import Metrics
from bridge.runtime.worker import Supervisor
from bridge.serve.fake import FakeAdoption, FakeBridge, FakePastEvents, FakeUpdates
from bridge.serve.http import HttpSettings, WebServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

    from bridge.model import Image
    from bridge.serve.site import PastEvents

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def scene(step: int) -> Image:
    """A garden, more or less, in which somebody walks to the right, a step a frame."""
    image = np.zeros((480, 640, 3), np.uint8)
    image[:300] = np.linspace((235, 206, 160), (250, 240, 225), 300)[:, None]
    image[300:] = np.linspace((90, 150, 100), (60, 110, 70), 180)[:, None]
    cv2.rectangle(image, (420, 150), (600, 320), (110, 130, 165), -1)
    x = 40 + 12 * step % 560
    cv2.circle(image, (x, 200), 22, (150, 180, 225), -1)
    cv2.rectangle(image, (x - 26, 224), (x + 26, 380), (120, 70, 60), -1)
    return image


@dataclass
class Site:
    """A running server.

    Attributes:
        server: the server behind the page.
        store: where frames go.
        bridge: what the server asks about the bridge.
        adoption: who waits to be approved.
        updates: cameras' firmware.
        past: what happened before.
    """

    server: WebServer
    store: FrameStore
    bridge: FakeBridge
    adoption: FakeAdoption
    updates: FakeUpdates
    past: FakePastEvents
    _feeding: list[threading.Event] = field(default_factory=list)

    def add(self, camera_id: str, name: str = "") -> None:
        """A camera that has not sent anything; offline after 1.5 s of silence."""
        self.store.add_camera(camera_id, name=name, offline_after_s=1.5)

    def feed(self, camera_id: str, fps: float = 10) -> threading.Event:
        """Let a camera send, with a person in every picture, until the event is set."""
        stop = threading.Event()

        def run() -> None:
            step = 0
            while not stop.wait(1 / fps):
                x = (40 + 12 * step % 560) / 640
                track = Track(1, "person", 0.87, (x - 0.06, 0.36, x + 0.06, 0.81), 5)
                self.store.set_scene(Scene(camera_id, step, time.monotonic(), (track,)))
                self.store.put(camera_id, codec.encode(scene(step)), 640, 480)
                step += 1

        threading.Thread(target=run, name=f"feed-{camera_id}", daemon=True).start()
        self._feeding.append(stop)
        return stop

    def stop_feeding(self) -> None:
        """Let the cameras fall silent."""
        for stop in self._feeding:
            stop.set()
        time.sleep(0.3)  # a picture may be in the making

    def stop(self) -> bool:
        """Let the cameras fall silent and stop the server."""
        for stop in self._feeding:
            stop.set()
        return self.server.stop()


class SiteFactory(Protocol):
    """See the fixture ``make_site``."""

    def __call__(self, port: int = 0, events: PastEvents | None = None, **settings: Any) -> Site: ...  # noqa: ANN401 - by name


@pytest.fixture
def make_site() -> Iterator[SiteFactory]:
    """Start servers without cameras: ``site = make_site(password="geheim")``."""
    sites: list[Site] = []

    def make(port: int = 0, events: PastEvents | None = None, **settings: Any) -> Site:  # noqa: ANN401 - by name
        clock, metrics, bridge = SystemClock(), Metrics(), FakeBridge(facts={"version": "1.2.3"})
        store, adoption, updates = FrameStore(clock, metrics), FakeAdoption(), FakeUpdates()
        past = FakePastEvents()
        server = WebServer(
            HttpSettings(host="127.0.0.1", port=port, **settings),
            bridge,
            adoption=adoption,
            updates=updates,
            store=store,
            metrics=metrics,
            clock=clock,
            supervisor=Supervisor(),
            events=events or past,
        )
        server.start()
        sites.append(Site(server, store, bridge, adoption, updates, past))
        return sites[-1]

    yield make
    for site in sites:
        assert site.stop()


@pytest.fixture
def site(make_site: SiteFactory) -> Site:
    """A server that lets everybody in, without cameras."""
    return make_site()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed: sudo apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Tab:
    """An open page, and everything that went wrong in it."""

    page: Page
    errors: list[str]

    def tile(self, camera_id: str) -> str:
        """The selector of a camera's tile."""
        return f'.tile[data-camera="{camera_id}"]'

    def fingerprint(self, camera_id: str) -> int:
        """A number for what the tile's picture shows at this moment; -1 when it shows none."""
        return int(self.page.evaluate(_FINGERPRINT, self.tile(camera_id)))

    def wait_live(self, camera_id: str, timeout_s: float = 10) -> None:
        """Wait until the picture is there and changes."""
        first = self._wait_other(camera_id, -1, timeout_s)
        self._wait_other(camera_id, first, timeout_s)

    def _wait_other(self, camera_id: str, than: int, timeout_s: float) -> int:
        deadline_s = time.monotonic() + timeout_s
        while (seen := self.fingerprint(camera_id)) in {than, -1}:
            if time.monotonic() > deadline_s:
                pytest.fail(f"the picture of {camera_id} does not change")
            self.page.wait_for_timeout(30)
        return seen


# Draws the tile's picture small and adds its pixels up, each with a weight of its own.
_FINGERPRINT = """(selector) => {
  const image = document.querySelector(selector + " img.live");
  if (!image || image.hidden || !image.naturalWidth) return -1;
  const canvas = document.createElement("canvas");
  canvas.width = 64;
  canvas.height = 48;
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0, 64, 48);
  return pen.getImageData(0, 0, 64, 48).data.reduce((sum, value, at) => (sum * 31 + value * (at % 97)) % 1000003, 7);
}"""


class TabFactory(Protocol):
    """See the fixture ``open_tab``."""

    def __call__(self, site: Site, *, path: str = "/", **context: Any) -> Tab: ...  # noqa: ANN401 - playwright's


@pytest.fixture
def open_tab(chromium: Browser) -> Iterator[TabFactory]:
    """Open the page: ``tab = open_tab(site, viewport={"width": 390, "height": 844})``; with ``login`` sign in first."""
    contexts: list[BrowserContext] = []

    def make(site: Site, *, path: str = "/", **context: Any) -> Tab:  # noqa: ANN401 - playwright's
        login = context.pop("login", None)
        contexts.append(chromium.new_context(**context))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
        page.goto(f"http://127.0.0.1:{site.server.port}{path}")
        if login is not None:
            page.get_by_label("User name").fill(login["username"])
            page.get_by_label("Password").fill(login["password"])
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(f"**{path}")
        return Tab(page, errors)

    yield make
    for context in contexts:
        context.close()
