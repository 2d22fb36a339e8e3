"""How long a camera with our firmware's library is away when its link breaks, and whether anything is left behind.

``camlink-host`` streams to the bridge, and each of its links is broken by a TCP reset at a random moment: in the
handshake, before the welcome, in the middle of a picture. Told is the time from a break to the first picture that the
network took on a welcomed link again: at best the wait before dialling, an even random share of a second (full jitter,
so that a room of cameras does not come back in one moment). A link that breaks before its welcome doubles that limit.

Several cameras at once share the breaks, and with them the bridge, as after a router's restart.

    python benchmarks/reconnects.py [--disconnects 1000] [--cameras 4] [--every-ms 300] [--fps 20]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import cv2
from harness import FOOTAGE, ROOT, Stage, rss_mb

sys.path.insert(0, str(ROOT))
from tests.firmware.host_camera import HostCamera, build, open_files, quantile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_WORST_S = 120.0  # for one reset: as long as camlink-host itself waits before it calls a link stuck
_EARLY = 20  # resets of each camera, before which everything is taken into use that will be


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description="time back to the first picture after forced disconnects")
    options.add_argument("--disconnects", type=int, default=1000, help="of all cameras together")
    options.add_argument("--cameras", type=int, default=4)
    options.add_argument("--every-ms", type=int, default=300, help="mean time from dialling to the break")
    options.add_argument("--fps", type=float, default=20.0)
    chosen = options.parse_args()
    program = build(sanitize=False)
    with Stage({"detect": {"enabled": False}}) as stage, ExitStack() as stack:
        frames = _film(stage.folder / "frames")
        cameras = []
        for number in range(chosen.cameras):
            runs = chosen.disconnects // chosen.cameras + (number < chosen.disconnects % chosen.cameras)
            more = ("--fps", str(chosen.fps), "--disconnect-every", str(chosen.every_ms), "--runs", str(runs))
            url = f"ws://127.0.0.1:{stage.ingest_port}/ws/reset_{number}"
            camera = HostCamera(program, stage.folder / f"camera-{number}", url, frames, more)
            cameras.append(stack.enter_context(camera))
        for camera in cameras:
            camera.wait_for("reset", count=_EARLY, timeout_s=_WORST_S)
        early = (open_files(stage.bridge.pid), stage.rss_mb())
        began_s = time.monotonic()
        codes = [camera.wait(_WORST_S + 5.0 * chosen.disconnects) for camera in cameras]
        time.sleep(2)  # for the bridge to notice the last of them
        late = (open_files(stage.bridge.pid), rss_mb(stage.bridge.pid))
        _print(cameras, codes, time.monotonic() - began_s)
        print(f"bridge: files {early[0]} -> {late[0]}, memory {early[1]:.0f} -> {late[1]:.0f} MB")


def _film(folder: Path) -> Path:
    """Sixty pictures of real footage as a camera sends them, VGA."""
    folder.mkdir()
    footage = cv2.VideoCapture(str(FOOTAGE))
    for number in range(60):
        there, image = footage.read()
        assert there, f"{FOOTAGE} is too short"
        cv2.imwrite(str(folder / f"{number:03}.jpg"), cv2.resize(image, (640, 480)), [cv2.IMWRITE_JPEG_QUALITY, 80])
    footage.release()
    return folder


def _print(cameras: Sequence[HostCamera], codes: Sequence[int], took_s: float) -> None:
    resets = [event for camera in cameras for event in camera.events("reset")]
    firsts = [event for camera in cameras for event in camera.events("first_frame") if event["back_ms"] >= 0]
    stages = {stage: sum(event["stage"] == stage for event in resets) for stage in {e["stage"] for e in resets}}
    within = sum(event["picture_under_way"] for event in resets)
    print(f"{len(resets)} resets in {took_s:.0f} s, {len(cameras)} cameras; {stages}; {within} within a picture")
    print(f"stuck or failed: {sum(code != 0 for code in codes)} of {len(codes)} cameras")
    _print_times("from the break to the first picture", [event["back_ms"] / 1000 for event in firsts])
    _print_times("from dialling to the first picture", [event["took_ms"] / 1000 for event in firsts])
    _print_times("without pictures, several breaks long", [event["outage_ms"] / 1000 for event in firsts])
    ends: list[dict[str, Any]] = [event for camera in cameras for event in camera.events("end")]
    for end in ends:
        early_mb, late_mb = end["rss_early_bytes"] / 1e6, end["rss_bytes"] / 1e6
        print(
            f"camera: {end['state']}, files {end['open_files_early']} -> {end['open_files']}, "
            f"memory {early_mb:.2f} -> {late_mb:.2f} MB, {end['frames_sent']} pictures sent"
        )


def _print_times(what: str, times_s: Sequence[float]) -> None:
    p50, p99 = statistics.median(times_s), quantile(times_s, 0.99)
    print(f"{what:<40} p50 {p50:6.3f} s   p99 {p99:6.3f} s   most {max(times_s):6.3f} s   of {len(times_s)}")


if __name__ == "__main__":
    main()
