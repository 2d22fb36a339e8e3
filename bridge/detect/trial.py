"""Tries one model on one runtime and device: how fast, how much memory, and what it sees.

As a program (``python -m bridge.detect.trial TRIAL.json``) it does so in a process of its own, so that a runtime that
crashes or hangs costs one line of a table, and that its memory can be told. See ``bridge.detect.child``.
"""

from __future__ import annotations

import json
import os
import re
import resource
import statistics
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.detect.child import be_child, run_child
from bridge.detect.frames import Frames
from bridge.detect.load import load_detector
from bridge.detect.port import DetectorSettings
from bridge.frames.codec import decode
from bridge.model import Detection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.detect.port import Detector, Job
    from bridge.model import Image

_CHILD = (sys.executable, "-m", "bridge.detect.trial")
_TIMED_PICTURES = 12  # decoded beforehand: decoding is not what is timed
_WARM_UP_ROUNDS = 2
_BYTES_PER_MIB = 1 << 20
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
_LOAD_S = 180.0  # a large model on a GPU or NPU that compiles it for the first time


@dataclass(frozen=True, slots=True)
class Trial:
    """What to try.

    Attributes:
        settings: model, runtime, device and size.
        frames: picture files to look at; without any, a made-up picture is timed.
        seconds: how long each of the two timings takes.
        confidence: lowest score of the detections that are given back.
        iou: overlap that makes two boxes one.
    """

    settings: DetectorSettings
    frames: Sequence[str]
    seconds: float
    confidence: float
    iou: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        device: where it ran, in the runtime's words.
        input_px: width and height of the model's input.
        latency_ms: median for one picture alone.
        fps: pictures a second with the queue full.
        memory_mib: what loading and running it added to the process, at most.
        found: one list of detections a frame.
    """

    device: str
    input_px: tuple[int, int]
    latency_ms: float
    fps: float
    memory_mib: float
    found: list[list[Detection]]


def try_out(trial: Trial, folder: Path, environ: Mapping[str, str], *, child: Sequence[str] = _CHILD) -> Outcome | str:
    """Try in a process of its own.

    Args:
        trial: what to try.
        folder: for files that are needed meanwhile.
        environ: the child's environment.
        child: the program that does it, called with the file that describes the trial.

    Returns:
        What came of it, or why nothing did, in one line.
    """
    question, answer = folder / "trial.json", folder / "outcome.json"
    answer.unlink(missing_ok=True)
    question.write_text(json.dumps(asdict(trial)), encoding="utf-8")
    patience_s = _LOAD_S + 4 * trial.seconds + 5.0 * len(trial.frames)
    reason = run_child([*child, str(question), str(answer)], environ, patience_s)
    if reason or not answer.exists():
        return reason or "nothing came"
    told: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    found = [
        [Detection(label, score, (left, top, right, bottom)) for label, score, (left, top, right, bottom) in boxes]
        for boxes in told.pop("found")
    ]
    return Outcome(**{**told, "input_px": tuple(told["input_px"])}, found=found)


def measure(trial: Trial, environ: Mapping[str, str]) -> Outcome:
    """Load the detector and measure, in this process.

    Raises:
        BridgeError: it cannot be loaded.
    """
    before = _peak_mib()
    detector = load_detector(trial.settings, environ)
    try:
        pictures = _pictures(trial.frames)
        thresholds = trial.confidence, trial.iou
        for _ in range(_WARM_UP_ROUNDS):  # every aspect is compiled for, caches fill
            detector.detect(pictures, *thresholds)
        latency_ms = _latency_ms(detector, pictures, trial.seconds, thresholds)
        fps = _throughput(detector, pictures, trial.seconds, thresholds)
        memory_mib = _peak_mib() - before
        found = detector.detect(Frames(trial.frames), *thresholds)
        info = detector.info
        return Outcome(info.device, (info.input_width_px, info.input_height_px), latency_ms, fps, memory_mib, found)
    finally:
        detector.close()


def _latency_ms(
    detector: Detector, pictures: Sequence[Image], seconds: float, thresholds: tuple[float, float]
) -> float:
    times_ms: list[float] = []
    end_s = time.perf_counter() + seconds
    while not times_ms or time.perf_counter() < end_s:
        picture = pictures[len(times_ms) % len(pictures)]
        started_s = time.perf_counter()
        detector.detect([picture], *thresholds)
        times_ms.append((time.perf_counter() - started_s) * 1000)
    return statistics.median(times_ms)


def _throughput(
    detector: Detector, pictures: Sequence[Image], seconds: float, thresholds: tuple[float, float]
) -> float:
    batch, jobs = detector.info.batch, detector.info.jobs
    batches = [[pictures[(first + n) % len(pictures)] for n in range(batch)] for first in range(len(pictures))]
    under_way: deque[Job] = deque()
    started = answered = 0
    begin_s = time.perf_counter()
    while not answered or time.perf_counter() - begin_s < seconds:
        if len(under_way) == jobs:
            answered += len(under_way.popleft().result())
        under_way.append(detector.start(batches[started % len(batches)], *thresholds, _nothing))
        started += 1
    took_s = time.perf_counter() - begin_s
    for job in under_way:
        job.result()
    return answered / took_s


def _nothing() -> None:
    pass


def _pictures(frames: Sequence[str]) -> list[Image]:
    """Some of the frames, spread over all of them; a made-up one when there are none."""
    if not frames:
        return [np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)]
    step = max(len(frames) / _TIMED_PICTURES, 1)
    chosen = [frames[int(number * step)] for number in range(min(_TIMED_PICTURES, len(frames)))]
    return [decode(Path(frame).read_bytes()) for frame in chosen]


def _peak_mib() -> float:
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except FileNotFoundError:  # no Linux
        status = ""
    if found := re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE):
        # Not ru_maxrss: a child's begins with that of the process it was forked from.
        return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT / _BYTES_PER_MIB


def devices(runtimes: Sequence[str], folder: Path, environ: Mapping[str, str]) -> dict[str, list[str]]:
    """Ask each runtime, in a process of its own, which devices it finds; one that cannot be asked has none."""
    answer = folder / "devices.json"
    found: dict[str, list[str]] = {}
    for runtime in runtimes:
        answer.unlink(missing_ok=True)
        run_child([*_CHILD, runtime, str(answer)], environ, _LOAD_S)
        found[runtime] = json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else []
    return found


def _own_devices(runtime: str) -> list[str]:
    if runtime == "openvino":
        from bridge.detect.openvino_graph import ov  # noqa: PLC0415 - brings the runtime

        return list(ov.Core().available_devices)
    from bridge.detect.ultralytics import available_devices  # noqa: PLC0415 - brings PyTorch

    return available_devices()


def main(question: Path, answer: Path) -> None:
    """Do the trial that a file describes, or list a runtime's devices, and write the outcome."""
    if question.suffix != ".json":
        answer.write_text(json.dumps(_own_devices(question.name)), encoding="utf-8")
        return
    asked: dict[str, Any] = json.loads(question.read_text(encoding="utf-8"))
    trial = Trial(**{**asked, "settings": DetectorSettings(**asked["settings"])})
    outcome = measure(trial, os.environ)
    found = [[(one.label, one.score, one.box_xyxy_px) for one in boxes] for boxes in outcome.found]
    answer.write_text(json.dumps({**asdict(replace(outcome, found=[])), "found": found}), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(be_child(lambda: main(Path(sys.argv[1]), Path(sys.argv[2]))))
