"""A thread with a name, a crash policy and a stop.

A crashed worker never leaves the bridge half alive: its exception goes to ``Supervisor``, which ends the process.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NoReturn

from bridge.errors import WorkerCrashed

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

_stuck: list[threading.Thread] = []  # asked to stop, and still at work when nobody waited any longer


class Supervisor:
    """Holds the first crash of any worker and wakes whoever waits for the end."""

    def __init__(self) -> None:
        self._stopping = False
        # No threading.Event: a signal handler runs inside the main thread's wait, and Event.set then waits for the
        # lock that the interrupted Event.wait holds, for ever. SimpleQueue.put never waits.
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._lock = threading.Lock()
        self._crash: WorkerCrashed | None = None

    def crashed(self, worker: str, cause: BaseException) -> None:
        """Report a crash; the first one wins, later ones are only logged."""
        log.critical("%s crashed", worker, exc_info=cause)
        with self._lock:
            if self._crash is None:
                self._crash = WorkerCrashed(worker, cause)
        self.stop()

    def stop(self) -> None:
        """Ask for a clean end; safe from a signal handler."""
        self._stopping = True
        self._wake.put(None)

    @property
    def stopping(self) -> bool:
        """Whether the end was asked for or a worker crashed."""
        return self._stopping

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end.

        Returns:
            True when it came, False when the time ran out.

        Raises:
            WorkerCrashed: a worker died; the cause is attached.
        """
        with suppress(Empty):
            self._wake.get(timeout=timeout_s)
            self._wake.put(None)  # for the next one who waits
        if self._crash is not None:
            raise self._crash from self._crash.cause
        return self._stopping


class Worker:
    """Runs ``body(stop)`` in a named thread until it returns.

    Args:
        name: shown in logs, in tracebacks and by ``py-spy``.
        body: must return soon after the event it is given is set.
        supervisor: told when the body raises.
        on_stop: wakes the body from a wait that does not watch the event.
    """

    def __init__(
        self,
        name: str,
        body: Callable[[threading.Event], None],
        supervisor: Supervisor,
        on_stop: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self._body = body
        self._supervisor = supervisor
        self._on_stop = on_stop
        self._stop = threading.Event()
        # Daemon: a body that hangs in a C library must not keep a stopping process alive.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the body is at work now."""
        return self._thread.is_alive()

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Ask the body to return and wait for it.

        Returns:
            False when it did not end in time (the process may still exit, by ``leave``: the thread is a daemon).
        """
        self._stop.set()
        if self._on_stop is not None:
            self._on_stop()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        if self._thread.is_alive():
            log.warning("%s did not stop within %.1f s", self.name, timeout_s)
            _stuck.append(self._thread)
            return False
        return True

    def _run(self) -> None:
        try:
            self._body(self._stop)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the supervisor must hear of it
            self._supervisor.crashed(self.name, error)


def leave(code: int) -> NoReturn:
    """End the process, whatever hangs.

    Python before 3.14 ends a daemon thread that comes back from a C library by unwinding its stack. Through C++ (a
    model that is being compiled) that aborts the process: exit code -6 and a core dump instead of ``code``. So when a
    worker is stuck, the process goes without Python's own ending (https://github.com/python/cpython/issues/87135).
    """
    if any(thread.is_alive() for thread in _stuck):
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # closed, or nobody reads any more
                stream.flush()
        os._exit(code)
    sys.exit(code)
