"""Frames a second of still scenes that one core takes: received, checked, decoded for the motion gate, not looked at.

Counted is the CPU time of the whole bridge, minus what it uses when no camera is there. Now and then the model looks
at a still scene anyway; those looks are part of the price, and also named apart.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pictures
from harness import Missing, Options, Raw, Stage
from report import Findings, Row, Target

_CAMERAS = 16
_FPS = 50  # below the most that is looked at, so that every frame comes to the gate
_SETTLE_S = 3.5  # the gate learns what the empty scene looks like
_STILL = "espcam_frames_still_total"


def measure(options: Options) -> Findings:
    with tempfile.TemporaryDirectory() as folder, Stage({"detect": {"max_fps": 60}}) as stage, Raw() as raw:
        frames = pictures.still(Path(folder))
        model_cpu_s = raw.throughput(raw.shape_for(pictures.VGA), options.pick(3, 0.5))["cpu_s"]
        idle = stage.watch(options.pick(3, 0.7))
        with stage.cameras(_CAMERAS, _FPS, frames) as cameras:
            time.sleep(_SETTLE_S)
            span = stage.watch(options.pick(12, 2))
            late = cameras.ask()["late"]
    stills = span.counters.get(_STILL, 0)
    if not stills:
        raise Missing(f"the bridge counts no still frames ({_STILL})")
    used_s = span.cpu_s - idle.cpu_s / idle.seconds * span.seconds
    looks = span.counters["espcam_frames_detected_total"]
    received = span.counters["espcam_frames_received_total"]
    note = (
        f"{stills / span.seconds:.0f} of {received / span.seconds:.0f} frames a second from {_CAMERAS} cameras, "
        f"{used_s / stills * 1000:.2f} ms of CPU time each; the model looked {looks / span.seconds:.1f} times a second"
    )
    numbers = {"span": vars(span), "idle": vars(idle), "late": late, "model_cpu_s": model_cpu_s}
    compares = "still frames ÷ CPU seconds of the whole bridge"
    return Findings(
        [
            Row("still frames a core", compares, stills / used_s, "/s", Target(1000), note=note, raw=numbers),
            Row(
                "still frames a core, without the model's looks",
                compares,
                stills / (used_s - looks * model_cpu_s),
                "/s",
            ),
        ]
    )
