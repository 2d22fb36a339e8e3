"""``espcam-bridge simulate``: acts as ESP32-CAM boards."""

from __future__ import annotations

import hashlib
import re
import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit, urlunsplit

from bridge.errors import UsageError
from bridge.runtime.clock import SystemClock
from bridge.simulate.camera import dial, dial_as_sketch
from bridge.simulate.fleet import Fleet
from bridge.simulate.messages import ABILITIES
from bridge.simulate.source import is_webcam, open_source
from bridge.simulate.twin import Esp32Twin, Looks, SketchTwin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.simulate.source import Source
    from bridge.simulate.twin import Twin

_PATH = re.compile(r"(?P<base>.*/ws)(?:/(?P<camera_id>[a-z0-9_]{1,32}))?/?")
_DEFAULT_CAMERA = "camera"
_MAX_ID_CHARS = 32


@dataclass(frozen=True, slots=True)
class SimulateOptions:
    """What the command line says.

    Attributes:
        url: ``ws://HOST:3001/ws/ID``; with several cameras they are called ``ID_1``, ``ID_2``, ...
        source: see ``open_source``.
        fps: pictures a second; None: the footage's own rate.
        cameras: how many boards.
        token: their secret; None: each shows a key of its own, as the firmware does.
        duration_s: stop after this time; None: play on.
        loop: begin the footage anew at its end.
        legacy: speak as the first sketch does.
        looks: what the boards are, lack, and what goes wrong with them.
    """

    url: str
    source: str
    fps: float | None = None
    cameras: int = 1
    token: str | None = None
    duration_s: float | None = None
    loop: bool = True
    legacy: bool = False
    looks: Looks = field(default_factory=Looks)


def run(options: SimulateOptions) -> int:
    """Send the footage until it ends, the time is over, or Ctrl-C.

    Returns:
        The exit code: 0; 1 when the link of a ``legacy`` camera closed, since that one never dials again.

    Raises:
        UsageError: the options do not fit together.
        SourceError: the footage cannot be read.
    """
    _check(options)
    fleet = Fleet(_twins(options), duration_s=options.duration_s)
    with _stop_on_signals() as stop:
        fleet.run(stop)
    return 1 if fleet.failed else 0


def board_key(camera_id: str) -> str:
    """The key that the board of that name shows as its token when it was given none.

    Boards make theirs at random and keep it; ours is made from the name, so that it is the same at every start.
    """
    return hashlib.sha256(f"espcam-bridge simulate {camera_id}".encode()).hexdigest()[:32]


def camera_urls(url: str, cameras: int) -> dict[str, str]:
    """The URL of each camera by its id; one camera keeps the URL as it was given.

    Raises:
        UsageError: it is no URL of a camera link.
    """
    parts = _split(url)
    match = _PATH.fullmatch(parts.path)
    if parts.scheme not in {"ws", "wss"} or not parts.hostname or match is None:
        raise UsageError(f"{url} is no camera link; write ws://HOST:3001/ws/ID (ID: a-z, 0-9 and _, at most 32)")
    camera_id = match["camera_id"] or _DEFAULT_CAMERA
    if cameras == 1:
        return {camera_id: url}
    if len(f"{camera_id}_{cameras}") > _MAX_ID_CHARS:
        raise UsageError(f"{camera_id}_{cameras} is too long for a camera's id; at most {_MAX_ID_CHARS} characters")
    ids = [f"{camera_id}_{number}" for number in range(1, cameras + 1)]
    return {name: urlunsplit(parts._replace(path=f"{match['base']}/{name}")) for name in ids}


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # checked only when it is asked for
    except ValueError as error:
        raise UsageError(f"{url} is no URL: {error}") from error
    return parts


def _check(options: SimulateOptions) -> None:
    if options.cameras < 1:
        raise UsageError("--cameras must be at least 1")
    if options.fps is not None and options.fps <= 0:
        raise UsageError("--fps must be above 0")
    if options.duration_s is not None and options.duration_s <= 0:
        raise UsageError("--duration must be above 0 (seconds)")
    if options.cameras > 1 and is_webcam(options.source):
        raise UsageError("a webcam can play only one camera; leave --cameras out")
    if options.legacy and options.token:
        raise UsageError("--legacy sends no credentials; leave --token out")
    if options.legacy and options.url.startswith("wss:"):
        raise UsageError("--legacy speaks no TLS; write ws:// instead of wss://")
    if options.legacy and options.looks != Looks():
        raise UsageError("--legacy is a board of its own; leave out what describes another: --without, --weak, ...")
    if strange := options.looks.lacks.difference(ABILITIES):
        raise UsageError(f"--without {', '.join(sorted(strange))}: choose from {', '.join(ABILITIES)}")


def _twins(options: SimulateOptions) -> list[Twin]:
    urls = camera_urls(options.url, options.cameras)
    return [
        _twin(options, camera_id, url, _open(options, place)) for place, (camera_id, url) in enumerate(urls.items())
    ]


def _open(options: SimulateOptions, place: int) -> Source:
    # Looping cameras begin at different places of the footage. One pass must be a whole one: it begins at the start.
    start = place / options.cameras if options.loop else 0.0
    return open_source(options.source, loop=options.loop, start=start)


def _twin(options: SimulateOptions, camera_id: str, url: str, source: Source) -> Twin:
    clock = SystemClock()
    if options.legacy:
        return SketchTwin(camera_id, source, dial=partial(dial_as_sketch, url), clock=clock, fps=options.fps)
    return Esp32Twin(
        camera_id,
        source,
        dial=partial(dial, url, options.token or board_key(camera_id)),
        clock=clock,
        fps=options.fps,
        looks=options.looks,
    )


@contextmanager
def _stop_on_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set; outside the main thread nobody sets it."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
