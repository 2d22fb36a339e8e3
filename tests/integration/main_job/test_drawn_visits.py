"""The whole bridge in this process with a detector of drawn people: what needs neither model nor footage.

Broker, WebSocket, HTTP and the camera twin are real.
"""

from __future__ import annotations

import http.client
import json
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from websockets.sync.client import connect

from bridge.app import App
from bridge.config.schema import Config
from bridge.detect.fake import COLOURS, FakeDetector
from bridge.errors import WorkerCrashed
from bridge.frames.codec import encode
from bridge.frames.jpeg import read_comment
from bridge.runtime.clock import SystemClock
from bridge.simulate.camera import dial
from bridge.simulate.fleet import Fleet
from bridge.simulate.source import open_source
from bridge.simulate.twin import Esp32Twin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.model import EventChange
    from tests.conftest import ListenerFactory, MosquittoFactory, WaitUntil

pytestmark = pytest.mark.integration

_FPS = 10
_VISITS = 2
# Before each visit: time enough for the end of the one before, also where a busy machine sees nothing for a second.
_EMPTY_FRAMES = 20


@pytest.fixture
def visits(tmp_path: Path) -> Path:
    """A folder of JPEGs: an empty room, and a drawn person who walks through it, twice."""
    folder = tmp_path / "visits"
    folder.mkdir()
    number = 0
    for _ in range(_VISITS):
        for step in range(-_EMPTY_FRAMES, 15):
            image = np.full((240, 320, 3), 128, np.uint8)
            if step >= 0:
                left = 10 + step * 15
                image[60:200, left : left + 60] = COLOURS["person"]
            (folder / f"{number:03}.jpg").write_bytes(encode(image))
            number += 1
    for _ in range(15):
        (folder / f"{number:03}.jpg").write_bytes(encode(np.full((240, 320, 3), 128, np.uint8)))
        number += 1
    return folder


def config(mqtt_port: int, **sections: Any) -> Config:  # noqa: ANN401 - sections as in YAML
    defaults = {"events": {"end_after_s": 0.6, "min_hits": 2}, "detect": {"max_fps": 10}}
    return Config.model_validate(
        {
            "mqtt": {"port": mqtt_port},
            "ingest": {"host": "127.0.0.1", "port": 0, **sections.pop("ingest", {})},
            "http": {"host": "127.0.0.1", "port": 0},
            "defaults": defaults,
            "cameras": [{"id": "door", "token": "opensesame"}],
            **sections,
        }
    )


def twin(app: App, source: Path, camera: str = "door", token: str | None = "opensesame", **play: bool) -> Esp32Twin:
    url = f"ws://127.0.0.1:{app.ingest_port}/ws/{camera}"
    footage = open_source(str(source), **play)
    return Esp32Twin(camera, footage, dial=partial(dial, url, token), clock=SystemClock(), fps=_FPS)


@contextmanager
def playing(*twins: Esp32Twin) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=Fleet(twins).run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def test_each_drawn_visit_is_one_event_with_its_picture_first(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, visits: Path, wait_until: WaitUntil
) -> None:
    broker = mosquitto()
    listener = mqtt_listener(broker.port, "espcam/door/#")
    with App(config(broker.port), load=FakeDetector) as app:
        wait_until(lambda: all(part.ready for part in app.readiness()), 10, "ready")
        Fleet([twin(app, visits, loop=False)]).run(threading.Event())
        listener.wait_for("espcam/door/person", b"OFF", 10, count=1 + _VISITS)
    seen = [heard.json() for heard in listener.on("espcam/door/events")]
    told = [change["type"] for change in seen if change["type"] != "update"]
    assert told == ["new", "end"] * _VISITS
    topics = [heard for heard in listener.heard if heard.topic.endswith(("/thumbnail", "/events"))]
    for place, heard in enumerate(topics):
        if heard.topic.endswith("/events") and heard.json()["type"] == "new":
            assert read_comment(topics[place - 1].payload) == heard.json()["id"]
    states = [heard.payload for heard in listener.on("espcam/door/person")]
    assert states == [b"OFF", *[b"ON", b"OFF"] * _VISITS]
    counts = [heard.payload for heard in listener.on("espcam/door/person/count")]
    assert counts == [b"0", *[b"1", b"0"] * _VISITS]


