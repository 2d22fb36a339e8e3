"""Detections a second, WebSocket in → MQTT out, against the model alone, in turns on the same machine.

Four cameras offer more than can be taken. The limit is OpenVINO's asynchronous queue with a picture that lies ready in
memory and nothing else running; cameras, viewers and broker share the cores with the bridge, the limit has them alone.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pictures
from harness import Options, Raw, Stage, cpu_s
from report import Findings, Row, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

CAMERAS = 4
_SQUARE = (640, 640)  # as the model was exported
_CAMERA_FPS = 25.0  # what a board reaches; more only where the model is faster than four of them
_OFFERED = 1.3  # of what the model takes


def measure(options: Options) -> Findings:
    seconds = options.pick(6, 1.2)
    rounds: list[dict[str, Any]] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Raw() as raw,
        Stage({"detect": {"max_fps": 60}}) as stage,
    ):
        frames = pictures.walking(Path(folder))
        shape = raw.shape_for(pictures.VGA)
        turn(stage, frames, _CAMERA_FPS, 0, 1)  # the bridge compiles the model for this shape
        for _ in range(options.rounds):
            square = raw.throughput(_SQUARE, seconds)
            own = raw.throughput(shape, seconds) if shape != _SQUARE else square
            fps = max(_CAMERA_FPS, _OFFERED * own["per_s"] / CAMERAS)
            alone = turn(stage, frames, fps, 0, seconds)
            watched = turn(stage, frames, fps, CAMERAS, seconds)
            rounds.append({"raw": square, "raw_own_shape": own, "bridge": alone, "bridge_watched": watched})
    return Findings(rows(rounds, shape))


def turn(stage: Stage, frames: Path, fps: float, viewers: int, seconds: float) -> dict[str, Any]:
    """What the bridge does with four cameras, and what each process used."""
    with stage.cameras(CAMERAS, fps, frames) as cameras:
        watching = stage.viewers(viewers, CAMERAS) if viewers else None
        try:
            time.sleep(0.7)
            pids = {"cameras": cameras.process.pid, "broker": stage.broker.pid}
            if watching is not None:
                pids["viewers"] = watching.process.pid
            before = {name: cpu_s(pid) for name, pid in pids.items()}
            span = stage.watch(seconds)
            others = {name: (cpu_s(pid) - before[name]) / span.seconds for name, pid in pids.items()}
        finally:
            if watching is not None:
                watching.close()
    detected = span.per_s("frames_detected")
    return {
        "per_s": detected,
        "received_per_s": span.per_s("frames_received"),
        "cpu_s": span.cpu_s / (detected * span.seconds),
        "cores": {"bridge": span.cpu_s / span.seconds, **others},
    }


def rows(rounds: Sequence[dict[str, Any]], shape: Sequence[int]) -> list[Row]:
    def ratio(kind: str, limit: str, figure: str = "per_s") -> float:
        return statistics.median(one[kind][figure] / one[limit][figure] for one in rounds)

    def cores(kind: str) -> str:
        used = {
            name: statistics.median(one[kind]["cores"][name] for one in rounds) for name in rounds[0][kind]["cores"]
        }
        return "cores used: " + ", ".join(f"{name} {value:.2f}" for name, value in used.items())

    raw = {"rounds": list(rounds)}
    per_s = statistics.median(one["bridge"]["per_s"] for one in rounds)
    limit_per_s = statistics.median(one["raw"]["per_s"] for one in rounds)
    absolute = f"{per_s:.0f} to {limit_per_s:.0f} a second"
    own = f"{shape[1]}x{shape[0]}"
    whole = "detections/s of the whole bridge ÷ raw asynchronous OpenVINO"
    return [
        Row(
            "throughput, 4 cameras", f"{whole} at 640x640, as exported", ratio("bridge", "raw"),
            target=Target(0.95), note=f"{absolute}; {cores('bridge')}", raw=raw,
        ),
        Row(
            "throughput, 4 cameras and 4 viewers", f"{whole} at 640x640", ratio("bridge_watched", "raw"),
            target=Target(0.85), note=cores("bridge_watched"), raw=raw,
        ),
        Row("throughput, same input shape", f"{whole} at {own}, as it runs", ratio("bridge", "raw_own_shape")),
        Row("throughput with viewers, same input shape", f"{whole} at {own}", ratio("bridge_watched", "raw_own_shape")),
        Row(
            "CPU time of a detection", f"bridge in all ÷ raw OpenVINO at {own}",
            ratio("bridge", "raw_own_shape", "cpu_s"),
            note=f"{1000 * statistics.median(one['bridge']['cpu_s'] for one in rounds):.1f} ms in all",
        ),
    ]  # fmt: skip
