"""Tells systemd how it goes: ready, reloading, alive, stopping (``sd_notify(3)``); silent where nobody asked.

The protocol is a datagram of ``NAME=VALUE`` lines to the socket in ``$NOTIFY_SOCKET``; a name that begins with ``@``
lies in the abstract namespace.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_ABSTRACT = "@"


class Notifier:
    """Speaks to the service manager; never blocks, never raises.

    Args:
        environ: where ``NOTIFY_SOCKET`` and ``WATCHDOG_USEC`` are, if at all.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        name = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{name[1:]}" if name.startswith(_ABSTRACT) else name
        usec = environ.get("WATCHDOG_USEC", "")
        # Half of the time that the manager waits, as its manual says.
        self._alive_every_s = int(usec) / 2e6 if usec.isdigit() and int(usec) else None
        self._told_mono_s = float("-inf")

    def ready(self, status: str) -> None:
        """Everything is started, or taken up anew."""
        self._send(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """A changed configuration is being taken up; ``ready`` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """It ends."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """It works; call it often: it is told as often as the manager wants to hear it."""
        now_mono_s = time.monotonic()
        if self._alive_every_s is not None and now_mono_s - self._told_mono_s >= self._alive_every_s:
            self._told_mono_s = now_mono_s
            self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        # The manager may be gone, or slow: neither is a reason to stop seeing.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
            there.settimeout(0)
            there.sendto(text.encode(), self._address)
