"""Commands over MQTT, from a real broker through a bridge in a process of its own to a camera twin and back."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import pytest

from tests.homeassistant.harness.bridge import Bridge, Camera
from tests.homeassistant.harness.drawn import save_model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Listener, ListenerFactory, MosquittoFactory, WaitUntil

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

    def wait_until_online(self) -> None:
        """Wait until the newest thing that was said of the camera is that it is there."""
        self.heard.wait_for("espcam/drive/availability", b"online", _READY_S)


@pytest.fixture
def site(
    tmp_path: Path, mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, wait_until: WaitUntil
) -> Iterator[Site]:
    """Everything is there and online."""
    broker = mosquitto()
    scene = tmp_path / "scene.png"  # no JPEG: size and quality can be set
    cv2.imwrite(str(scene), np.full((320, 480, 3), 128, np.uint8))
    settings = {
        "detector": {"model": str(save_model(tmp_path))},
        "cameras": [{"id": "drive", "labels": ["person"]}],
    }
    bridge = Bridge(tmp_path, broker.port, settings)
    heard = mqtt_listener(broker.port, "espcam/#")
    camera = Camera(tmp_path, "drive", bridge.ingest_port, ("--source", str(scene)))
    with bridge, camera:
        wait_until(lambda: bridge.ready, _READY_S, "the bridge is ready")
        built = Site(bridge, camera, settings, heard)
        built.wait_until_online()
        yield built


def test_what_is_set_over_mqtt_is_carried_out_and_told_within_a_second(site: Site) -> None:
    took_s = {control: site.set(control, payload) for control, payload in _SET.items()}
    took_s["flash"] = site.set("flash", json.dumps({"state": "OFF"}).encode().replace(b" ", b""))
    assert max(took_s.values()) < 1, took_s
    for told in ('{"framesize": "QVGA"}', '{"quality": 20}', '{"max_fps": 4.5}', '{"flash": 0}'):
        assert f": set {told}: done" in site.camera.log()


def test_settings_survive_the_bridges_sudden_end(site: Site) -> None:
    for control, payload in _SET.items():
        site.set(control, payload)
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
    assert set(answer["data"]["parts"]) == {"broker", "detector", "ingest", "history"}
    assert answer["data"]["cameras"] == {"drive": "online"}


def test_bridge_tells_its_own_figures(site: Site) -> None:
    told = site.heard.wait_for("espcam/bridge/telemetry", timeout_s=12).json()
    assert {"cameras", "cameras_online", "inference_ms", "queue", "uptime_s"} <= set(told)
    assert told["cameras"] == 1


def test_reload_takes_up_a_changed_configuration_in_the_same_process(site: Site) -> None:
    pid = site.bridge.pid
    site.bridge.configure({**site.settings, "cameras": [{"id": "drive", "labels": ["person", "dog"]}]})
    assert site.ask("reload")["status"] == "ok"
    site.heard.wait_for("espcam/drive/dog", b"OFF", _READY_S)
    site.heard.wait_for("espcam/drive/availability", b"online", _READY_S, count=2)
    assert site.bridge.pid == pid


def test_reload_of_a_wrong_configuration_says_why_and_changes_nothing(site: Site) -> None:
    before = len(site.heard.on("espcam/bridge/state"))
    site.bridge.config_file.write_text("cameras: [{id: front door}]")
    answer = site.ask("reload")
    assert answer["status"] == "error"
    assert "cameras[0].id" in answer["error"]
    site.set("quality", b"33")
    assert len(site.heard.on("espcam/bridge/state")) == before


def test_restart_begins_anew_with_the_same_process_id(site: Site) -> None:
    pid = site.bridge.pid
    site.heard.clear()
    assert site.ask("restart")["status"] == "ok"
    site.heard.wait_for("espcam/bridge/state", b"offline")
    site.heard.wait_for("espcam/bridge/state", b"online", _READY_S)
    site.wait_until_online()
    assert site.bridge.pid == pid
    os.kill(pid, 0)  # and it lives
    assert site.bridge.log().count("configuration: ") == 2
