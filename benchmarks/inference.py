"""Our detector against bare OpenVINO on the same machine, in turns; prints one JSON object.

    python benchmarks/inference.py [--seconds 0.5] [--rounds 15] [--model PATH]

The limit is a loop that restarts two or more requests as they end, on a picture that lies ready in the model's input:
no letterbox, no decoding, no suppression, everything at OpenVINO's own settings. The detector gets decoded VGA
pictures. Short rounds, both sides in each, and the median of the rounds' ratios: what else runs on the machine then
slows down both alike.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.detect.models import ModelFiles, kind_of
from bridge.detect.openvino import OpenVinoDetector
from bridge.detect.port import DetectorSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.detect.port import Detector
    from bridge.model import Image

SHARED = Path(__file__).resolve().parents[2] / "shared"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--model", type=Path, default=SHARED / "models/yolo11n_int8_openvino_model")
    arguments = parser.parse_args()
    if not arguments.model.exists():
        print(f"skipped: no model at {arguments.model}")
        return 0
    began_s = time.perf_counter()
    detector = OpenVinoDetector(ModelFiles(arguments.model, kind_of(arguments.model)), DetectorSettings())
    load_s = time.perf_counter() - began_s
    one = [picture()]
    batch = one * detector.info.parallel
    single, several = bare(arguments.model, "LATENCY"), bare(arguments.model, "THROUGHPUT")
    measured: dict[str, list[float]] = {"bare_ms": [], "ours_ms": [], "bare_per_s": [], "ours_per_s": []}
    for _ in range(arguments.rounds):
        measured["bare_ms"].append(1000 / bare_per_s(single, arguments.seconds))
        measured["ours_ms"].append(1000 / ours_per_s(detector, one, arguments.seconds))
        measured["bare_per_s"].append(bare_per_s(several, arguments.seconds))
        measured["ours_per_s"].append(ours_per_s(detector, batch, arguments.seconds))
    differences = [ours - bare for ours, bare in zip(measured["ours_ms"], measured["bare_ms"], strict=True)]
    ratios = [ours / bare for ours, bare in zip(measured["ours_per_s"], measured["bare_per_s"], strict=True)]
    report = {
        "load_s": round(load_s, 2),
        "parallel": detector.info.parallel,
        "median": {name: round(statistics.median(values), 1) for name, values in measured.items()},
        "best_ms": round(min(measured["ours_ms"]), 1),
        "best_per_s": round(max(measured["ours_per_s"]), 1),
        "ours_minus_bare_ms": round(statistics.median(differences), 2),
        "ratio_per_s": round(statistics.median(ratios), 3),
    }
    print(json.dumps(report, indent=2))
    return 0


def picture() -> Image:
    """A VGA picture; noise, so that nothing is found and the time is that of the machinery."""
    return np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)


def bare(model: Path, hint: str) -> list[Any]:
    """As many requests as OpenVINO finds best, each with a picture in its input."""
    import openvino  # after our module, which keeps it from phoning home

    core = openvino.Core()
    compiled = core.compile_model(core.read_model(next(model.glob("*.xml"))), "CPU", {"PERFORMANCE_HINT": hint})
    requests = [
        compiled.create_infer_request() for _ in range(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
    ]
    for request in requests:
        request.set_input_tensor(openvino.Tensor(np.full(compiled.input().shape, 0.4, np.float32)))
        request.infer()
    return requests


def bare_per_s(requests: Sequence[Any], seconds: float) -> float:
    """Inferences a second, each request started again as soon as it ends."""
    began_s, done = time.perf_counter(), 0
    for request in requests:
        request.start_async()
    while time.perf_counter() - began_s < seconds:
        for request in requests:
            request.wait()
            request.start_async()
            done += 1
    for request in requests:
        request.wait()
        done += 1
    return done / (time.perf_counter() - began_s)


def ours_per_s(detector: Detector, images: Sequence[Image], seconds: float) -> float:
    """Pictures a second, handed in together."""
    began_s, done = time.perf_counter(), 0
    while time.perf_counter() - began_s < seconds:
        done += len(detector.detect(images, 0.25, 0.45))
    return done / (time.perf_counter() - began_s)


if __name__ == "__main__":
    sys.exit(main())
