"""Twins and the bridge's own camera port: they understand each other, and come back after every loss."""

from __future__ import annotations

import itertools
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
from typing import IO, TYPE_CHECKING, Any

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
from bridge.simulate.source import Still, open_source
from bridge.simulate.twin import Esp32Twin, Looks, Patience

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.ingest.talk import CameraTalk
    from bridge.model import ControlValue
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
        # Pictures that leave before the limit arrives count as well: at 10 a second there is at most one of them.
        assert run(SimulateOptions(url(server), str(footage), fps=10, duration_s=1.0)) == 0
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
        ("/ws/door", None, "door: no link: 4401 wrong token"),
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


# --- commands ------------------------------------------------------------------------------------------------------

OFFERED = ["ecf1", "framesize", "quality", "max_fps", "flash", "restart", "update"]


@contextmanager
def twin_at(server: IngestServer, *, lacks: frozenset[str] = frozenset(), deaf: bool = False) -> Iterator[None]:
    """A board at the camera ``door`` that films a grey wall in VGA, 20 pictures a second."""
    twin = Esp32Twin(
        "door",
        Still(np.full((480, 640, 3), 128, np.uint8), loop=True),
        dial=partial(dial, url(server)),
        clock=SystemClock(),
        fps=20,
        patience=Patience(restart_s=0.05),
        looks=Looks(lacks=lacks, deaf=deaf),
    )
    worker = Worker("cameras", Fleet([twin]).run, Supervisor())
    worker.start()
    try:
        yield
    finally:
        assert worker.stop()


def told(talk: FakeTalk, what: str) -> list[Any]:
    """What was heard of this kind, in order."""
    return [told[2] for told in talk.heard if told[0] == what]


@pytest.mark.parametrize(
    ("wanted", "state"),
    [
        ({"flash": 128}, {"flash": 128}),
        ({"flash": True}, {"flash": 255}),
        ({"framesize": "QVGA"}, {"framesize": "QVGA"}),
        ({"quality": 40}, {"quality": 40}),
        ({"max_fps": 4.5}, {"max_fps": 4.5, "fps": 4.5}),
        ({"max_fps": 50, "quality": 5, "flash": 0}, {"max_fps": 50, "fps": 20, "quality": 5, "flash": 0}),
    ],
)
def test_every_setting_takes_effect_and_comes_back_within_a_second(
    store: FrameStore, wait_until: WaitUntil, wanted: dict[str, ControlValue], state: dict[str, ControlValue]
) -> None:
    talk = FakeTalk()
    with bridge(store, talk=talk, door=CameraAccess()) as server, twin_at(server):
        wait_until(lambda: told(talk, "told_state"))
        assert server.set_values("door", 7, wanted)
        wait_until(lambda: len(told(talk, "told_state")) == 2, timeout_s=1)
        before = {"framesize": "VGA", "quality": 12, "fps": 20, "flash": 0}
        assert talk.heard[-2:] == [("acknowledged", "door", 7, ""), ("told_state", "door", before | state)]
    (hello,) = told(talk, "greeted")
    assert hello["capabilities"] == OFFERED


def test_a_smaller_framesize_makes_smaller_pictures(store: FrameStore, wait_until: WaitUntil) -> None:
    talk = FakeTalk({"door": {"framesize": "QVGA"}})
    with bridge(store, talk=talk, door=CameraAccess()) as server, twin_at(server):
        wait_until(lambda: store.status("door").width_px == 320)
        assert server.set_values("door", 1, {"framesize": "VGA"})
        wait_until(lambda: store.status("door").width_px == 640, timeout_s=1)


def test_a_setting_that_cannot_be_is_refused_and_the_state_says_what_is(
    store: FrameStore, wait_until: WaitUntil
) -> None:
    talk = FakeTalk()
    with bridge(store, talk=talk, door=CameraAccess()) as server, twin_at(server):
        wait_until(lambda: told(talk, "told_state"))
        assert server.set_values("door", 7, {"framesize": "UXGA", "flash": 9})
        wait_until(lambda: len(told(talk, "told_state")) == 2)
    assert talk.heard[2] == ("acknowledged", "door", 7, "framesize: not one of QQVGA, QVGA, HVGA, VGA")
    assert told(talk, "told_state")[-1] == {"framesize": "VGA", "quality": 12, "fps": 20, "flash": 9}