def test_events_of_a_broker_outage_arrive_in_order_after_it(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, visits: Path, wait_until: WaitUntil
) -> None:
    broker = mosquitto()
    happened: list[EventChange] = []
    with App(config(broker.port), load=FakeDetector, listeners=[happened.append]) as app:
        wait_until(lambda: all(part.ready for part in app.readiness()), 10, "ready")
        broker.kill()
        Fleet([twin(app, visits, loop=False)]).run(threading.Event())
        wait_until(lambda: [c.type.value for c in happened].count("end") == _VISITS, 5, "two visits without a broker")
        broker.start()
        listener = mqtt_listener(broker.port, "espcam/door/#")
        listener.wait_for("espcam/door/events", timeout_s=30, count=len(happened))
    seen = [(heard.json()["id"], heard.json()["type"]) for heard in listener.on("espcam/door/events")]
    assert seen == [(change.event.id, change.type.value) for change in happened]


def test_open_event_is_ended_when_the_bridge_stops(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, tmp_path: Path, wait_until: WaitUntil
) -> None:
    image = np.full((240, 320, 3), 128, np.uint8)
    image[60:200, 100:160] = COLOURS["person"]
    (tmp_path / "someone.jpg").write_bytes(encode(image))
    broker = mosquitto()
    listener = mqtt_listener(broker.port, "espcam/#")
    with App(config(broker.port), load=FakeDetector) as app, playing(twin(app, tmp_path / "someone.jpg")):
        wait_until(lambda: listener.on("espcam/door/events"), 10, "somebody is there")
    listener.wait_for("espcam/bridge/state", b"offline")
    kinds = [heard.json()["type"] for heard in listener.on("espcam/door/events")]
    assert (kinds[0], kinds[-1], kinds.count("end")) == ("new", "end", 1)
    assert listener.newest("espcam/door/person") == b"OFF"


def test_unknown_camera_that_is_accepted_gets_everything_a_configured_one_has(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, visits: Path, wait_until: WaitUntil
) -> None:
    broker = mosquitto()
    listener = mqtt_listener(broker.port, "#")
    settings = config(broker.port, ingest={"unknown_cameras": "accept"})
    with App(settings, load=FakeDetector) as app, playing(twin(app, visits, "shed", token=None)):
        listener.wait_for("homeassistant/device/espcam-bridge_shed/config", timeout_s=10)
        listener.wait_for("espcam/shed/availability", b"online")
        listener.wait_for("espcam/shed/events", timeout_s=15)
        wait_until(lambda: "shed" in json.loads(listener.newest("espcam/bridge/info") or b"{}")["cameras"], 5)


def test_what_a_camera_tells_of_itself_reaches_the_api_and_mqtt(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, wait_until: WaitUntil
) -> None:
    broker = mosquitto()
    listener = mqtt_listener(broker.port, "espcam/door/#")
    picture = encode(np.full((240, 320, 3), 128, np.uint8))
    with App(config(broker.port), load=FakeDetector) as app:
        url = f"ws://127.0.0.1:{app.ingest_port}/ws/door?token=opensesame"
        with connect(url) as link:
            link.send(json.dumps({"type": "hello", "v": 1, "board": "ai_thinker", "firmware": "mine"}))
            welcome = json.loads(link.recv(5))
            link.send(json.dumps({"type": "telemetry", "rssi_dbm": -61, "uptime_s": 5}))
            link.send(picture)
            listener.wait_for("espcam/door/telemetry")
            wait_until(lambda: api_camera(app)["hello"].get("board") == "ai_thinker", 5, "the hello in the API")
            camera = api_camera(app)
    assert (welcome["type"], welcome["camera_id"], welcome["values"]) == ("welcome", "door", {"max_fps": 15.0})
    assert camera["telemetry"]["rssi_dbm"] == -61
    assert json.loads(listener.newest("espcam/door/telemetry") or b"{}")["rssi_dbm"] == -61


def api_camera(app: App) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", app.http_port, timeout=5)
    connection.request("GET", "/api/cameras/door")
    answer: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def test_crash_of_a_part_ends_the_whole_with_its_cause(mosquitto: MosquittoFactory, tmp_path: Path) -> None:
    def broken(_change: EventChange) -> None:
        raise ZeroDivisionError("a listener that fails")

    picture = np.full((240, 320, 3), 128, np.uint8)
    picture[60:200, 100:160] = COLOURS["person"]
    with App(config(mosquitto().port), load=FakeDetector, listeners=[broken]) as app:
        source = tmp_path / "someone.jpg"
        source.write_bytes(encode(picture))
        with playing(twin(app, source)), pytest.raises(WorkerCrashed, match="infer crashed") as caught:
            app.wait(10)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
