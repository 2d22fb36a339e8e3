"""An open live stream: what one viewer is sent, for as long as it stays."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from bridge.serve import mjpeg
from bridge.serve.pacing import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from bridge.runtime.clock import Clock
    from bridge.serve.live import LivePicture, LiveView

# How often a waiting viewer looks whether the bridge stops or the camera went silent.
_SLICE_S = 0.25

# A camera that is gone: the notice again and again, so that browsers and Home Assistant never see a dead stream, and
# that a viewer who left is noticed (only a write tells).
_NOTICE_INTERVAL_S = 1.0

# A camera that is there but slow: its last picture again, for the same reasons.
_REPEAT_INTERVAL_S = 2.0

# Between two waits that gave nothing: a closed store answers at once, and the loop must not spin until the stop event.
_BREATH_S = 0.01


class Seats:
    """At most ``limit`` viewers at a time, over all cameras; thread-safe."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """How many are taken now."""
        return self._taken

    def take(self) -> bool:
        """Take a seat; False when all are taken."""
        with self._lock:
            if self._taken >= self.limit:
                return False
            self._taken += 1
            return True

    def give_back(self) -> None:
        """Free a seat."""
        with self._lock:
            self._taken -= 1


class LiveStream:
    """The body of a ``stream.mjpg`` response: an iterator of byte strings, one write each.

    A plain generator would not do: closing one that was never started runs none of its ``finally`` blocks, and a viewer
    who leaves before the first byte would be counted for ever.

    Args:
        view: the camera's pictures.
        stopping: set when the server stops.
        clock: the time, for pacing.
        on_close: called exactly once, however the stream ends.
        raw: the camera's bytes as sent.
        max_fps: fewer pictures a second than the camera's ``max_fps``; None for no limit of its own.
    """

    def __init__(
        self,
        view: LiveView,
        stopping: threading.Event,
        clock: Clock,
        on_close: Callable[[], None],
        *,
        raw: bool = False,
        max_fps: float | None = None,
    ) -> None:
        self._view = view
        self._stopping = stopping
        self._clock = clock
        self._on_close = on_close
        self._raw = raw
        self._pacer = Pacer(max_fps) if max_fps is not None else None
        self._repeat_s = max(_REPEAT_INTERVAL_S, 2.0 / max_fps) if max_fps is not None else _REPEAT_INTERVAL_S
        self._seq = 0  # the newest frame that this viewer needs no more
        self._open = True
        self._parts = self._run()

    def __iter__(self) -> LiveStream:
        return self

    def __next__(self) -> bytes:
        return next(self._parts)

    def close(self) -> None:
        """End the stream and tell ``on_close``; safe to call twice."""
        if self._open:
            self._open = False
            self._parts.close()
            self._on_close()

    def _run(self) -> Generator[bytes]:
        before = mjpeg.opening()
        while not self._stopping.is_set():
            for picture in self._while_online() if self._view.online else self._while_gone():
                yield before + picture.part
                before = b""

    def _while_online(self) -> Iterator[LivePicture]:
        """Every new picture, and the last one again when there is no new one for long."""
        last: LivePicture | None = None
        sent_s = self._clock.mono_s()
        while not self._stopping.is_set():
            picture = self._next()
            if picture is None and not self._view.online:
                return
            if picture is None and self._clock.mono_s() - sent_s < self._repeat_s:
                continue
            last = picture or last or self._view.notice()
            yield last
            sent_s = self._clock.mono_s()

    def _next(self) -> LivePicture | None:
        """The next picture if there is one within a slice and it is this viewer's time for one."""
        if self._pacer is not None:
            wait_s = self._pacer.wait_s(self._clock.mono_s())
            self._stopping.wait(min(wait_s, _SLICE_S))
            if wait_s > _SLICE_S:
                return None
        picture = self._view.wait_picture(self._seq, _SLICE_S, raw=self._raw)
        if picture is None:
            self._stopping.wait(_BREATH_S)
            return None
        self._seq = picture.seq
        if self._pacer is not None:
            self._pacer.accept(self._clock.mono_s())
        return picture

    def _while_gone(self) -> Iterator[LivePicture]:
        """The notice, again and again, until a frame comes."""
        while not self._stopping.is_set():
            # Read before the state: a frame that comes in between is then still to be shown.
            newest_seq = self._view.newest_seq
            if self._view.online:
                return
            self._seq = newest_seq
            yield self._view.notice()
            due_s = self._clock.mono_s() + _NOTICE_INTERVAL_S
            while self._clock.mono_s() < due_s and not self._stopping.is_set():
                if self._view.wait_frame(self._seq, _SLICE_S):
                    break
                self._stopping.wait(_BREATH_S)
