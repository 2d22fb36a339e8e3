"""Our OpenVINO path against ultralytics, on the same model and pictures; prints JSON.

    python benchmarks/accuracy.py [--pictures N] [--model PATH] [--data PATH] [--own-precision]

mAP is pycocotools' (COCO's own evaluator), over pictures with labels in YOLO format. ``ours`` looks at each picture in
its own shape, as the bridge does; ``ours_square`` and ``ultralytics`` at 640 x 640 pixels; score above 0.001,
suppression at 0.7, one label a box. (``ultralytics val`` lets one box carry several labels and has an evaluator of its
own: 0.499 where this prints 0.493, for both sides.) The boxes are compared at 0.25 and 0.45, as the bridge runs.

On CPUs that can, ultralytics lets OpenVINO calculate in bfloat16, which moves boxes by pixels. Here both sides
calculate in float32, unless ``--own-precision`` leaves ultralytics as it is.

Needs ``ultralytics``, ``pycocotools``, and a model and pictures (default: ``../shared``).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.detect.models import ModelFiles, kind_of
from bridge.detect.port import DetectorSettings
from bridge.frames.codec import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.detect.port import Detector
    from bridge.model import Detection, Image

SHARED = Path(__file__).resolve().parents[2] / "shared"
SETTINGS = DetectorSettings(image_size=640, workers=1)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, help="only the first N")
    parser.add_argument("--model", type=Path, default=SHARED / "models/yolo11n_int8_openvino_model")
    parser.add_argument("--data", type=Path, default=SHARED / "pictures", help="a folder with images/ and labels/")
    parser.add_argument("--own-precision", action="store_true", help="leave ultralytics its bfloat16")
    arguments = parser.parse_args()
    files = sorted((arguments.data / "images").glob("*.jpg"))[: arguments.pictures]
    if not files or not arguments.model.exists():
        print(f"skipped: no model at {arguments.model} or no pictures in {arguments.data}")
        return 0
    try:
        detectors = _detectors(ModelFiles(arguments.model, kind_of(arguments.model)), exact=not arguments.own_precision)
    except ImportError as error:
        print(f"skipped: {error}")
        return 0
    images = [decode(file.read_bytes()) for file in files]
    found = {name: _look(detector, images, 0.001, 0.7) for name, detector in detectors.items()}
    truth = _truth(files, images)
    report: dict[str, Any] = {"pictures": len(files), "model": arguments.model.name}
    report |= {name: _mean_precision(truth, detections, detectors[name]) for name, detections in found.items()}
    report["ratio_map50_95"] = round(report["ours"]["map50_95"] / report["ultralytics"]["map50_95"], 4)
    pair = (detectors["ours_square"], detectors["ultralytics"])
    report["boxes"] = compare(*(_look(detector, images, 0.25, 0.45) for detector in pair))
    print(json.dumps(report, indent=2))
    return 0


def _detectors(files: ModelFiles, *, exact: bool) -> dict[str, Detector]:
    import pycocotools  # noqa: F401 - missing: say so before the work

    from bridge.detect.openvino import OpenVinoDetector
    from bridge.errors import DependencyMissing

    try:
        from bridge.detect.ultralytics import UltralyticsDetector
    except DependencyMissing as error:
        raise ImportError(str(error)) from error
    if exact:
        _calculate_in_float32()
    return {
        "ours": OpenVinoDetector(files, SETTINGS),
        "ours_square": OpenVinoDetector(files, replace(SETTINGS, square=True)),
        "ultralytics": UltralyticsDetector(files, SETTINGS),
    }


def _calculate_in_float32() -> None:
    """Make that the default of every OpenVINO core in this process; ultralytics offers no setting for it."""
    import openvino

    class Float32Core(openvino.Core):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    openvino.Core = Float32Core


def _look(detector: Detector, images: Sequence[Image], confidence: float, iou: float) -> list[list[Detection]]:
    return [detector.detect([image], confidence, iou)[0] for image in images]


def _truth(files: Sequence[Path], images: Sequence[Image]) -> dict[str, Any]:
    """The labels as COCO keeps them."""
    annotations: list[dict[str, Any]] = []
    for number, (file, image) in enumerate(zip(files, images, strict=True)):
        height, width = image.shape[:2]
        label_file = file.parents[1] / "labels" / f"{file.stem}.txt"
        for line in label_file.read_text().splitlines() if label_file.exists() else ():
            category, x, y, w, h = (float(value) for value in line.split())
            box = [(x - w / 2) * width, (y - h / 2) * height, w * width, h * height]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": int(category),
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                }
            )
    return {"images": [{"id": number} for number in range(len(files))], "annotations": annotations}


def _mean_precision(truth: dict[str, Any], found: list[list[Detection]], detector: Detector) -> dict[str, float]:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    labels = detector.info.labels
    results = [
        {
            "image_id": number,
            "category_id": labels.index(detection.label),
            "bbox": [left, top, right - left, bottom - top],
            "score": detection.score,
        }
        for number, detections in enumerate(found)
        for detection in detections
        for left, top, right, bottom in [detection.box_xyxy_px]
    ]
    with contextlib.redirect_stdout(sys.stderr):  # it talks
        coco = COCO()
        coco.dataset = truth | {"categories": [{"id": index} for index in range(len(labels))]}
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {"map50_95": round(float(evaluation.stats[0]), 4), "map50": round(float(evaluation.stats[1]), 4)}


def compare(ours: list[list[Detection]], theirs: list[list[Detection]]) -> dict[str, float]:
    """Pair the boxes of two detectors: how many have a partner, and how far the farthest pair is apart.

    A box whose score is within 0.02 of the threshold may be missing on the other side.
    """
    pairs: list[tuple[float, float]] = []
    alone = 0
    for left, right in zip(ours, theirs, strict=True):
        for these, those in ((left, right), (right, left)):
            for detection in these:
                partners = [other for other in those if other.label == detection.label]
                distances = [(_distance_px(detection, other), abs(detection.score - other.score)) for other in partners]
                if distances and min(distances)[0] < 20:
                    pairs.append(min(distances))
                elif detection.score > 0.27:
                    alone += 1
    return {
        "count": sum(map(len, ours)),
        "without_partner": alone,
        "farthest_px": round(max((px for px, _ in pairs), default=0.0), 3),
        "largest_score_difference": round(max((score for _, score in pairs), default=0.0), 4),
    }


def _distance_px(one: Detection, other: Detection) -> float:
    return max(abs(a - b) for a, b in zip(one.box_xyxy_px, other.box_xyxy_px, strict=True))


if __name__ == "__main__":
    sys.exit(main())
