"""One thread serves every open live stream: ``web-streams``.

The HTTP server answers the request and lets the connection go; from then on its socket belongs to this thread, which
waits for nothing but its selector. New frames, finished pictures and new viewers come through an inbox and ring a bell
that the selector hears.

A client that closes only its sending side is still a viewer. Until a write comes back refused, one that has left looks
the same; it is noticed two pictures later.
"""

from __future__ import annotations

import logging
import selectors
import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from bridge.errors import FrameRejected
from bridge.runtime.worker import Worker
from bridge.serve.bell import Bell
from bridge.serve.channel import Channel
from bridge.serve.link import Link, close

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

    from bridge.frames.store import FrameStore
    from bridge.runtime.clock import Clock
    from bridge.runtime.worker import Supervisor
    from bridge.serve.live import LivePicture, LiveView
    from bridge.serve.seats import Seats

log = logging.getLogger(__name__)

# A viewer must take each picture within this time, however slowly it drips.
WRITE_S = 10.0

# How often cameras that fell silent and viewers who wait or stall are looked for.
_TICK_S = 0.25


class Admission:
    """A viewer with a seat, whose connection is still with the HTTP server.

    Exactly one of ``take`` and ``give_up`` is to be called, once.
    """

    def __init__(self, streams: Broadcaster, view: LiveView, *, raw: bool, max_fps: float | None) -> None:
        self.view = view
        self.raw = raw
        self.max_fps = max_fps
        self._streams = streams

    def take(self, sock: socket.socket) -> None:
        """Let the stream begin; the socket is no longer the caller's."""
        self._streams.take(self, sock)

    def give_up(self) -> None:
        """Give the seat back: no stream will begin."""
        self._streams.leave(self.view.camera_id)


class _Line:
    """A camera's pictures, seen in one way (raw or not), and those who see them."""

    def __init__(self, view: LiveView, *, raw: bool) -> None:
        self.view = view
        self.raw = raw
        self.channel: Channel[Link] = Channel(view.options.max_fps)


