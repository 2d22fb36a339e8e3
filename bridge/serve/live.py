"""The live picture of a camera: one annotated encode a frame however many watch, none when nobody does.

The first viewer that needs a frame has its picture made while it holds the lock; the others wait for the lock and find
the picture made. A viewer that comes late skips to the newest frame.

Pictures are made on the threads of a small pool and not on the viewers' own: 50 viewers taking turns would each get a
heap of their own for it from the C library (measured: 336 instead of 103 MB, and 16 instead of 4 ms of CPU a picture).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bridge.errors import FrameRejected
from bridge.frames import codec
from bridge.model import CameraState
from bridge.serve import annotate, mjpeg
from bridge.serve.pacing import Pacer

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from bridge.frames.store import FrameStore
    from bridge.model import Frame, Track
    from bridge.runtime.clock import Clock

# Boxes from an analysis this much older than the frame are of somebody who has moved on (2 s of walking is 3 m).
_STALE_BOXES_S = 2.0

# What a "waiting for the first picture" notice measures: VGA, what most boards send.
_NO_FRAME_PX = (640, 480)


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
    """The pictures of one camera, made on demand and shared by all viewers; thread-safe.

    Args:
        store: where the frames and the newest tracks are.
        camera_id: a camera that the store knows.
        options: how it is shown.
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
        self._making = threading.Lock()
        self._pacer = Pacer(options.max_fps)
        self._admitted_seq = 0
        self._refused_seq = 0
        self._picture: LivePicture | None = None
        self._raw: LivePicture | None = None
        self._notice: tuple[tuple[CameraState, int], LivePicture] | None = None

    @property
    def online(self) -> bool:
        """Whether the camera sends frames now."""
        return self._store.state(self.camera_id) is CameraState.ONLINE

    @property
    def newest_seq(self) -> int:
        """The newest frame's number; 0 before the first."""
        frame = self._store.newest(self.camera_id)
        return frame.seq if frame else 0

    def wait_frame(self, after_seq: int, timeout_s: float) -> bool:
        """Wait for a frame with a higher number; makes no picture.

        Returns:
            False when the time ran out or the store was closed.
        """
        return self._store.wait_newer(self.camera_id, after_seq, timeout_s) is not None

    def wait_picture(self, after_seq: int, timeout_s: float, *, raw: bool = False) -> LivePicture | None:
        """Wait for the next picture to show.

        Frames that the decoder refuses, and those over ``max_fps``, are passed over.

        Args:
            after_seq: the picture that the viewer has.
            timeout_s: how long to wait.
            raw: the camera's bytes as they were sent.

        Returns:
            The picture; None when the time ran out or the store was closed.
        """
        deadline_s = self._clock.mono_s() + timeout_s
        while True:
            left_s = max(0.0, deadline_s - self._clock.mono_s())
            frame = self._store.wait_newer(self.camera_id, after_seq, left_s)
            if frame is None:
                return None
            picture = self._show(frame, raw=raw)
            if picture is not None:
                return picture
            after_seq = frame.seq

    def snapshot(self, *, raw: bool = False) -> LivePicture:
        """The newest picture, at once; never fails.

        Args:
            raw: the newest frame as it was sent, however old; without it, a camera that is gone gives its notice.
        """
        frame = self._store.newest(self.camera_id)
        if frame is None or not (raw or self.online):
            return self.notice()
        with self._making:
            if raw:
                return self._as_sent(frame)
            return self._make(frame) or self._picture or self._make_notice(frame)

    def notice(self) -> LivePicture:
        """A picture that says since when there is no live one, over the last frame, darkened."""
        with self._making:
            return self._make_notice(self._store.newest(self.camera_id))

    def _show(self, frame: Frame, *, raw: bool) -> LivePicture | None:
        with self._making:
            if not self._admit(frame):
                return None
            return self._as_sent(frame) if raw else self._make(frame)

    def _admit(self, frame: Frame) -> bool:
        """Whether the frame keeps to ``max_fps``; decided once a frame, so that all viewers share the same ones."""
        if frame.seq > self._admitted_seq:
            if not self._pacer.accept(frame.received_mono_s):
                return False
            self._admitted_seq = frame.seq
        return True

    def _as_sent(self, frame: Frame) -> LivePicture:
        if self._raw is None or self._raw.seq < frame.seq:
            self._raw = LivePicture.of(frame.seq, frame.jpeg, frame.received_unix_s)
        return self._raw

    def _make(self, frame: Frame) -> LivePicture | None:
        """The picture of this frame or a newer one that is there already; None when the decoder refuses it."""
        if self._picture is not None and self._picture.seq >= frame.seq:
            return self._picture
        if frame.seq <= self._refused_seq:
            return None
        tracks = self._tracks_for(frame)
        if not tracks and self.options.rotate == 0:
            self._picture = self._as_sent(frame)
            return self._picture
        try:
            jpeg = self._pool.submit(self._render, frame, tracks).result()
        except FrameRejected:
            self._refused_seq = frame.seq
            return None
        self._picture = LivePicture.of(frame.seq, jpeg, frame.received_unix_s)
        return self._picture

    def _render(self, frame: Frame, tracks: tuple[Track, ...]) -> bytes:
        image = codec.decode(frame.jpeg, self.options.rotate)
        annotate.draw_tracks(image, tracks)
        self.encodes += 1
        return codec.encode(image, self.options.quality)

    def _tracks_for(self, frame: Frame) -> tuple[Track, ...]:
        scene = self._store.scene(self.camera_id) if self.options.annotate else None
        if scene is None or frame.received_mono_s - scene.analysed_mono_s > _STALE_BOXES_S:
            return ()
        return scene.tracks

    def _make_notice(self, frame: Frame | None) -> LivePicture:
        status = self._store.status(self.camera_id)
        key = (status.state, frame.seq if frame else 0)
        if self._notice is None or self._notice[0] != key:
            jpeg = self._pool.submit(self._draw_notice, (status.name, _reason(status.state, frame)), frame).result()
            self._notice = (key, LivePicture.of(key[1], jpeg, self._clock.unix_s()))
        return self._notice[1]

    def _draw_notice(self, lines: tuple[str, str], frame: Frame | None) -> bytes:
        # A name without one ASCII letter cannot be drawn; the id always can.
        title, reason = annotate.ascii_text(lines[0], self.camera_id), lines[1]
        try:
            last = codec.decode(frame.jpeg, self.options.rotate) if frame else None
        except FrameRejected:
            last = None
        height_px, width_px = last.shape[:2] if last is not None else _NO_FRAME_PX[::-1]
        image = annotate.notice(width_px, height_px, (title, reason), last)
        return codec.encode(image, self.options.quality)


def _reason(state: CameraState, frame: Frame | None) -> str:
    if frame is None:
        return "waiting for the first picture"
    if state is CameraState.ONLINE:
        return "sends pictures that cannot be read"
    since = datetime.fromtimestamp(frame.received_unix_s, UTC).astimezone()
    return f"offline since {since:%Y-%m-%d %H:%M:%S %Z}"
