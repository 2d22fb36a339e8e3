"""A viewer's socket, plain or TLS: sends without ever waiting, and hears when the other side leaves."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
from typing import TYPE_CHECKING

from bridge.serve.channel import Viewer

if TYPE_CHECKING:
    from collections.abc import Callable

_HEARD_BYTES = 65536  # more than a TLS record; what is left waits in the kernel, where the selector sees it

_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Link(Viewer):
    """A viewer with its socket; ``send`` and ``hear`` raise ``OSError`` when the connection is broken.

    Args:
        sock: the connection, with the response's head already sent; closed by ``close``.
        now_s: when it came.
        max_fps: see ``Viewer``.
        on_close: called once, by ``close``.
    """

    def __init__(self, sock: socket.socket, now_s: float, max_fps: float | None, on_close: Callable[[], None]) -> None:
        super().__init__(now_s, max_fps)
        sock.settimeout(0)
        self._sock = sock
        self._on_close = on_close
        self._deaf = False
        self.watched = 0  # the events that a selector watches it for

    def fileno(self) -> int:
        """For the selector."""
        return self._sock.fileno()

    @property
    def events(self) -> int:
        """What it is to be watched for."""
        return (0 if self._deaf else selectors.EVENT_READ) | (selectors.EVENT_WRITE if self.pending else 0)

    def send(self) -> None:
        """Send as much of the pending bytes as the kernel takes."""
        while self.pending:
            try:
                self.took(self._sock.send(self.pending))
            except _NOT_NOW:  # as cheap as nothing while it does not happen, unlike contextlib.suppress
                return

    def hear(self) -> None:
        """Read what the other side says, which nobody wants to know.

        Its end may be only the end of its sending; whether it still listens is for the next write to tell.
        """
        if not self._deaf:
            with contextlib.suppress(*_NOT_NOW):
                self._deaf = not self._sock.recv(_HEARD_BYTES)

    def close(self) -> None:
        """Close the connection, once."""
        close(self._sock)
        self._on_close()


def close(sock: socket.socket) -> None:
    """Close a connection, whatever state it is in."""
    with contextlib.suppress(OSError):
        # Not SSLSocket's own, which forgets the TLS state first.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    sock.close()
