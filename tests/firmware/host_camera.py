"""camlink-host as a process: built when it is not there, started, listened to, and looked at from outside."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]

Event = dict[str, Any]

# Freed memory is kept back to find uses after the end; with the usual 256 MB of it nobody sees a leak grow.
_SANITIZERS = {"ASAN_OPTIONS": "quarantine_size_mb=1:detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"}


def build(*, sanitize: bool) -> Path:
    """Build the program; does nothing when nothing changed.

    Args:
        sanitize: it ends at the first wrong access or undefined behaviour, and at its end when it leaked.

    Raises:
        RuntimeError: the compiler's words.
    """
    folder = ROOT / "build" / ("camlink-host-sanitized" if sanitize else "camlink-host")
    folder.mkdir(parents=True, exist_ok=True)
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    switch = f"-DCAMLINK_HOST_SANITIZE={'ON' if sanitize else 'OFF'}"
    with (folder / "lock").open("w") as lock:  # tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (
            ["cmake", "-S", str(ROOT / "firmware" / "host"), "-B", str(folder), *generator, switch],
            ["cmake", "--build", str(folder), "--parallel"],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"camlink-host cannot be built:\n{done.stdout}\n{done.stderr}")
    return folder / "camlink-host"


def can_build() -> bool:
    """Whether there is a C++ compiler and what drives it."""
    return shutil.which("cmake") is not None and any(map(shutil.which, ("c++", "g++", "clang++")))


class HostCamera:
    """A board on this machine.

    Args:
        program: camlink-host.
        folder: for its state and its log.
        url: ws://127.0.0.1:PORT/ws/CAMERA_ID.
        frames: folder of JPEG files.
        options: more of camlink-host.
    """

    def __init__(self, program: Path, folder: Path, url: str, frames: Path, options: Sequence[str] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.state = folder / "state"
        self._said, self._complaints = folder / "events.jsonl", folder / "stderr.log"
        self._command = [str(program), "--url", url, "--state", str(self.state), "--frames", str(frames), *options]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Switch it on."""
        with self._said.open("ab") as said, self._complaints.open("ab") as complaints:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=complaints,
                env={**os.environ, **_SANITIZERS},
            )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """It, while it is on."""
        assert self._process is not None, "it is switched off"
        return self._process

    def kill(self) -> None:
        """Pull its plug."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def stop(self) -> int:
        """Let it end by itself; the exit code, which is not 0 when a sanitizer complained."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(10.0)

    def wait(self, timeout_s: float) -> int:
        """Wait for its end; returns the exit code."""
        code = self.process.wait(timeout_s)
        self._process = None
        return code

    @property
    def running(self) -> bool:
        """Whether it was started and did not end."""
        return self._process is not None and self._process.poll() is None

    def events(self, kind: str = "") -> list[Event]:
        """What it told since its first start, in order; only of one kind when it is named."""
        if not self._said.exists():
            return []
        whole = self._said.read_text().rpartition("\n")[0]  # the last line may be half written
        told = [json.loads(line) for line in whole.splitlines()]
        return [event for event in told if kind in ("", event["event"])]

    def wait_for(self, kind: str, count: int = 1, timeout_s: float = 20.0, **fields: object) -> Event:
        """Wait until it told ``count`` events of a kind with these fields.

        Returns:
            The last of them.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            found = [e for e in self.events(kind) if all(e.get(key) == value for key, value in fields.items())]
            if len(found) >= count:
                return found[count - 1]
            if time.monotonic() > deadline_s or not self.running:
                pytest.fail(f"not {count} times {kind} {fields} within {timeout_s} s:\n{self.story()}")
            time.sleep(0.01)

    def complaints(self) -> str:
        """What it wrote to stderr: sanitizers do."""
        return self._complaints.read_text(errors="replace") if self._complaints.exists() else ""

    def story(self) -> str:
        """The last that it told, for a failing test."""
        lines = self._said.read_text().splitlines()[-30:] if self._said.exists() else []
        return "\n".join([*lines, self.complaints()[-3000:]])


def open_files(pid: int) -> int:
    """How many files and sockets a process holds open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def rss_bytes(pid: int) -> int:
    """Memory that a process really holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]
