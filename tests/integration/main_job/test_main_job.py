"""The main job, end to end, as a user runs it: real broker, real cameras' protocol, real model, real footage."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from websockets.sync.client import connect

from bridge.frames.jpeg import read_comment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Heard, Listener, ListenerFactory, MosquittoFactory, WaitUntil
    from tests.integration.main_job.conftest import Bridge, BridgeStarter, Starter, Story

pytestmark = pytest.mark.integration

VISITORS = 6
# Between two visits of the footage nobody is seen for 3.3, 5.5, 4.6, 6.1 and 3.8 s: an end after 2 s comes before the
# next beginning, also where a busy machine is late by a second, and a visit survives where it sees nothing for as long.
PERSON_CAMERA = """
cameras:
  - {id: door, events: {end_after_s: 2}, detect: {max_fps: 10}}
"""
NO_MODEL = {"ESPCAM_BRIDGE_MODELS": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent"}


def footage(shared: Path) -> Path:
    path = shared / "footage" / "one-by-one-person.mp4"
    if not path.exists():
        pytest.skip(f"no footage at {path}")
    return path


def changes(listener: Listener, camera: str = "door") -> list[tuple[Heard, dict[str, Any]]]:
    return [(heard, heard.json()) for heard in listener.on(f"espcam/{camera}/events")]


def wait_for_model(bridge: Bridge, wait_until: WaitUntil) -> None:
    wait_until(lambda: bridge.get("/readyz")[0] == 200, 60, "ready")


@pytest.mark.model
@pytest.mark.timeout(300)
def test_six_visitors_make_six_events_each_after_its_picture(
    shared: Path,
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    start_bridge: BridgeStarter,
    espcam_bridge: Starter,
    wait_until: WaitUntil,
    story: Story,
) -> None:
    broker = mosquitto()
    listener = mqtt_listener(broker.port, "espcam/#")
    bridge = start_bridge(broker.port, PERSON_CAMERA)
    wait_for_model(bridge, wait_until)

    camera = espcam_bridge(
        "simulate", "--url", f"{bridge.camera_url}/door", "--source", str(footage(shared)), "--fps", "10", "--no-loop"
    )
    assert camera.wait(180) == 0, camera.log()
    with story(listener):
        wait_until(lambda: all_ended(listener), 10, "the sixth end")
        check_six_visits(listener)


def all_ended(listener: Listener) -> bool:
    """Whether every visitor came and went, and nothing is open."""
    kinds = [change["type"] for _, change in changes(listener)]
    return kinds.count("end") == kinds.count("new") >= VISITORS


def check_six_visits(listener: Listener) -> None:
    seen = changes(listener)
    news = [change for _, change in seen if change["type"] == "new"]
    ends = [change for _, change in seen if change["type"] == "end"]
    assert len(news) == len(ends) == VISITORS
    assert [new["id"] for new in news] == [end["id"] for end in ends], "one by one, in order"
    assert [new["id"] for new in news] == sorted(new["id"] for new in news), "ids sort by time"
    for new, end in zip(news, ends, strict=True):
        own = [change["type"] for _, change in seen if change["id"] == new["id"]]
        assert own == ["new", *["update"] * (len(own) - 2), "end"]
        assert new["label"] == end["label"] == "person"
        assert new["start_time"] <= end["end_time"]
        assert new["latency_ms"] >= 0
    check_each_picture_came_before_its_event(listener, seen)
    states = [heard.payload for heard in listener.on("espcam/door/person")]
    assert states == [b"OFF", *[b"ON", b"OFF"] * VISITORS]
    assert len(listener.on("espcam/door/detected")) == VISITORS


def check_each_picture_came_before_its_event(listener: Listener, seen: list[tuple[Heard, dict[str, Any]]]) -> None:
    order = list(listener.heard)
    for heard, change in seen:
        if change["type"] != "new":
            continue
        before = [one for one in order[: order.index(heard)] if one.topic == "espcam/door/person/thumbnail"]
        assert change["has_thumbnail"]
        assert before, "a picture before the first event"
        assert read_comment(before[-1].payload) == change["id"], "and it is this event's"


@pytest.mark.model
@pytest.mark.timeout(120)
def test_damaged_frames_twenty_times_over_harm_neither_the_connection_nor_another_camera(
    shared: Path,
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    start_bridge: BridgeStarter,
    espcam_bridge: Starter,
    wait_until: WaitUntil,
    story: Story,
) -> None:
    broker = mosquitto()
    listener = mqtt_listener(broker.port, "espcam/#")
    bridge = start_bridge(broker.port, "cameras: [{id: door}, {id: noisy}]")
    wait_for_model(bridge, wait_until)
    person = shared / "frames" / "person-vga.jpg"
    espcam_bridge("simulate", "--url", f"{bridge.camera_url}/door", "--source", str(person), "--fps", "5")
    wait_until(lambda: changes(listener), 10, "the other camera's event")

    frames = sorted((shared / "frames").glob("*.jpg"))
    with connect(f"{bridge.camera_url}/noisy") as link:
        send_round(link, frames)
        before_bytes = bridge.rss_bytes()
        for _ in range(19):
            send_round(link, frames)
        link.ping().wait(5)  # the connection is open, and all that was sent is read

        def counted() -> bool:
            camera = bridge.get_json("/api/cameras/noisy")
            return bool(camera["received"] + sum(camera["rejected"].values()) >= len(frames) * 20)

        wait_until(counted, 10, "every frame counted")
        noisy = bridge.get_json("/api/cameras/noisy")
    bad = {path.name: path for path in frames if path.name.startswith("bad-")}
    # bad-bitflips.jpg is whole on the outside; libjpeg mends what it can, so it may count as good.
    refused = sum(noisy["rejected"].values())
    assert (len(bad) - 1) * 20 <= refused <= len(bad) * 20
    assert {"empty", "not_jpeg", "truncated", "glued", "too_many_pixels"} <= set(noisy["rejected"])
    assert bridge.rss_bytes() - before_bytes < 16 * 1024 * 1024
    with story(listener):
        kinds = [change["type"] for _, change in changes(listener)]
        assert kinds.count("new") == 1, "one long visit in the other camera"
        assert "end" not in kinds
    assert listener.newest("espcam/door/person") == b"ON"


def send_round(link: Any, frames: list[Path]) -> None:  # noqa: ANN401 - websockets' connection
    for path in frames:
        link.send(path.read_bytes())
        time.sleep(0.002)


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """A folder of two JPEGs of a drawn room in which a square jumps: motion without a model."""
    import numpy as np

    from bridge.frames.codec import encode

    folder = tmp_path / "drawn"
    folder.mkdir()
    for number, left in enumerate((40, 400)):
        image = np.full((480, 640, 3), 90, np.uint8)
        image[100:380, left : left + 160] = (30, 200, 240)
        (folder / f"{number}.jpg").write_bytes(encode(image))
    return folder


def test_without_a_model_live_view_and_motion_go_on_and_the_reason_is_told(
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    start_bridge: BridgeStarter,
    espcam_bridge: Starter,
    drawn: Path,
) -> None:
    broker = mosquitto()
    listener = mqtt_listener(broker.port, "espcam/#")
    bridge = start_bridge(
        broker.port, "detector: {model: nowhere/none_openvino_model}\ncameras: [{id: door}]", NO_MODEL
    )
    espcam_bridge("simulate", "--url", f"{bridge.camera_url}/door", "--source", str(drawn), "--fps", "2")

    listener.wait_for("espcam/door/availability", b"online")
    listener.wait_for("espcam/door/motion", b"ON", 10)
    listener.wait_for("espcam/door/snapshot", timeout_s=10)
    status, body = bridge.get("/readyz")
    assert status == 503
    assert "none_openvino_model" in body.decode()
    assert "none_openvino_model" in bridge.get("/")[1].decode()
    assert bridge.get("/cameras/door/snapshot.jpg")[1].startswith(b"\xff\xd8")


def test_camera_killed_is_offline_and_restarted_is_online_again(
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    start_bridge: BridgeStarter,
    espcam_bridge: Starter,
    drawn: Path,
) -> None:
    broker = mosquitto()
    listener = mqtt_listener(broker.port, "espcam/#")
    bridge = start_bridge(broker.port, "cameras: [{id: door, offline_after_s: 1}]", NO_MODEL)
    dial = ("simulate", "--url", f"{bridge.camera_url}/door", "--source", str(drawn), "--fps", "5")
    camera = espcam_bridge(*dial)
    listener.wait_for("espcam/door/availability", b"online")
    camera.signal(signal.SIGKILL)
    listener.wait_for("espcam/door/availability", b"offline", 5, count=2)  # the first is from before any frame
    assert bridge.get_json("/api/cameras/door")["state"] == "offline"
    assert bridge.get("/cameras/door/snapshot.jpg")[0] == 200
    espcam_bridge(*dial)
    listener.wait_for("espcam/door/availability", b"online", count=2)


def test_broker_killed_and_restarted_hears_everything_again(
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    start_bridge: BridgeStarter,
    espcam_bridge: Starter,
    drawn: Path,
    wait_until: WaitUntil,
) -> None:
    broker = mosquitto()
    bridge = start_bridge(broker.port, "cameras: [{id: door}]", NO_MODEL)
    espcam_bridge("simulate", "--url", f"{bridge.camera_url}/door", "--source", str(drawn), "--fps", "5")
    mqtt_listener(broker.port).wait_for("espcam/door/availability", b"online")
    broker.kill()
    wait_until(lambda: not mqtt_ready(bridge), 10, "the loss is noticed")
    broker.start()
    listener = mqtt_listener(broker.port)
    listener.wait_for("espcam/bridge/state", b"online", 30)
    listener.wait_for("espcam/door/availability", b"online")
    listener.wait_for("homeassistant/device/espcam-bridge_door/config")
    assert mqtt_ready(bridge)


def mqtt_ready(bridge: Bridge) -> bool:
    answer = bridge.get("/metrics")[1].decode()
    return "espcam_mqtt_connected 1.0" in answer


@pytest.fixture
def viewers() -> Iterator[list[socket.socket]]:
    opened: list[socket.socket] = []
    yield opened
    for viewer in opened:
        viewer.close()


def test_told_to_stop_with_twenty_viewers_it_ends_within_three_seconds_and_says_offline(
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    start_bridge: BridgeStarter,
    espcam_bridge: Starter,
    drawn: Path,
    viewers: list[socket.socket],
    wait_until: WaitUntil,
) -> None:
    broker = mosquitto()
    listener = mqtt_listener(broker.port)
    bridge = start_bridge(broker.port, "cameras: [{id: door}]", NO_MODEL)
    espcam_bridge("simulate", "--url", f"{bridge.camera_url}/door", "--source", str(drawn), "--fps", "10")
    listener.wait_for("espcam/door/availability", b"online")
    for _ in range(20):
        viewer = socket.create_connection(("127.0.0.1", bridge.http_port))
        viewer.sendall(b"GET /cameras/door/stream.mjpg HTTP/1.1\r\nHost: x\r\n\r\n")
        assert viewer.recv(100).startswith(b"HTTP/1.1 200")
        viewers.append(viewer)
    wait_until(lambda: bridge.get_json("/api/cameras/door")["viewers"] == 20, 5, "twenty viewers")

    exit_code, took_s = bridge.stop()

    assert exit_code == 0, bridge.log()
    assert took_s < 3
    listener.wait_for("espcam/bridge/state", b"offline")
    assert "Traceback" not in bridge.log()


def test_first_sketch_works_unmodified_and_its_old_address_shows_the_picture(
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    start_bridge: BridgeStarter,
    espcam_bridge: Starter,
    drawn: Path,
) -> None:
    broker = mosquitto()
    listener = mqtt_listener(broker.port)
    bridge = start_bridge(broker.port, "", NO_MODEL)
    espcam_bridge("simulate", "--legacy", "--url", bridge.camera_url, "--source", str(drawn), "--fps", "5")
    listener.wait_for("espcam/camera/availability", b"online")

    connection = http.client.HTTPConnection("127.0.0.1", bridge.ingest_port, timeout=5)
    connection.request("GET", "/")
    answer = connection.getresponse()
    connection.close()
    assert answer.status == 302
    assert answer.headers["Location"] == f"http://127.0.0.1:{bridge.http_port}/cameras/camera/stream.mjpg"


def test_hangup_takes_up_a_right_configuration_and_refuses_a_wrong_one(
    mosquitto: MosquittoFactory, start_bridge: BridgeStarter, wait_until: WaitUntil
) -> None:
    bridge = start_bridge(mosquitto().port, "cameras: [{id: door}]", NO_MODEL)
    right = bridge.config_file.read_text()

    bridge.config_file.write_text(right.replace("cameras:", "camera:"))
    bridge.signal(signal.SIGHUP)
    wait_until(lambda: "did you mean cameras?" in bridge.log(), 5, "the problem is told")
    assert [camera["id"] for camera in bridge.get_json("/api/cameras")["cameras"]] == ["door"]

    bridge.config_file.write_text(right.replace("id: door", "id: garden"))
    bridge.signal(signal.SIGHUP)

    def shows_garden() -> bool:
        try:
            return [camera["id"] for camera in bridge.get_json("/api/cameras")["cameras"]] == ["garden"]
        except (OSError, json.JSONDecodeError):  # for a moment nobody listens
            return False

    wait_until(shows_garden, 10, "the new camera")
    assert bridge.stop()[0] == 0


def test_taken_port_ends_with_one_clear_line(
    mosquitto: MosquittoFactory, start_bridge: BridgeStarter, espcam_bridge: Starter
) -> None:
    bridge = start_bridge(mosquitto().port, "", NO_MODEL)
    second = espcam_bridge("run", "-c", str(bridge.config_file))
    assert second.wait(30) == 1
    assert f"127.0.0.1:{bridge.http_port}" in second.log() or f"127.0.0.1:{bridge.ingest_port}" in second.log()
    assert "Traceback" not in second.log()


def test_wrong_configuration_ends_with_code_two_and_every_problem(espcam_bridge: Starter, tmp_path: Path) -> None:
    config = tmp_path / "wrong.yaml"
    config.write_text("mqtt: {prot: 1883}\nhttp: {port: 99999}\n")
    command = espcam_bridge("run", "-c", str(config))
    assert command.wait(30) == 2
    assert "wrong.yaml:1: mqtt.prot" in command.log()
    assert "wrong.yaml:2: http.port" in command.log()


def test_stop_while_the_broker_is_away_is_quick(start_bridge: BridgeStarter, free_port: int) -> None:
    bridge = start_bridge(free_port, "", NO_MODEL)
    exit_code, took_s = bridge.stop()
    assert exit_code == 0
    assert took_s < 3
