"""A program that tests start, end and start again; what it writes goes to one file, however often it starts."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


class NotReadyError(Exception):
    """A program ended or is silent; the text holds the end of what it wrote."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Program:
    """One program.

    Args:
        command: the program and its arguments.
        log_file: takes what it writes to stdout and stderr.
        env: its environment.
        cwd: where it works.
    """

    def __init__(self, command: Sequence[str], log_file: Path, env: Mapping[str, str], cwd: Path) -> None:
        self.log_file = log_file
        self._command, self._env, self._cwd = command, env, cwd
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether it was started and did not end."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id, while it is running; 0 otherwise."""
        return self._process.pid if self._process is not None else 0

    def start(self, *more: str) -> None:
        """Start it, with these arguments after its own; returns at once."""
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, *more], env=self._env, cwd=self._cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait(self, ready: Callable[[], bool], timeout_s: float) -> float:
        """Wait until it is ready.

        Returns:
            The seconds that this took.

        Raises:
            NotReadyError: it ended, or the time is over.
        """
        began_s = time.monotonic()
        while not ready():
            if not self.running or time.monotonic() - began_s > timeout_s:
                raise NotReadyError(f"{self._command} is not ready:\n{self.log()[-3000:]}")
            time.sleep(0.05)
        return time.monotonic() - began_s

    def end(self, number: int = signal.SIGTERM, timeout_s: float = 60.0) -> None:
        """Send it a signal and wait until it is gone; nothing happens when it is not there."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def log(self) -> str:
        """What it wrote so far."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""
