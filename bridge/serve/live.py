"""The live picture of a camera: one annotated encode a frame however many watch, none when nobody does.

Pictures are made on the threads of a small pool. Whoever asks gets the ``Future`` of a frame's picture, everybody the
same one.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from bridge.errors import FrameRejected, UnknownCamera
from bridge.frames import codec
from bridge.model import CameraState
from bridge.serve import annotate, forward, mjpeg

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from bridge.frames.store import FrameStore
    from bridge.model import Frame, Track
    from bridge.runtime.clock import Clock

# Boxes from an analysis this much older than the frame are of somebody who has moved on (2 s of walking is 3 m).
_STALE_BOXES_S = 2.0

# What a "waiting for the first picture" notice measures: VGA, what most boards send.
_NO_FRAME_PX = (640, 480)

_Made: TypeAlias = "Future[LivePicture]"


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """How a camera is shown.

    Attributes:
        max_fps: more frames a second than this are not shown.
        quality: JPEG quality of annotated pictures, 1..100.
        annotate: draw boxes.
        rotate: clockwise, in degrees.
    """

    max_fps: float = 15.0
    quality: int = 80
    annotate: bool = True
    rotate: codec.Rotation = 0


@dataclass(frozen=True, slots=True)
class LivePicture:
    """A picture ready to send.

    Attributes:
        seq: of the frame it was made from; 0 when there was none.
        jpeg: the picture.
        part: the picture as a part of a live stream, cut once for all viewers.
    """

    seq: int
    jpeg: bytes = field(repr=False)
    part: bytes = field(repr=False)

    @classmethod
    def of(cls, seq: int, jpeg: bytes, unix_s: float) -> LivePicture:
        """A picture received (a notice: made) at this moment."""
        return cls(seq, jpeg, mjpeg.part(jpeg, unix_s))


class LiveView:
    """The pictures of one camera, made on demand and shared by all viewers; thread-safe, never waits.

    Args:
        store: where the frames and the newest tracks are.
        camera_id: a camera that the store knows.
        options: how it is shown; may be replaced.
        clock: the time, for notices.
        pool: where pictures are made.
    """

    def __init__(self, store: FrameStore, camera_id: str, options: StreamOptions, clock: Clock, pool: Executor) -> None:
        self.camera_id = camera_id
        self.options = options
        self.encodes = 0
        self._store = store
        self._clock = clock
        self._pool = pool
        self._lock = threading.Lock()
        self._raw: tuple[int, _Made] = (0, Future())
        self._made: tuple[int, _Made] = (0, Future())
        self._notice: tuple[tuple[CameraState, int] | None, _Made] = (None, Future())
        self._last: LivePicture | None = None

    def take_up(self, options: StreamOptions) -> bool:
        """Show the camera otherwise from now on; False when that is how it is shown already."""
        if options == self.options:
            return False
        with self._lock:
            self.options = options
            self._made, self._notice, self._last = (0, Future()), (None, Future()), None
        return True

    @property
    def online(self) -> bool:
        """Whether the camera sends frames now."""
        try:
            return self._store.state(self.camera_id) is CameraState.ONLINE
        except UnknownCamera:  # removed while somebody watches: the stream is about to end
            return False

    @property
    def newest(self) -> Frame | None:
        """The newest frame; None before the first."""
        try:
            return self._store.newest(self.camera_id)
        except UnknownCamera:
            return None

    def picture(self, frame: Frame, *, raw: bool = False) -> Future[LivePicture]:
        """The picture of a frame, or of a newer one that somebody asked for already.

        Args:
            frame: one of this camera's.
            raw: the camera's bytes as they were sent.

        Returns:
            The picture to come (there already when nothing is to be drawn); ``FrameRejected`` when the decoder refuses
            the frame.
        """
        with self._lock:
            if raw:
                return self._as_sent(frame)
            if self._made[0] < frame.seq:
                self._made = (frame.seq, self._make(frame))
            return self._made[1]

    def notice(self) -> Future[LivePicture]:
        """A picture that says since when there is no live one, over the last frame, darkened."""
        frame = self.newest
        try:
            status = self._store.status(self.camera_id)
            name, state = status.name, status.state
        except UnknownCamera:
            name, state = self.camera_id, CameraState.OFFLINE
        key = (state, frame.seq if frame else 0)
        with self._lock:
            if self._notice[0] != key:
                lines = (name, _reason(state, frame))
                self._notice = (key, self._pool.submit(self._draw_notice, lines, frame))
            return self._notice[1]

    def snapshot(self, *, raw: bool = False) -> LivePicture:
        """The newest picture; waits until it is made, never fails.

        Args:
            raw: the newest frame as it was sent, however old; without it, a camera that is gone gives its notice.
        """
        frame = self.newest
        if frame is None or not (raw or self.online):
            return self.notice().result()
        try:
            return self.picture(frame, raw=raw).result()
        except FrameRejected:
            return self._last or self.notice().result()

    def _as_sent(self, frame: Frame) -> _Made:
        if self._raw[0] < frame.seq:
            self._raw = (frame.seq, Future())
            self._raw[1].set_result(LivePicture.of(frame.seq, frame.jpeg, frame.received_unix_s))
        return self._raw[1]

    def _make(self, frame: Frame) -> _Made:
        tracks = self._tracks_for(frame)
        if not tracks and self.options.rotate == 0:
            self._last = self._as_sent(frame).result()
            return self._as_sent(frame)
        return self._pool.submit(self._render, frame, tracks)

    def _render(self, frame: Frame, tracks: tuple[Track, ...]) -> LivePicture:
        image = codec.decode(frame.jpeg, self.options.rotate)
        annotate.draw_tracks(image, tracks)
        self.encodes += 1
        self._last = LivePicture.of(frame.seq, codec.encode(image, self.options.quality), frame.received_unix_s)
        return self._last

    def _tracks_for(self, frame: Frame) -> tuple[Track, ...]:
        """The newest tracks, at the places where they are expected in this frame."""
        try:
            scene = self._store.scene(self.camera_id) if self.options.annotate else None
        except UnknownCamera:
            return ()
        if scene is None:
            return ()
        age_s = frame.received_mono_s - scene.analysed_mono_s
        return forward.moved(scene.tracks, age_s) if age_s <= _STALE_BOXES_S else ()

    def _draw_notice(self, lines: tuple[str, str], frame: Frame | None) -> LivePicture:
        # A name without one ASCII letter cannot be drawn; the id always can.
        title, reason = annotate.ascii_text(lines[0], self.camera_id), lines[1]
        try:
            last = codec.decode(frame.jpeg, self.options.rotate) if frame else None
        except FrameRejected:
            last = None
        height_px, width_px = last.shape[:2] if last is not None else _NO_FRAME_PX[::-1]
        image = annotate.notice(width_px, height_px, (title, reason), last)
        jpeg = codec.encode(image, self.options.quality)
        return LivePicture.of(frame.seq if frame else 0, jpeg, self._clock.unix_s())


def _reason(state: CameraState, frame: Frame | None) -> str:
    if frame is None:
        return "waiting for the first picture"
    if state is CameraState.ONLINE:
        return "sends pictures that cannot be read"
    since = datetime.fromtimestamp(frame.received_unix_s, UTC).astimezone()
    return f"offline since {since:%Y-%m-%d %H:%M:%S %Z}"
