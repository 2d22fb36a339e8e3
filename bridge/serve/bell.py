"""Wakes a thread that waits in a selector."""

from __future__ import annotations

import contextlib
import socket


class Bell:
    """A pair of sockets: one end is rung by any thread, the other is watched by a selector.

    However often it is rung before it is answered, about one byte waits.
    """

    def __init__(self) -> None:
        self._button, self._bell = socket.socketpair()
        self._button.settimeout(0)
        self._bell.settimeout(0)
        self._ringing = False

    def fileno(self) -> int:
        """What the selector watches, for reading."""
        return self._bell.fileno()

    def ring(self) -> None:
        """Wake the one who waits; never blocks, never raises, harmless after ``close``."""
        if not self._ringing:
            self._ringing = True
            with contextlib.suppress(OSError):  # closed, or full of earlier rings
                self._button.send(b"\0")

    def answer(self) -> None:
        """Be ready for the next ring; comes before the look at what it was rung for, so that nothing is missed."""
        with contextlib.suppress(OSError):
            self._bell.recv(4096)
        self._ringing = False

    def close(self) -> None:
        """Close both ends."""
        self._button.close()
        self._bell.close()
