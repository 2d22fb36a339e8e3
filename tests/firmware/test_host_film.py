"""Real footage from the firmware's library to the bridge: every picture whole, and in its time."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.homeassistant.harness.bridge import Bridge
from tests.homeassistant.harness.drawn import save_model

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MosquittoFactory, WaitUntil
    from tests.firmware.conftest import StartCamera

pytestmark = pytest.mark.integration

_FPS = 15


def test_real_footage_streams_without_a_damaged_picture(
    filmed_frames: Path, mosquitto: MosquittoFactory, host_camera: StartCamera, tmp_path: Path, wait_until: WaitUntil
) -> None:
    settings = {"detector": {"model": str(save_model(tmp_path))}, "cameras": [{"id": "drive", "labels": ["person"]}]}
    with Bridge(tmp_path, mosquitto().port, settings) as bridge:

        def told() -> dict[str, Any]:
            status: dict[str, Any] = json.loads(bridge.get("/api/cameras/drive")[1])
            return status

        bridge.set_controls("drive", max_fps=_FPS)
        camera = host_camera(f"ws://127.0.0.1:{bridge.ingest_port}/ws/drive", filmed_frames, "--fps", str(_FPS))
        camera.wait_for("first_frame")
        wait_until(lambda: told()["state"] == "online", 10, "the camera is there")
        assert bridge.set_controls("drive", max_fps=_FPS) == 200
        before, began_s = told(), time.monotonic()
        time.sleep(5)
        after, took_s = told(), time.monotonic() - began_s
        assert (after["received"] - before["received"]) / took_s == pytest.approx(_FPS, rel=0.15)
        assert (after["width_px"], after["height_px"], after["rejected"]) == (640, 480, {})
        assert camera.stop() == 0, camera.story()
        end = camera.events("end")[0]
        assert end["frames_sent"] >= after["received"]
        assert end["frames_dropped"] == 0
