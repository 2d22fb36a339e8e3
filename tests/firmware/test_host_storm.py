"""Links that break at random moments, again and again: pictures come back each time, and nothing is left behind.

``ESPCAM_FORCED_DISCONNECTS=1000 pytest tests/firmware/test_host_storm.py -s`` tries as many as ``docs`` tells of.
"""

from __future__ import annotations

import json
import os
import statistics
from typing import TYPE_CHECKING, Any

import pytest

from tests.firmware.host_camera import open_files, quantile, rss_bytes
from tests.homeassistant.harness.bridge import Bridge
from tests.homeassistant.harness.drawn import save_model

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MosquittoFactory, WaitUntil
    from tests.firmware.conftest import StartCamera

pytestmark = pytest.mark.integration

_DISCONNECTS = int(os.environ.get("ESPCAM_FORCED_DISCONNECTS", "50"))
_EVERY_MS = 300  # mean: some links break before the handshake is over, some after several pictures
_WORST_S = 20.0  # for one: what the jittered waits may come to, twice over
_MB = 1_000_000


@pytest.mark.timeout(120 + 3 * _DISCONNECTS)
def test_pictures_come_back_after_every_disconnect_and_nothing_leaks(
    drawn_frames: Path, mosquitto: MosquittoFactory, host_camera: StartCamera, tmp_path: Path, wait_until: WaitUntil
) -> None:
    settings = {"detector": {"model": str(save_model(tmp_path))}, "cameras": [{"id": "drive", "labels": ["person"]}]}
    with Bridge(tmp_path, mosquitto().port, settings) as bridge:

        def told() -> dict[str, Any]:
            status: dict[str, Any] = json.loads(bridge.get("/api/cameras/drive")[1])
            return status

        url = f"ws://127.0.0.1:{bridge.ingest_port}/ws/drive"
        storm = ("--fps", "20", "--disconnect-every", str(_EVERY_MS), "--runs", str(_DISCONNECTS))
        camera = host_camera(url, drawn_frames, *storm)
        camera.wait_for("reset", count=min(20, _DISCONNECTS // 2), timeout_s=60)
        early = (open_files(bridge.pid), rss_bytes(bridge.pid))
        code = camera.wait(60 + 3 * _DISCONNECTS)
        assert code == 0, camera.story()  # 1: pictures did not come back; anything else: a sanitizer
        wait_until(lambda: told()["state"] == "offline", 30, "the bridge knows that it is gone")
        # Our own questions leave connections of their page behind for a moment.
        wait_until(lambda: open_files(bridge.pid) <= early[0], 10, "the bridge holds no more files than before")
        late = (open_files(bridge.pid), rss_bytes(bridge.pid))
        assert told()["rejected"] == {}, "no half picture was taken for a whole one"

    end, resets, back = camera.events("end")[0], camera.events("reset"), camera.events("first_frame")
    back_s = [event["back_ms"] / 1000 for event in back if event["back_ms"] >= 0]
    outage_s = [event["outage_ms"] / 1000 for event in back if event["outage_ms"] >= 0]
    print(_figures(resets, back_s, outage_s, early, late, end))  # noqa: T201 - pytest -s shows it
    assert len(resets) == end["resets"] == _DISCONNECTS
    assert len({event["stage"] for event in resets}) >= 2, "not all at the same point of a link's life"
    assert quantile(back_s, 0.99) < _WORST_S
    assert end["state"] in {"stream", "idle"}
    assert end["open_files"] <= end["open_files_early"]
    assert end["rss_bytes"] - end["rss_early_bytes"] < 4 * _MB
    assert late[0] <= early[0], "the bridge holds files that it did not hold before"
    assert late[1] - early[1] < 30 * _MB


def _figures(
    resets: list[dict[str, Any]],
    back_s: list[float],
    outage_s: list[float],
    early: tuple[int, int],
    late: tuple[int, int],
    end: dict[str, Any],
) -> str:
    stages = {stage: sum(e["stage"] == stage for e in resets) for stage in sorted({e["stage"] for e in resets})}
    within = sum(event["picture_under_way"] for event in resets)
    return (
        f"\n{len(resets)} resets {stages}, {within} of them within a picture; back to the first picture in "
        f"{statistics.median(back_s):.2f} s (p50), {quantile(back_s, 0.99):.2f} s (p99), {max(back_s):.2f} s (most); "
        f"without pictures {statistics.median(outage_s):.2f} s (p50), {quantile(outage_s, 0.99):.2f} s (p99); "
        f"files {end['open_files_early']} -> {end['open_files']}, bridge {early[0]} -> {late[0]}; memory "
        f"{end['rss_early_bytes'] / _MB:.1f} -> {end['rss_bytes'] / _MB:.1f} MB, bridge "
        f"{early[1] / _MB:.0f} -> {late[1] / _MB:.0f} MB"
    )
