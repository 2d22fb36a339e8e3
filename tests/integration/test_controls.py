"""Commands over MQTT, from a real broker through a bridge in a process of its own to a camera twin and back."""

from __future__ import annotations

import json
import os
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import pytest

from bridge.app import App
from bridge.config.schema import Config
from bridge.detect.fake import FakeDetector
from tests.conftest import Listener, Mosquitto
from tests.homeassistant.harness.bridge import Bridge, Camera
from tests.homeassistant.harness.drawn import save_model
from tests.homeassistant.harness.process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import ListenerFactory, MosquittoFactory, WaitUntil

pytestmark = pytest.mark.integration

_READY_S = 20.0
_SET = {"framesize": b"QVGA", "quality": b"20", "max_fps": b"4.5", "detect": b"OFF", "confidence": b"0.7"}


class Site(NamedTuple):
    """A bridge, a camera that can do everything, and who hears both."""

    bridge: Bridge
    camera: Camera
    settings: dict[str, Any]
    heard: Listener

    def ask(self, name: str, payload: bytes = b"") -> dict[str, Any]:
        """A request's answer."""
        count = len(self.heard.on(f"espcam/bridge/response/{name}"))
        self.heard.publish(f"espcam/bridge/request/{name}", payload)
        answer: dict[str, Any] = self.heard.wait_for(f"espcam/bridge/response/{name}", count=count + 1).json()
        return answer

    def set(self, control: str, payload: bytes) -> float:
        """Set a control and wait for its state; returns the seconds."""
        began_s = time.monotonic()
        count = len(self.states(control, payload))
        self.heard.publish(f"espcam/drive/{control}/set", payload)
        self.heard.wait_for(f"espcam/drive/{control}/state", payload, count=count + 1)
        return time.monotonic() - began_s

    def states(self, control: str, payload: bytes) -> list[object]:
        """How often a control's state was this."""
        return [heard for heard in self.heard.on(f"espcam/drive/{control}/state") if heard.payload == payload]

    def camera_is_online(self) -> bool:
        """Whether the bridge gets its pictures."""
        return bool(json.loads(self.bridge.get("/api/cameras/drive")[1])["state"] == "online")

    def wait_until_online(self) -> None:
        """Wait until the newest thing that was said of the camera is that it is there."""
        self.heard.wait_for("espcam/drive/availability", b"online", _READY_S)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One bridge for all; use ``site``."""
    folder = tmp_path_factory.mktemp("controls")
    scene = folder / "scene.png"  # no JPEG: size and quality can be set
    cv2.imwrite(str(scene), np.full((320, 480, 3), 128, np.uint8))
    settings = {
        "detector": {"model": str(save_model(folder))},
        "cameras": [{"id": "drive", "labels": ["person"]}],
    }
    broker = Mosquitto(folder, free_port())
    with ExitStack() as stack:
        stack.callback(broker.kill)
        broker.start()
        heard = Listener(broker.port, "espcam/#")
        stack.callback(heard.close)
        bridge = stack.enter_context(Bridge(folder, broker.port, settings))
        camera = stack.enter_context(Camera(folder, "drive", bridge.ingest_port, ("--source", str(scene))))
        yield Site(bridge, camera, settings, heard)


@pytest.fixture
def site(built: Site, wait_until: WaitUntil) -> Site:
    """Everything is there and online."""
    wait_until(lambda: built.bridge.ready, _READY_S, "the bridge is ready")
    wait_until(built.camera_is_online, _READY_S, "the camera is there")
    return built


def test_what_is_set_over_mqtt_is_carried_out_and_told_within_a_second(site: Site) -> None:
    took_s = {control: site.set(control, payload) for control, payload in _SET.items()}
    took_s["flash"] = site.set("flash", b'{"state":"ON","brightness":90,"color_mode":"brightness"}')
    assert max(took_s.values()) < 1, took_s
    for told in ('{"framesize": "QVGA"}', '{"quality": 20}', '{"max_fps": 4.5}', '{"flash": 90}'):
        assert f": set {told}: done" in site.camera.log()


def test_settings_survive_the_bridges_sudden_end(site: Site) -> None:
    for control, payload in _SET.items():
        site.heard.publish(f"espcam/drive/{control}/set", payload)
        site.heard.wait_for(f"espcam/drive/{control}/state", payload)
    time.sleep(0.5)  # for the disk
    site.bridge.kill()
    site.heard.wait_for("espcam/bridge/state", b"offline")
    site.heard.clear()
    site.bridge.start()
    site.wait_until_online()
    for control, payload in _SET.items():
        site.heard.wait_for(f"espcam/drive/{control}/state", payload)
        told = {heard.payload for heard in site.heard.on(f"espcam/drive/{control}/state")}
        assert told == {payload}, "never anything else in between"


def test_health_is_told_part_by_part(site: Site) -> None:
    answer = site.ask("health", b'{"transaction": "seven"}')
    assert (answer["status"], answer["transaction"]) == ("ok", "seven")
    assert answer["data"]["ready"] is True
    assert set(answer["data"]["parts"]) == {"mqtt", "detector", "ingest", "history"}
    assert answer["data"]["cameras"] == {"drive": "online"}


def test_bridge_tells_its_own_figures(site: Site) -> None:
    told = site.heard.wait_for("espcam/bridge/telemetry", timeout_s=12).json()
    assert {"cameras", "cameras_online", "inference_ms", "queue", "uptime_s"} <= set(told)
    assert told["cameras"] == 1


def test_reload_takes_up_a_changed_configuration_in_the_same_process(site: Site) -> None:
    pid = site.bridge.pid
    for labels in (["person", "dog"], ["person"]):
        site.bridge.configure({**site.settings, "cameras": [{"id": "drive", "labels": labels}]})
        site.heard.clear()
        assert site.ask("reload")["status"] == "ok"
        # Nobody is there of a new label; of one that is gone, nothing is retained.
        site.heard.wait_for("espcam/drive/dog", b"OFF" if "dog" in labels else b"", _READY_S)
        assert site.heard.on("espcam/drive/availability") == [], "it never went"
    assert site.bridge.pid == pid


def test_reload_of_a_wrong_configuration_says_why_and_changes_nothing(site: Site) -> None:
    before = len(site.heard.on("espcam/bridge/state"))
    site.bridge.config_file.write_text("cameras: [{id: front door}]")
    answer = site.ask("reload")
    assert answer["status"] == "error"
    assert "cameras[0].id" in answer["error"]
    site.set("quality", b"33")
    assert len(site.heard.on("espcam/bridge/state")) == before, "it neither went nor came"
    site.bridge.configure(site.settings)


def test_bridge_that_nobody_can_restart_says_what_can_be_asked_of_it(
    tmp_path: Path, mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory
) -> None:
    broker = mosquitto()
    heard = mqtt_listener(broker.port, "espcam/bridge/#")
    local = {"host": "127.0.0.1", "port": 0}
    history = {"enabled": False}
    config = Config.model_validate(
        {
            "mqtt": {"port": broker.port},
            "ingest": local,
            "http": local,
            "history": history,
            "state_file": tmp_path / "s",
        }
    )
    with App(config, load=FakeDetector):
        heard.wait_for("espcam/bridge/state", b"online")
        heard.publish("espcam/bridge/request/restart", b"")
        answer = heard.wait_for("espcam/bridge/response/restart").json()
    there_are = "approve, dismiss, health, remove, update"
    assert answer == {"status": "error", "error": f"there is no request 'restart'; there are: {there_are}"}


def test_restart_begins_anew_with_the_same_process_id(site: Site) -> None:
    pid, starts = site.bridge.pid, site.bridge.log().count("configuration: ")
    site.heard.clear()
    assert site.ask("restart")["status"] == "ok"
    site.heard.wait_for("espcam/bridge/state", b"offline")
    site.heard.wait_for("espcam/bridge/state", b"online", _READY_S)
    site.wait_until_online()
    assert site.bridge.pid == pid
    os.kill(pid, 0)  # and it lives
    assert site.bridge.log().count("configuration: ") == starts + 1


def test_bridge_that_cannot_write_its_state_says_so_and_goes_on(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, tmp_path: Path, wait_until: WaitUntil
) -> None:
    broker = mosquitto()
    listener = mqtt_listener(broker.port, "espcam/#")
    (tmp_path / "state.json").mkdir()
    config = Config.model_validate(
        {
            "mqtt": {"port": broker.port},
            "ingest": {"host": "127.0.0.1", "port": 0},
            "http": {"host": "127.0.0.1", "port": 0},
            "history": {"enabled": False},
            "state_file": tmp_path / "state.json",
            "cameras": [{"id": "drive"}],
        }
    )
    with App(config, load=FakeDetector):
        listener.wait_for("espcam/drive/detect/state", b"ON")
        listener.publish("espcam/drive/detect/set", b"OFF")
        listener.wait_for("espcam/drive/detect/state", b"OFF")
        wait_until(
            lambda: any("state.json" in heard.json()["state"] for heard in listener.on("espcam/bridge/info")), 5, "told"
        )
