"""The bridge in a process that is killed again and again, with cameras that know nothing of it."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from bridge.detect.fake import COLOURS
from bridge.frames.codec import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Listener, WaitUntil

CAMERAS = ("door", "yard", "shed")
ROOT = Path(__file__).resolve().parents[3]


def picture(*, somebody: bool) -> bytes:
    image = np.full((120, 160, 3), 128, np.uint8)
    if somebody:
        image[30:100, 60:90] = COLOURS["person"]
    return encode(image)


PICTURES = {somebody: picture(somebody=somebody) for somebody in (False, True)}


@contextmanager
def _sending(port: int, camera: str, seed: int) -> Iterator[None]:
    """A camera at 15 frames/s before which somebody comes and goes at random; dials again and again."""
    stop, dice = threading.Event(), random.Random(seed)  # noqa: S311 - no secret

    def play() -> None:
        somebody = False
        while not stop.is_set():
            try:
                with connect(f"ws://127.0.0.1:{port}/ws/{camera}", open_timeout=1) as link:
                    while not stop.wait(1 / 15):
                        somebody ^= dice.random() < 0.12
                        link.send(PICTURES[somebody])
            except (OSError, WebSocketException, TimeoutError):
                stop.wait(0.05)

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(5)


class Victim:
    """The bridge in a process of its own, on the same ports and files every time."""

    def __init__(self, folder: Path, mqtt_port: int, ingest_port: int, disk: Path | None = None) -> None:
        self.database = (disk or folder) / "history.db"
        self.log_file = folder / "bridge.log"
        self._config = folder / "killed.yaml"
        settings = {
            "mqtt": {"port": mqtt_port},
            "ingest": {"host": "127.0.0.1", "port": ingest_port},
            "http": {"host": "127.0.0.1", "port": 0},
            "history": {"url": f"sqlite:///{self.database}", "media_dir": str((disk or folder) / "media")},
            "defaults": {
                "motion": {"enabled": False},
                "detect": {"max_fps": 30},
                "events": {"min_hits": 1, "end_after_s": 0.3},
            },
            "cameras": [{"id": camera} for camera in CAMERAS],
        }
        self._config.write_text(json.dumps(settings))  # JSON is YAML
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        with self.log_file.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("victim.py")), str(self._config)],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "started\n", self.log_file.read_text()

    def end(self, number: int = signal.SIGKILL) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None

    def close(self) -> None:
        if self._process is not None:
            self.end()

    def rows(self) -> dict[str, tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as database:
            found = database.execute("SELECT * FROM events").fetchall()
        return {row[0]: row for row in found}

    def letters(self) -> int:
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT count(*) FROM letters").fetchone()[0])


class Settle(Protocol):
    """See the fixture ``settle``."""

    def __call__(self, victim: Victim, listener: Listener) -> Told: ...


class VictimFactory(Protocol):
    """See the fixture ``victim_on``."""

    def __call__(self, mqtt_port: int, ingest_port: int, disk: Path | None = None) -> Victim: ...


class Told(NamedTuple):
    """What a subscriber heard: the steps of each event in order, and how often Home Assistant's copy came."""

    steps: dict[str, list[str]]
    detected: Counter[str]

    @classmethod
    def by(cls, listener: Listener) -> Told:
        steps: dict[str, list[str]] = {}
        detected: Counter[str] = Counter()
        for heard in list(listener.heard):
            if heard.topic.endswith("/events"):
                change = heard.json()
                steps.setdefault(change["id"], []).append(change["type"])
            elif heard.topic.endswith("/detected"):
                detected[heard.json()["id"]] += 1
        return cls(steps, detected)


@pytest.fixture
def busy_cameras(free_port: int) -> Iterator[int]:
    """Three cameras that dial the port that this gives, until the test ends."""
    with ExitStack() as stack:
        for seed, camera in enumerate(CAMERAS, 1):
            stack.enter_context(_sending(free_port, camera, seed))
        yield free_port


@pytest.fixture
def victim_on(tmp_path: Path) -> Iterator[VictimFactory]:
    victims: list[Victim] = []

    def make(mqtt_port: int, ingest_port: int, disk: Path | None = None) -> Victim:
        victims.append(Victim(tmp_path, mqtt_port, ingest_port, disk))
        return victims[-1]

    yield make
    for victim in victims:
        victim.close()


def _audit(told: Told, rows: dict[str, Any]) -> None:
    """Every promise about events, on what was heard and what was written."""
    assert told.steps, "something happened"
    for event_id, steps in told.steps.items():
        assert steps == ["new", *["update"] * (len(steps) - 2), "end"], f"{event_id}: {steps}"
    assert set(rows) <= set(told.steps), "all that the history holds was told"
    assert set(told.steps) <= set(rows), "all that was told is in the history"
    assert told.detected == Counter(dict.fromkeys(told.steps, 1)), "Home Assistant heard of each once"


@pytest.fixture
def settle(wait_until: WaitUntil) -> Settle:
    """Let a running victim deliver what waits, end it cleanly and check every promise; returns what was told."""

    def settle(victim: Victim, listener: Listener) -> Told:
        wait_until(lambda: victim.letters() == 0, 20, "everything is delivered")
        victim.end(signal.SIGTERM)
        assert victim.letters() == 0
        wait_until(lambda: all(steps[-1] == "end" for steps in Told.by(listener).steps.values()), 20, "the last end")
        time.sleep(0.3)  # for what must not come
        told = Told.by(listener)
        _audit(told, victim.rows())
        return told

    return settle