def test_a_restarted_board_comes_back_with_the_reason_and_its_settings(
    store: FrameStore, wait_until: WaitUntil
) -> None:
    talk = FakeTalk()
    with bridge(store, talk=talk, door=CameraAccess()) as server, twin_at(server):
        wait_until(lambda: told(talk, "told_state"))
        assert server.set_values("door", 1, {"quality": 40, "max_fps": 10})
        assert server.restart("door", 2)
        wait_until(lambda: len(told(talk, "told_state")) == 3)
        assert [hello["reset_reason"] for hello in told(talk, "greeted")] == ["power_on", "software"]
        assert [said[0] for said in talk.heard[2:]] == [
            "acknowledged", "told_state", "acknowledged", "left", "greeted", "told_state",
        ]  # fmt: skip
        state = {"framesize": "VGA", "quality": 40, "max_fps": 10, "fps": 10, "flash": 0}
        assert told(talk, "told_state")[1:] == [state, state]
        wait_until(lambda: store.status("door").telemetry.get("reconnects") == 0)


def test_a_board_that_lacks_abilities_does_not_offer_them(store: FrameStore, wait_until: WaitUntil) -> None:
    talk = FakeTalk()
    lacks = frozenset({"flash", "restart"})
    with bridge(store, talk=talk, door=CameraAccess()) as server, twin_at(server, lacks=lacks):
        wait_until(lambda: told(talk, "told_state"))
        assert told(talk, "greeted")[0]["capabilities"] == ["ecf1", "framesize", "quality", "max_fps", "update"]
        assert told(talk, "told_state") == [{"framesize": "VGA", "quality": 12, "fps": 20}]
        assert server.restart("door", 1)
        wait_until(lambda: ("acknowledged", "door", 1, "restart: cannot be done on this board") in talk.heard)


def test_a_deaf_board_goes_on_sending_and_never_answers(
    store: FrameStore, wait_until: WaitUntil, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    talk = FakeTalk()
    with bridge(store, talk=talk, door=CameraAccess()) as server, twin_at(server, deaf=True):
        wait_until(lambda: told(talk, "told_state"))
        assert server.set_values("door", 1, {"flash": 9})
        assert server.restart("door", 2)
        wait_until(lambda: "door: command 2: restart: passed over, being deaf" in caplog.messages)
        received = store.status("door").received
        wait_until(lambda: store.status("door").received > received + 2)
        assert [said[0] for said in talk.heard] == ["greeted", "told_state"]


def test_the_first_sketch_is_greeted_as_a_legacy_camera_and_gets_no_command(store: FrameStore, footage: Path) -> None:
    talk = FakeTalk()
    with bridge(store, talk=talk) as server:
        assert run(SimulateOptions(url(server, "/ws"), str(footage), fps=20, loop=False, legacy=True)) == 0
        assert not server.restart("camera", 1)
    assert talk.heard == [("greeted", "camera", {}), ("left", "camera")]


def lines_about_commands(log: IO[str]) -> list[str]:
    """The first two."""
    return list(itertools.islice((line for line in log if ": command " in line), 2))


def test_the_command_lines_options_make_such_boards_and_its_log_shows_what_they_obey(
    store: FrameStore, footage: Path, wait_until: WaitUntil
) -> None:
    talk = FakeTalk()
    with bridge(store, talk=talk, door_1=CameraAccess(), door_2=CameraAccess()) as server:
        command = [sys.executable, "-m", "bridge", "simulate", "--url", url(server), "--source", str(footage)]
        environment = os.environ | {"PYTHONPATH": str(REPO), "PYTHONWARNINGS": "error"}
        logs = []
        for options in (["--cameras", "2", "--without", "flash,restart"], ["--deaf", "--cameras", "2"]):
            talk.heard.clear()
            with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True, env=environment) as process:
                wait_until(lambda: len(told(talk, "told_state")) == 2, timeout_s=20)
                assert server.set_values("door_1", 1, {"max_fps": 5})
                assert server.set_values("door_2", 2, {"flash": 5})
                assert process.stderr is not None
                logs.append({line.partition("door_")[2].strip() for line in lines_about_commands(process.stderr)})
                process.terminate()
            offered = (
                {"ecf1", "max_fps", "update"}
                if "--without" in options
                else {"ecf1", "max_fps", "flash", "restart", "update"}
            )
            assert [set(hello["capabilities"]) for hello in told(talk, "greeted")] == [offered] * 2
    assert logs == [
        {
            '1: command 1: set {"max_fps": 5}: done',
            '2: command 2: set {"flash": 5}: refused: flash: cannot be set on this board',
        },
        {
            '1: command 1: set {"max_fps": 5}: passed over, being deaf',
            '2: command 2: set {"flash": 5}: passed over, being deaf',
        },
    ]


# --- the end -------------------------------------------------------------------------------------------------------


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
