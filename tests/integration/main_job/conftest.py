"""The bridge as users run it: ``espcam-bridge`` in a process of its own, on free ports of 127.0.0.1."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from tests.conftest import Listener

ROOT = Path(__file__).resolve().parents[3]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class Command:
    """One ``espcam-bridge`` process; its log is a file."""

    process: subprocess.Popen[bytes]
    log_file: Path

    def log(self) -> str:
        """What it wrote to stdout and stderr so far."""
        return self.log_file.read_text(errors="replace")

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self, timeout_s: float = 10.0) -> int:
        """Wait for its end; returns the exit code."""
        return self.process.wait(timeout_s)

    def stop(self) -> tuple[int, float]:
        """SIGTERM; returns the exit code and the seconds it took."""
        started_s = time.monotonic()
        self.signal(signal.SIGTERM)
        return self.wait(), time.monotonic() - started_s

    def rss_bytes(self) -> int:
        """Memory that it really holds now."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class Bridge(Command):
    """``espcam-bridge run``."""

    ingest_port: int = 0
    http_port: int = 0
    config_file: Path = field(default_factory=Path)

    @property
    def camera_url(self) -> str:
        """Where cameras dial; add the id."""
        return f"ws://127.0.0.1:{self.ingest_port}/ws"

    def get(self, path: str) -> tuple[int, bytes]:
        """GET from the page's port."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def get_json(self, path: str) -> Any:  # noqa: ANN401 - that is what JSON is
        """GET and parse, whatever the status."""
        return json.loads(self.get(path)[1])

    def answers(self) -> bool:
        """Whether /healthz is there."""
        if self.process.poll() is not None:
            pytest.fail(f"the bridge ended at once:\n{self.log()}")
        try:
            return self.get("/healthz")[0] == 200
        except OSError:
            return False


class Starter(Protocol):
    """See the fixture ``espcam_bridge``."""

    def __call__(self, *arguments: str, env: dict[str, str] | None = None) -> Command: ...


class BridgeStarter(Protocol):
    """See the fixture ``start_bridge``."""

    def __call__(self, mqtt_port: int, yaml: str = "", env: dict[str, str] | None = None) -> Bridge: ...


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The history's default place is the working directory."""
    monkeypatch.chdir(tmp_path)


def _tell(listener: Listener) -> str:
    lines = []
    for heard in list(listener.heard):
        if not heard.topic.endswith("/events"):
            continue
        change = heard.json()
        score, seen_s = f"{change['score']:.2f}", change["frame_time"]
        box = ", ".join(f"{edge:.3f}" for edge in change["box"])
        lines.append(f"{heard.topic} {change['type']:<6} {change['id']} seen at {seen_s} {score} [{box}]")
    return "\n".join(["the events were:", *lines])


class Story(Protocol):
    """See the fixture ``story``."""

    def __call__(self, listener: Listener) -> AbstractContextManager[None]: ...


@pytest.fixture
def story() -> Story:
    """What fails inside ``with story(listener):`` also shows every event that the listener heard, a line a message."""

    @contextmanager
    def tell(listener: Listener) -> Iterator[None]:
        try:
            yield
        except BaseException as failure:
            failure.add_note(_tell(listener))
            raise

    return tell


@pytest.fixture
def espcam_bridge(tmp_path: Path) -> Iterator[Starter]:
    """Start any subcommand: ``espcam_bridge("simulate", "--url", …)``; killed at the end of the test."""
    started: list[Command] = []

    def start(*arguments: str, env: dict[str, str] | None = None) -> Command:
        log_file = tmp_path / f"{arguments[0]}-{len(started)}.log"
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "bridge", *arguments],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        command = Command(process, log_file)
        started.append(command)
        return command

    yield start
    for command in started:
        if command.process.poll() is None:
            command.process.kill()
        command.process.wait(10)


@pytest.fixture
def start_bridge(espcam_bridge: Starter, tmp_path: Path) -> BridgeStarter:
    """Start ``run`` with ports, broker and loopback addresses filled in; returns when it answers.

    ``yaml`` adds sections (``detector``, ``cameras``, ``defaults``, …). The model is the shared one unless ``env``
    leads elsewhere.
    """

    def start(mqtt_port: int, yaml: str = "", env: dict[str, str] | None = None) -> Bridge:
        ingest_port, http_port = _free_port(), _free_port()
        config_file = tmp_path / "espcam-bridge.yaml"
        config_file.write_text(
            f"mqtt: {{host: 127.0.0.1, port: {mqtt_port}}}\n"
            f"ingest: {{host: 127.0.0.1, port: {ingest_port}}}\n"
            f"http: {{host: 127.0.0.1, port: {http_port}}}\n{yaml}\n"
        )
        models = {"ESPCAM_BRIDGE_MODELS": str(ROOT.parent / "shared" / "models")}
        command = espcam_bridge("run", "-c", str(config_file), env={**models, **(env or {})})
        bridge = Bridge(command.process, command.log_file, ingest_port, http_port, config_file)
        deadline_s = time.monotonic() + 60  # 2 s of work; more than 20 s where ten others want the same two cores
        while not bridge.answers():
            if time.monotonic() > deadline_s:
                pytest.fail(f"the bridge does not answer:\n{bridge.log()}")
            time.sleep(0.02)
        return bridge

    return start