class Broadcaster:
    """Sends every live stream.

    Args:
        store: tells of new frames, counts viewers.
        seats: how many may watch.
        clock: the time.
        supervisor: told when the thread dies.
    """

    def __init__(self, store: FrameStore, seats: Seats, clock: Clock, supervisor: Supervisor) -> None:
        self._store = store
        self._seats = seats
        self._clock = clock
        self._bell: Bell | None = None
        self._inbox: deque[Callable[[], None]] = deque()
        self._ending = threading.Lock()
        self._ended = False
        self._worker = Worker("web-streams", self._run, supervisor, on_stop=self._ring)
        # Below: the thread's own; others only ask whether a camera is in there.
        self._lines: dict[str, list[_Line]] = {}  # by camera; those that somebody watches
        self._links: dict[Link, _Line] = {}

    # --- from other threads --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread."""
        self._bell = Bell()
        self._store.listen(self._frame_came)
        self._worker.start()

    def stop(self, timeout_s: float = 2.0) -> bool:
        """End every stream at once.

        Returns:
            False when the thread did not end in time.
        """
        ended = self._worker.stop(timeout_s)
        if ended and self._bell is not None:
            self._bell.close()
        return ended

    def admit(self, view: LiveView, *, raw: bool, max_fps: float | None) -> Admission | None:
        """Give a viewer a seat.

        Args:
            view: the camera's pictures.
            raw: the camera's bytes as sent.
            max_fps: fewer pictures a second than the camera's ``max_fps``; None for no limit of its own.

        Returns:
            None when all seats are taken.
        """
        if not self._seats.take():
            return None
        self._store.viewer(view.camera_id, +1)
        return Admission(self, view, raw=raw, max_fps=max_fps)

    def take(self, admission: Admission, sock: socket.socket) -> None:
        """See ``Admission.take``."""
        with self._ending:
            if not self._ended:
                self._post(partial(self._arrive, admission, sock))
                return
        close(sock)
        self.leave(admission.view.camera_id)

    def leave(self, camera_id: str) -> None:
        """Give a viewer's seat back."""
        self._store.viewer(camera_id, -1)
        self._seats.give_back()

    def refresh(self, camera_id: str) -> None:
        """A camera's view has other options now; its viewers go on."""
        self._post(partial(self._refresh, camera_id))

    def evict(self, camera_id: str) -> None:
        """End every stream of a camera, soon."""
        self._post(partial(self._evict, camera_id))

    def _frame_came(self, camera_id: str) -> None:
        if camera_id in self._lines:
            self._post(partial(self._look, camera_id))

    def _post(self, work: Callable[[], None]) -> None:
        self._inbox.append(work)
        self._ring()

    def _ring(self) -> None:
        if self._bell is not None:
            self._bell.ring()

    # --- the thread's loop -----------------------------------------------------------------------------------------

    def _run(self, stop: threading.Event) -> None:
        assert self._bell is not None  # noqa: S101 - start() made it
        with selectors.DefaultSelector() as selector:
            self._selector = selector
            selector.register(self._bell, selectors.EVENT_READ)
            try:
                self._serve(self._bell, stop)
            finally:
                with self._ending:
                    self._ended = True
                self._work_off()  # who came at the last moment is let go like everybody else
                for link in list(self._links):
                    self._drop(link)

    def _serve(self, bell: Bell, stop: threading.Event) -> None:
        tick_s = 0.0
        while not stop.is_set():
            self._work_off()
            now_s = self._clock.mono_s()
            if now_s >= tick_s:
                tick_s = now_s + _TICK_S
                self._tick(now_s)
            for key, _ in self._selector.select(tick_s - now_s if self._links else None):
                if isinstance(key.fileobj, Link):
                    self._attend(key.fileobj)
                else:
                    bell.answer()

    def _work_off(self) -> None:
        while self._inbox:
            self._inbox.popleft()()

    def _tick(self, now_s: float) -> None:
        for link in [link for link in self._links if link.stalled(now_s, WRITE_S)]:
            self._drop(link)
        for line in [line for lines in self._lines.values() for line in lines]:
            line.channel.set_online(online=line.view.online)
            self._remind(line, now_s)

    def _refresh(self, camera_id: str) -> None:
        for line in self._lines.get(camera_id, ()):
            line.channel.set_max_fps(line.view.options.max_fps)

    def _evict(self, camera_id: str) -> None:
        for link in [link for link, line in self._links.items() if line.view.camera_id == camera_id]:
            self._drop(link)

    # --- viewers ---------------------------------------------------------------------------------------------------

    def _arrive(self, admission: Admission, sock: socket.socket) -> None:
        camera_id, now_s = admission.view.camera_id, self._clock.mono_s()
        lines = self._lines.setdefault(camera_id, [])
        line = next((one for one in lines if one.view is admission.view and one.raw == admission.raw), None)
        if line is None:
            line = _Line(admission.view, raw=admission.raw)
            lines.append(line)
        link = Link(sock, now_s, admission.max_fps, partial(self.leave, camera_id))
        self._links[link] = line
        line.channel.viewers[link] = None
        self._watch(link)
        line.channel.set_online(online=line.view.online)
        self._show(line)
        self._remind(line, now_s)

    def _attend(self, link: Link) -> None:
        """Something happened on a viewer's connection."""
        if link not in self._links:
            return  # dropped since the selector saw it
        busy = bool(link.pending)
        try:
            link.hear()
        except OSError:
            self._drop(link)
            return
        self._send([link])
        if busy and link in self._links and not link.pending:
            self._deal(self._links[link], (link,))

    def _send(self, links: Iterable[Link]) -> None:
        for link in links:
            try:
                link.send()
            except OSError:
                self._drop(link)
            else:
                self._watch(link)

    def _watch(self, link: Link) -> None:
        events = link.events
        if events == link.watched:
            return
        if not events:
            self._selector.unregister(link)
        elif link.watched:
            self._selector.modify(link, events)
        else:
            self._selector.register(link, events)
        link.watched = events

    def _drop(self, link: Link) -> None:
        line = self._links.pop(link)
        if link.watched:
            self._selector.unregister(link)
        del line.channel.viewers[link]
        lines = self._lines[line.view.camera_id]
        if not line.channel.viewers:
            lines.remove(line)
        if not lines:
            del self._lines[line.view.camera_id]
        link.close()

    # --- pictures --------------------------------------------------------------------------------------------------

    def _look(self, camera_id: str) -> None:
        """A camera sent a frame."""
        for line in list(self._lines.get(camera_id, ())):
            line.channel.set_online(online=True)
            self._show(line)

    def _show(self, line: _Line) -> None:
        frame = line.view.newest
        if frame is not None:
            line.channel.frame(frame.seq, frame.received_mono_s)
        self._deal(line)

    def _deal(self, line: _Line, to: Iterable[Link] | None = None) -> None:
        """Send what is there to those (of ``to``) who are free for it, and have made what anybody wants."""
        channel, now_s = line.channel, self._clock.mono_s()
        self._send(channel.deal(now_s, to))
        while (frame := line.view.newest) is not None and channel.ask(now_s):
            future = line.view.picture(frame, raw=line.raw)
            if not future.done():
                future.add_done_callback(lambda made: self._post(partial(self._made, line, made)))
                return
            channel.made(_outcome(future))
            self._send(channel.deal(now_s))

    def _made(self, line: _Line, future: Future[LivePicture]) -> None:
        line.channel.made(_outcome(future))
        self._deal(line)

    def _remind(self, line: _Line, now_s: float) -> None:
        """Give those who have been without a picture for long the last one again, or a notice."""
        channel = line.channel
        if not channel.lacks(now_s):
            return
        if channel.picture is not None:
            self._send(channel.fill(channel.picture, now_s))
            return
        line.view.notice().add_done_callback(lambda made: self._post(partial(self._noticed, line, made)))

    def _noticed(self, line: _Line, future: Future[LivePicture]) -> None:
        notice = _outcome(future)
        if notice is not None and line.channel.picture is None:
            self._send(line.channel.fill(notice, self._clock.mono_s()))


def _outcome(future: Future[LivePicture]) -> LivePicture | None:
    """The picture; None when there is none, and then the stream goes on with the next."""
    error = future.exception()
    if error is None:
        return future.result()
    if not isinstance(error, FrameRejected):
        log.error("a live picture could not be made", exc_info=error)
    return None
