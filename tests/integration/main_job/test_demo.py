"""``espcam-bridge demo`` as a newcomer runs it: nothing but the bridge, its broker and the model in the box."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from bridge.frames.codec import decode

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import ListenerFactory, WaitUntil
    from tests.integration.main_job.conftest import Starter

pytestmark = [pytest.mark.integration, pytest.mark.timeout(150)]

ROUND_S = 30.0  # of the longer walk


def test_somebody_comes_stays_and_goes_at_every_camera(
    espcam_bridge: Starter, mqtt_listener: ListenerFactory, wait_until: WaitUntil, tmp_path: Path
) -> None:
    pytest.importorskip("amqtt", reason="the demo's broker is not installed: pip install 'espcam-bridge[demo]'")
    nothing_here = {"ESPCAM_BRIDGE_MODELS": str(tmp_path / "none"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    demo = espcam_bridge("demo", "--model", "starter", env=nothing_here | {"PYTHONUNBUFFERED": "1"})

    def said() -> str:
        return demo.log_file.read_text()

    wait_until(lambda: "mosquitto_sub" in said(), timeout_s=60, what="the demo's addresses")
    (port,) = re.findall(r"mosquitto_sub -h 127\.0\.0\.1 -p (\d+)", said())
    heard = mqtt_listener(int(port), "espcam/#")
    for camera in ("demo_1", "demo_2"):
        topic = f"espcam/{camera}/events"

        def types(topic: str = topic) -> list[str]:
            return [message.json()["type"] for message in heard.on(topic)]

        wait_until(lambda: "end" in types(), timeout_s=2 * ROUND_S, what=f"an event at {topic} that ends")
        visit = heard.on(topic)[0].json()
        assert (types()[0], visit["label"], visit["camera"]) == ("new", "person", camera)
        assert decode(heard.newest(f"espcam/{camera}/person/thumbnail") or b"").size
        assert re.search(rf"{camera}  person arrived \(\d+ %\)", said())
        assert f"{camera}  person left after" in said()
    demo.process.terminate()
    assert demo.process.wait(10) == 0
    assert "Traceback" not in said()
