"""The firmware's library, as a camera on this machine, and the bridge itself: pictures, controls, restarts."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import pytest

from bridge.frames.codec import decode
from tests.conftest import Listener, Mosquitto
from tests.firmware.host_camera import HostCamera
from tests.homeassistant.harness.bridge import Bridge
from tests.homeassistant.harness.drawn import picture, save_model
from tests.homeassistant.harness.process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import WaitUntil

pytestmark = pytest.mark.integration

_READY_S = 30.0
_WIDTHS_PX = {"QVGA": 320, "VGA": 640, "SVGA": 800}


class Site(NamedTuple):
    """A broker, a bridge, our camera, and who hears both."""

    bridge: Bridge
    camera: HostCamera
    heard: Listener

    def told(self) -> dict[str, Any]:
        """What the bridge knows of the camera."""
        told: dict[str, Any] = json.loads(self.bridge.get("/api/cameras/drive")[1])
        return told

    def is_online(self) -> bool:
        """Whether the bridge gets its pictures."""
        return bool(self.told()["state"] == "online")

    def set(self, control: str, payload: bytes) -> None:
        """Set a control over MQTT and wait until it is said to be in force."""
        topic = f"espcam/drive/{control}"
        before = [heard for heard in self.heard.on(f"{topic}/state") if heard.payload == payload]
        self.heard.publish(f"{topic}/set", payload)
        self.heard.wait_for(f"{topic}/state", payload, count=len(before) + 1)


def _draw_sizes(folder: Path) -> Path:
    """One picture of each size, so that a frame size shows in what arrives."""
    folder.mkdir()
    small = decode(picture())
    for name, width_px in _WIDTHS_PX.items():
        cv2.imwrite(str(folder / f"{name}.jpg"), cv2.resize(small, (width_px, width_px * 3 // 4)))
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, camlink_host: Path) -> Iterator[Site]:
    """One bridge and camera for all; use ``site``."""
    folder = tmp_path_factory.mktemp("host-bridge")
    settings = {
        "detector": {"model": str(save_model(folder))},
        "cameras": [{"id": "drive", "labels": ["person"], "token": "open-sesame"}],
    }
    broker = Mosquitto(folder, free_port())
    with ExitStack() as stack:
        stack.callback(broker.kill)
        broker.start()
        heard = Listener(broker.port, "espcam/#")
        stack.callback(heard.close)
        bridge = stack.enter_context(Bridge(folder, broker.port, settings))
        url = f"ws://127.0.0.1:{bridge.ingest_port}/ws/drive"
        options = ("--fps", "10", "--token", "open-sesame", "--board", "ai-thinker", "--version", "1.0.0")
        frames = _draw_sizes(folder / "frames")
        camera = stack.enter_context(HostCamera(camlink_host, folder / "camera", url, frames, options))
        yield Site(bridge, camera, heard)


@pytest.fixture
def site(built: Site, wait_until: WaitUntil) -> Site:
    """Everything is there and online."""
    if not built.camera.running:
        built.camera.start()
    wait_until(lambda: built.bridge.ready, _READY_S, "the bridge is ready")
    wait_until(built.is_online, _READY_S, "the camera is there")
    return built


def test_camera_introduces_itself(site: Site) -> None:
    hello = site.told()["hello"]
    assert (hello["board"], hello["version"]) == ("ai-thinker", "1.0.0")
    assert {"ecf1", "framesize", "quality", "max_fps", "flash", "restart", "update"} <= set(hello["capabilities"])
    assert "UXGA" in hello["framesizes"]


def test_pictures_arrive_at_their_rate_and_none_is_damaged(site: Site) -> None:
    site.set("max_fps", b"10")
    before, began_s = site.told(), time.monotonic()
    time.sleep(3)
    after, took_s = site.told(), time.monotonic() - began_s
    rate = (after["received"] - before["received"]) / took_s
    assert rate == pytest.approx(10, rel=0.15)
    assert after["rejected"] == {}


def test_health_is_told(site: Site, wait_until: WaitUntil) -> None:
    wait_until(lambda: site.told()["telemetry"].get("frames_sent", 0) > 10, 15, "telemetry with pictures in it")
    told = site.told()["telemetry"]
    assert told["uptime_s"] > 0
    assert told["fps"] > 0
    assert "rssi_dbm" not in told, "this machine has no radio, and says none"


@pytest.mark.parametrize(
    ("control", "payload", "told"),
    [
        ("framesize", b"VGA", {"framesize": "VGA"}),
        ("quality", b"20", {"quality": 20}),
        ("max_fps", b"4.5", {"max_fps": 4.5}),
        ("flash", b'{"state":"ON","brightness":90,"color_mode":"brightness"}', {"flash": 90}),
    ],
)
def test_what_is_set_is_carried_out_and_acknowledged(
    site: Site, control: str, payload: bytes, told: dict[str, Any]
) -> None:
    site.set(control, payload)
    site.camera.wait_for("state", **told)


def test_frame_size_shows_in_the_pictures(site: Site, wait_until: WaitUntil) -> None:
    for name in ("QVGA", "VGA", "SVGA"):
        site.set("framesize", name.encode())
        wait_until(lambda: site.told()["width_px"] == _WIDTHS_PX[name], 5, name)  # noqa: B023 - waited for at once


def test_rate_shows_in_the_pictures(site: Site) -> None:
    site.set("max_fps", b"2")
    before = site.told()["received"]
    time.sleep(3)
    assert 5 <= site.told()["received"] - before <= 8
    site.set("max_fps", b"10")


def test_restart_is_acknowledged_and_the_camera_comes_back_by_itself(site: Site, wait_until: WaitUntil) -> None:
    pid, starts = site.camera.process.pid, len(site.camera.events("boot"))
    site.heard.publish("espcam/drive/restart/set", b"PRESS")
    booted = site.camera.wait_for("boot", count=starts + 1)
    assert booted["reset_reason"] == "command"
    assert site.camera.process.pid == pid
    site.camera.wait_for("first_frame", count=len(site.camera.events("first_frame")) + 1)
    wait_until(lambda: site.told()["hello"]["reset_reason"] == "command", 5, "a hello after the restart")


def test_settings_outlive_the_cameras_sudden_end(site: Site) -> None:
    site.set("quality", b"31")
    site.camera.kill()
    welcomes = len(site.camera.events("welcome"))
    site.camera.start()
    site.camera.wait_for("welcome", count=welcomes + 1)
    assert any(b"31" in kept.read_bytes() for kept in site.camera.state.iterdir())
    assert json.loads(site.bridge.get("/api/cameras/drive")[1])["controls"]["quality"] == 31


def test_camera_comes_back_when_the_bridge_does(site: Site, wait_until: WaitUntil) -> None:
    closes = len(site.camera.events("closed"))
    site.bridge.stop()
    site.camera.wait_for("closed", count=closes + 1)
    frames = len(site.camera.events("first_frame"))  # of this link's, none comes any more
    assert site.camera.events("closed")[closes]["code"] == 1001
    time.sleep(2)
    site.bridge.start()
    site.camera.wait_for("first_frame", count=frames + 1)
    wait_until(site.is_online, 5, "the bridge has its pictures")


def test_wrong_token_is_told_and_dialled_again_only_slowly(site: Site, camlink_host: Path, tmp_path: Path) -> None:
    url = f"ws://127.0.0.1:{site.bridge.ingest_port}/ws/drive"
    frames = _draw_sizes(tmp_path / "frames")
    with HostCamera(camlink_host, tmp_path, url, frames, ("--token", "wrong")) as stranger:
        first = stranger.wait_for("closed", code=4401)
        second = stranger.wait_for("closed", count=2, code=4401, timeout_s=20)
        assert first["reason"]
        assert 7 < second["at_s"] - first["at_s"] < 14
        assert stranger.stop() == 0, stranger.story()


def test_camera_that_is_switched_off_leaves_nothing_behind(site: Site) -> None:
    assert site.camera.stop() == 0, site.camera.story()
    assert "ERROR" not in site.camera.complaints()
