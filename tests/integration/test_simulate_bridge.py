"""Twins and the bridge's own camera port: they understand each other, and come back after every loss."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bridge.commands.simulate import SimulateOptions, run
from bridge.frames.codec import encode
from bridge.frames.store import FrameStore
from bridge.ingest.fake import FakeTalk
from bridge.ingest.server import IngestServer
from bridge.ingest.settings import CameraAccess, IngestSettings
from bridge.model import CameraState
from bridge.runtime.backoff import Backoff
from bridge.runtime.clock import SystemClock
from bridge.runtime.metrics import Metrics
from bridge.runtime.worker import Supervisor, Worker
from bridge.simulate.camera import dial
from bridge.simulate.fleet import Fleet
from bridge.simulate.source import open_source
from bridge.simulate.twin import Esp32Twin, Patience

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.ingest.talk import CameraTalk
    from tests.conftest import WaitUntil

pytestmark = pytest.mark.integration

OPEN_SESAME = "open-sesame"
REPO = Path(__file__).resolve().parents[2]


@pytest.fixture
def store() -> FrameStore:
    store = FrameStore(SystemClock(), Metrics())
    for name in ("camera", "door", "door_1", "door_2"):
        store.add_camera(name)
    return store


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    """Five JPEG files of different sizes, so that it shows which one arrived."""
    folder = tmp_path / "footage"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.jpg").write_bytes(encode(np.full((48, 64 + number, 3), 128, np.uint8)))
    return folder


@contextmanager
def bridge(
    store: FrameStore, port: int = 0, talk: CameraTalk | None = None, **cameras: CameraAccess
) -> Iterator[IngestServer]:
    settings = IngestSettings(host="127.0.0.1", port=port, cameras=MappingProxyType(cameras))
    with IngestServer(
        settings,
        store,
        clock=SystemClock(),
        supervisor=Supervisor(),
        admit=store.add_camera,
        talk=talk or FakeTalk(),
        redirect_url=lambda host: f"http://{host}/",
    ) as server:
        yield server


def url(server: IngestServer, path: str = "/ws/door") -> str:
    return f"ws://127.0.0.1:{server.port}{path}"


def test_every_picture_of_one_pass_arrives_byte_for_byte_with_its_capture_time(
    store: FrameStore, footage: Path
) -> None:
    with bridge(store, door=CameraAccess()) as server:
        began_unix_s = time.time()
        assert run(SimulateOptions(url(server), str(footage), fps=20, loop=False)) == 0
    status = store.status("door")
    newest = store.newest("door")
    assert (status.received, status.rejected) == (5, {})
    assert newest is not None
    assert newest.jpeg == (footage / "4.jpg").read_bytes()
    assert newest.captured_unix_s is not None
    assert began_unix_s <= newest.captured_unix_s <= newest.received_unix_s + 0.001
    assert status.hello["board"] == "simulated"
    assert status.telemetry["rssi_dbm"] == -55


def test_the_bridges_limit_is_obeyed(store: FrameStore, footage: Path) -> None:
    with bridge(store, talk=FakeTalk({"door": {"max_fps": 5}}), door=CameraAccess()) as server:
        assert run(SimulateOptions(url(server), str(footage), fps=50, duration_s=1.0)) == 0
    assert 4 <= store.status("door").received <= 6


def test_several_cameras_send_under_their_own_names_from_different_places(store: FrameStore, footage: Path) -> None:
    with bridge(store, door_1=CameraAccess(), door_2=CameraAccess()) as server:
        options = SimulateOptions(url(server), str(footage), fps=0.5, cameras=2, duration_s=1.6)
        assert run(options) == 0
    first, second = store.newest("door_1"), store.newest("door_2")
    assert first is not None
    assert second is not None
    assert (first.jpeg, second.jpeg) == ((footage / "0.jpg").read_bytes(), (footage / "2.jpg").read_bytes())


def test_the_first_sketch_sends_to_the_default_camera(store: FrameStore, footage: Path) -> None:
    with bridge(store) as server:
        assert run(SimulateOptions(url(server, "/ws"), str(footage), fps=20, loop=False, legacy=True)) == 0
        status = store.status("camera")
    assert (status.received, status.state, dict(status.hello)) == (5, CameraState.ONLINE, {})


def test_the_first_sketch_ends_with_1_when_the_bridge_stops(
    store: FrameStore, footage: Path, wait_until: WaitUntil, caplog: pytest.LogCaptureFixture
) -> None:
    codes: list[int] = []
    with bridge(store) as server:
        options = SimulateOptions(url(server, "/ws"), str(footage), fps=20, legacy=True)
        thread = threading.Thread(target=lambda: codes.append(run(options)), name="simulate", daemon=True)
        thread.start()
        wait_until(lambda: store.status("camera").received > 2)
        server.stop()
        thread.join(5)
    assert codes == [1]
    assert any("camera: link closed: 1001" in message for message in caplog.messages)


def test_the_first_sketch_ends_with_1_when_nobody_is_there(footage: Path, free_port: int) -> None:
    assert run(SimulateOptions(f"ws://127.0.0.1:{free_port}/ws", str(footage), legacy=True)) == 1


def test_a_token_opens_the_door(store: FrameStore, footage: Path) -> None:
    with bridge(store, door=CameraAccess(token=OPEN_SESAME)) as server:
        options = SimulateOptions(url(server), str(footage), fps=20, loop=False, token=OPEN_SESAME)
        assert run(options) == 0
    assert store.status("door").received == 5


@pytest.mark.parametrize(
    ("path", "token", "words"),
    [
        ("/ws/door", "guess", "door: no link: 4401 wrong token"),
        ("/ws/door", None, "door: no link: 4401 no token"),
        ("/ws/garden", None, "garden: no link: 4403 garden waits for approval"),
    ],
)
def test_a_refusal_is_shown_with_its_mend_and_the_camera_goes_on_trying(
    store: FrameStore, footage: Path, caplog: pytest.LogCaptureFixture, path: str, token: str | None, words: str
) -> None:
    with bridge(store, door=CameraAccess(token=OPEN_SESAME)) as server:
        assert run(SimulateOptions(url(server, path), str(footage), token=token, duration_s=1.0)) == 0
    refusals = [message for message in caplog.messages if message.startswith(words)]
    assert refusals
    assert "next try in " in refusals[0]
    assert OPEN_SESAME not in caplog.text


def test_a_camera_comes_back_as_often_as_the_bridge_is_restarted(
    store: FrameStore, footage: Path, free_port: int, wait_until: WaitUntil
) -> None:
    address = f"ws://127.0.0.1:{free_port}/ws/door"
    patience = Patience(lost=Backoff(0.05, 0.1))
    source = open_source(str(footage))
    twin = Esp32Twin("door", source, dial=partial(dial, address), clock=SystemClock(), fps=20, patience=patience)
    worker = Worker("cameras", Fleet([twin]).run, Supervisor())
    worker.start()
    received = [0]

    def three_more() -> bool:
        return store.status("door").received >= received[-1] + 3

    for _ in range(3):
        with bridge(store, free_port, door=CameraAccess()):
            wait_until(three_more)
        received.append(store.status("door").received)
    assert worker.stop()


def test_damaged_pictures_are_delivered_and_counted_and_cost_no_connection(
    store: FrameStore, footage: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = (footage / "0.jpg").read_bytes()
    (footage / "1.jpg").write_bytes(good[:-2])
    (footage / "2.jpg").write_bytes(b"not a picture")
    (footage / "3.jpg").write_bytes(b"")
    caplog.set_level(logging.INFO)
    with bridge(store, door=CameraAccess()) as server:
        assert run(SimulateOptions(url(server), str(footage), fps=50, loop=False)) == 0
    status = store.status("door")
    assert (status.received, status.rejected) == (2, {"truncated": 1, "not_jpeg": 1, "empty": 1})
    assert sum("door: connected" in message for message in caplog.messages) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_ends_cleanly_on_a_signal(
    store: FrameStore, footage: Path, wait_until: WaitUntil, number: signal.Signals
) -> None:
    with bridge(store, door=CameraAccess()) as server:
        command = [sys.executable, "-m", "bridge", "simulate", "--url", url(server), "--source", str(footage)]
        environment = os.environ | {"PYTHONPATH": str(REPO), "PYTHONWARNINGS": "error"}
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
            wait_until(lambda: store.status("door").received > 2, timeout_s=20)
            process.send_signal(number)
            began_s = time.monotonic()
            _, log = process.communicate(timeout=10)
    assert process.returncode == 0
    assert time.monotonic() - began_s < 2
    assert "door: welcome, sending 10 fps" in log
    assert "frames sent" in log
    assert "Traceback" not in log
