"""Which stage of the way from socket to broker takes which share of the CPU time; see ``staged.py``.

What a thread does outside every watched stage is its own work: the ``ingest`` thread receives, ``mqtt`` publishes, the
web's threads serve. Threads that are none of Python's are the model's.
"""

from __future__ import annotations

import json
import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pictures
from harness import HERE, Options, Stage
from report import INFERENCE_STAGE, Findings, Row, share_out

if TYPE_CHECKING:
    from collections.abc import Mapping

_CAMERAS = 4


def measure(options: Options) -> Findings:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "stages.json"
        with Stage(program=(str(HERE / "staged.py"), str(file))) as stage:
            frames = pictures.walking(folder)
            with stage.cameras(_CAMERAS, 10, frames), stage.viewers(_CAMERAS, _CAMERAS):
                time.sleep(1.5)
                before = told(stage, file)
                span = stage.watch(options.pick(15, 2.5))
                after = told(stage, file)
    used = share_out(after)
    earlier = share_out(before)
    shares = {stage: cpu_s - earlier.get(stage, 0.0) for stage, cpu_s in used.items()}
    shares = dict(sorted(shares.items(), key=lambda item: -item[1]))
    looks = span.per_s("frames_detected")
    note = f"{_CAMERAS} cameras at 10 frames/s, each watched by one viewer, {looks:.0f} looks of the model a second"
    if after["missing"]:
        note += f"; not found any more: {', '.join(after['missing'])}"
    share = shares[INFERENCE_STAGE] / sum(shares.values())
    compares = "CPU time of inference ÷ all CPU time of the bridge"
    return Findings([Row("share of the model", compares, share, note=note, raw=after)], shares=shares)


def told(stage: Stage, file: Path) -> Mapping[str, Any]:
    """Ask the bridge for its figures."""
    file.unlink(missing_ok=True)
    stage.bridge.send_signal(signal.SIGUSR1)
    deadline_s = time.monotonic() + 5
    while not file.exists() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    figures: Mapping[str, Any] = json.loads(file.read_text())
    return figures
