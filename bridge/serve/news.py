"""News for open pages, as server-sent events: how the cameras are, what waits, what just happened.

One thread, ``web-news``, looks a few times a second and tells everybody what differs from what they were told. A page
that cannot take it is skipped, and told the newest later; one that takes nothing for ``STALLED_S`` is let go.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from bridge.runtime.worker import Worker
from bridge.serve.link import Link, close
from bridge.serve.seats import Seats

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from bridge.runtime.clock import Clock
    from bridge.runtime.worker import Supervisor

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 0.5
HEARTBEAT_S: Final = 10.0
"""Of silence, after which something is said: only so is a page that went away noticed, and a page a bridge that did."""

STALLED_S: Final = 20.0
MOST_READERS: Final = 64
CONTENT_TYPE: Final = "text/event-stream; charset=utf-8"

_PUSH_EVERY_S: Final = 0.02
_MOST_KEPT: Final = 64
"""Happenings that wait for the next look; a page asks the history for what it missed."""


class Reader:
    """A page that listens, whose connection is still with the HTTP server; a ``listener.Successor``."""

    def __init__(self, room: NewsRoom) -> None:
        self._room = room

    def take(self, sock: socket.socket) -> None:
        """Begin; the socket is no longer the caller's."""
        self._room.arrive(sock)

    def give_up(self) -> None:
        """The connection broke before."""
        self._room.leave()


class _Told(Link):
    """A page, and what it was told last of each kind."""

    def __init__(self, sock: socket.socket, now_s: float, on_close: Callable[[], None]) -> None:
        super().__init__(sock, now_s, None, on_close)
        self.told: dict[str, str] = {}
        self.happenings: deque[str] = deque(maxlen=_MOST_KEPT)
        self.moved_s = now_s

    def push(self, now_s: float) -> None:
        """Send as much as is taken now."""
        left = len(self.pending)
        self.send()
        if len(self.pending) < left:
            self.moved_s = now_s

    def say(self, text: str, now_s: float) -> None:
        """Put something on its way; only while nothing else is."""
        self.pending = text.encode()
        self.moved_s = now_s


class NewsRoom:
    """See the module.

    Args:
        look: gives what there is to know now, by kind, as JSON values; called every ``LOOK_EVERY_S`` while anybody
            listens.
        clock: the time.
        supervisor: told when the thread dies.
    """

    def __init__(self, look: Callable[[], Mapping[str, Any]], clock: Clock, supervisor: Supervisor) -> None:
        self._look = look
        self._clock = clock
        self._seats = Seats(MOST_READERS)
        self._ending = threading.Lock()
        self._ended = False
        self._arriving: deque[socket.socket] = deque()
        self._happened: deque[str] = deque(maxlen=_MOST_KEPT)
        self._readers: list[_Told] = []  # the thread's own, as all below
        self._news: dict[str, str] = {}
        self._look_s = float("-inf")
        self._worker = Worker("web-news", self._run, supervisor)

    def start(self) -> None:
        """Start the thread."""
        self._worker.start()

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Let everybody go; False when the thread did not end in time."""
        ended = self._worker.stop(timeout_s)
        with self._ending:
            self._ended = True
            while self._arriving:
                close(self._arriving.popleft())
        return ended

    def admit(self) -> Reader | None:
        """Make room for a page that listens; None when there is none."""
        return Reader(self) if self._seats.take() else None

    def arrive(self, sock: socket.socket) -> None:
        """See ``Reader.take``."""
        with self._ending:
            if not self._ended:
                self._arriving.append(sock)
                return
        close(sock)
        self.leave()

    def leave(self) -> None:
        """Give the place back."""
        self._seats.give_back()

    def happened(self, what: Mapping[str, Any]) -> None:
        """Something happened that every page is to hear of once; from any thread, never blocks."""
        self._happened.append(json.dumps(what))

    def _run(self, stop: threading.Event) -> None:
        try:
            while not stop.wait(_PUSH_EVERY_S if any(reader.pending for reader in self._readers) else LOOK_EVERY_S):
                self.turn()
        finally:
            for reader in list(self._readers):
                self._drop(reader)

    def turn(self) -> None:
        """One round."""
        now_s = self._clock.mono_s()
        while self._arriving:
            self._readers.append(_Told(self._arriving.popleft(), now_s, self.leave))
        happened = [self._happened.popleft() for _ in range(len(self._happened))]
        if not self._readers:
            return
        if now_s >= self._look_s:
            self._look_s = now_s + LOOK_EVERY_S
            self._news = {kind: json.dumps(value) for kind, value in self._look().items()}
        for reader in list(self._readers):
            reader.happenings.extend(happened)
            try:
                reader.hear()
                reader.push(now_s)
                if not reader.pending:
                    self._tell(reader, self._news, now_s)
                    reader.push(now_s)
            except OSError:
                self._drop(reader)
                continue
            if reader.pending and now_s - reader.moved_s > STALLED_S:
                self._drop(reader)

    def _tell(self, reader: _Told, news: Mapping[str, str], now_s: float) -> None:
        text = "".join(
            f"event: {kind}\ndata: {told}\n\n" for kind, told in news.items() if reader.told.get(kind) != told
        )
        text += "".join(f"event: happened\ndata: {told}\n\n" for told in reader.happenings)
        reader.happenings.clear()
        reader.told.update(news)
        if text or now_s - reader.moved_s >= HEARTBEAT_S:
            reader.say(text or "event: still\ndata: 1\n\n", now_s)

    def _drop(self, reader: _Told) -> None:
        self._readers.remove(reader)
        reader.close()
