"""What the closed loop does on a weak link, beside the same camera without it.

For each link, two bridges run at once, each with one simulated board that sends real footage over a Wi-Fi of so many
kbit/s: one bridge adapts, the other has ``adapt.enabled: false``. Told is the last minute: pictures that arrive a
second, how long one is on its way, the share that gave way in the camera, and what the camera was set to.

    python benchmarks/adapt.py [--kbit-s 2000 1000 500] [--seconds 240]
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from harness import FOOTAGE, Stage, start

if TYPE_CHECKING:
    from collections.abc import Mapping

_LAST_S = 60.0
_FPS = 15


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description="a weak link with and without the closed loop")
    options.add_argument("--kbit-s", type=float, nargs="+", default=[2000, 1000, 500])
    options.add_argument("--seconds", type=float, default=240.0, help="a link; the last minute is measured")
    chosen = options.parse_args()
    print(f"{'link':>11}  {'adapt':<5}  pictures/s  on the way  gave way  set to")
    for kbit_s in chosen.kbit_s:
        with ExitStack() as stack:
            stages = {on: stack.enter_context(_stage(stack, kbit_s, on=on)) for on in (True, False)}
            time.sleep(chosen.seconds - _LAST_S)
            before = {on: _camera(stage) for on, stage in stages.items()}
            time.sleep(_LAST_S)
            for on, stage in stages.items():
                _print(kbit_s, before[on], _camera(stage), on=on)


def _stage(stack: ExitStack, kbit_s: float, *, on: bool) -> Stage:
    """A bridge with a board on such a link."""
    stage = Stage({"adapt": {"enabled": on}, "stream": {"max_fps": _FPS}})
    url = f"ws://127.0.0.1:{stage.ingest_port}/ws/weak"
    board = ("--url", url, "--source", str(FOOTAGE), "--fps", str(_FPS), "--weak", str(kbit_s))
    start(stack, sys.executable, "-m", "bridge", "simulate", *board, log=stage.folder / "board.log")
    return stage


def _camera(stage: Stage) -> dict[str, Any]:
    told: dict[str, Any] = stage.json("/api/cameras/weak")
    return told


def _print(kbit_s: float, before: Mapping[str, Any], after: Mapping[str, Any], *, on: bool) -> None:
    then, now = before["telemetry"], after["telemetry"]
    sent, dropped = (now[key] - then[key] for key in ("frames_sent", "frames_dropped"))
    rate = (after["received"] - before["received"]) / _LAST_S
    share = dropped / max(1, sent + dropped)
    controls = after["controls"]
    settings = f"{controls['framesize']}, quality {controls['quality']}, {controls['max_fps']:g} fps"
    state = "on" if on else "off"
    figures = f"{rate:10.1f}  {now['send_ms']:7.0f} ms  {share:8.0%}"
    print(f"{kbit_s:4.0f} kbit/s  {state:<5}  {figures}  {settings}", flush=True)


if __name__ == "__main__":
    main()
