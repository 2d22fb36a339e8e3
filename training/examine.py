"""How good a model is, on what it never saw; prints JSON.

    python training/examine.py MODEL [--data ../shared] [--against ../shared/models/yolo11n_int8_openvino_model]

``held``: recall and precision at the default score against the teacher's boxes on the photographs that were held out
(``split.py``), AP at an overlap of 0.5, and recall by how large and how crowded. ``conditions``: recall of both on the
same photographs made dark, grey, coarse, bent or seen from above. So it fails.
``footage``: of the frames in which the teacher sees somebody, in how many the model does; of the others, in how many it
does all the same; and how many visits the bridge makes of it. ``speed``: milliseconds a frame, both in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lens
import numpy as np
import weather
from labels import read_boxes
from split import split

from bridge.analyst import CameraAnalyst, CameraPlan
from bridge.detect.load import load_detector
from bridge.detect.port import DetectorSettings
from bridge.events.ids import IdMaker
from bridge.frames import codec
from bridge.frames.shot import Shot
from bridge.model import ChangeType, Frame
from bridge.simulate.source import open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bridge.detect.port import Detector
    from bridge.model import Detection, EventChange, Image

HERE = Path(__file__).resolve().parent
SCORE = 0.25
OVERLAP_TO_JOIN = 0.45
MATCH = 0.5
TEACHER_SCORE = 0.4  # that of the labels
FOOTAGE_FPS = 10
_ANY_SCORE = 0.001


def look(detector: Detector, image: Image, score: float = SCORE) -> list[Detection]:
    """The persons in one picture, the surest first."""
    found = detector.start([image], score, OVERLAP_TO_JOIN, lambda: None).result()[0]
    return sorted((one for one in found if one.label == "person"), key=lambda one: -one.score)


def held_out(data: Path) -> Iterator[tuple[Image, np.ndarray]]:
    """The photographs that were held out, each with the teacher's boxes in pixels."""
    images = {path.stem: path for path in (data / "people" / "images").glob("*.jpg")}
    for stem in split(list(images))[1]:
        image = codec.decode(images[stem].read_bytes())
        height, width = image.shape[:2]
        yield image, read_boxes((data / "people" / "labels" / f"{stem}.txt").read_text(), width, height)


def overlaps(box: Sequence[float], boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of one box with others."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    area = (box[2] - box[0]) * (box[3] - box[1])
    return shared / np.maximum(area + np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) - shared, 1e-9)


def matched(found: Sequence[Detection], boxes: np.ndarray) -> tuple[list[bool], np.ndarray]:
    """Which detections are right, and which of the teacher's boxes were found."""
    taken = np.zeros(len(boxes), bool)
    right = []
    for detection in found:
        fit = np.where(taken, 0, overlaps(detection.box_xyxy_px, boxes)) if len(boxes) else np.zeros(0)
        best = int(fit.argmax()) if len(fit) and fit.max() >= MATCH else -1
        if best >= 0:
            taken[best] = True
        right.append(best >= 0)
    return right, taken


def on_photographs(detector: Detector, data: Path) -> dict[str, Any]:
    """See the module."""
    scored: list[tuple[float, bool]] = []
    truths: list[tuple[bool, float, int]] = []  # found, share of the height, persons
    shown = right = 0
    for image, boxes in held_out(data):
        found = look(detector, image, _ANY_SCORE)
        good, _ = matched(found, boxes)
        scored += [(one.score, fits) for one, fits in zip(found, good, strict=True)]
        sure = [one for one in found if one.score >= SCORE]
        good, taken = matched(sure, boxes)
        shown, right = shown + len(sure), right + sum(good)
        tall = (boxes[:, 3] - boxes[:, 1]) / image.shape[0]
        truths += [(bool(found), float(share), len(boxes)) for found, share in zip(taken, tall, strict=True)]
    return {
        "persons": len(truths),
        "recall": _share(truths, lambda _: True),
        "precision": round(right / max(1, shown), 3),
        "ap50": average_precision(scored, len(truths)),
        "recall_small": _share(truths, lambda one: one[1] < 0.15),
        "recall_middle": _share(truths, lambda one: 0.15 <= one[1] < 0.4),
        "recall_large": _share(truths, lambda one: one[1] >= 0.4),
        "recall_alone": _share(truths, lambda one: one[2] <= 2),
        "recall_crowd": _share(truths, lambda one: one[2] > 6),
    }


def _share(truths: Sequence[tuple[bool, float, int]], counts: Any) -> float | None:  # noqa: ANN401 - a predicate
    found = [one[0] for one in truths if counts(one)]
    return round(sum(found) / len(found), 3) if found else None


def average_precision(scored: Sequence[tuple[float, bool]], truths: int) -> float:
    """Area under precision over recall, all points, precision made falling (as COCO and PASCAL VOC do it)."""
    good = np.array([fits for _, fits in sorted(scored, key=lambda one: -one[0])], float)
    if not len(good) or not truths:
        return 0.0
    hits = good.cumsum()
    precision = np.maximum.accumulate((hits / np.arange(1, len(good) + 1))[::-1])[::-1]
    return round(float((precision * good).sum() / truths), 3)


_CONDITIONS: dict[str, Callable[[Image, np.ndarray, np.random.Generator], tuple[Image, np.ndarray]]] = {
    "as they are": lambda image, boxes, _: (image, boxes),
    "dusk": lambda image, boxes, dice: (weather.dusk(image, dice), boxes),
    "infrared": lambda image, boxes, dice: (weather.infrared(image, dice), boxes),
    "blurred": lambda image, boxes, dice: (weather.blur(image, dice), boxes),
    "coarse JPEG": lambda image, boxes, dice: (weather.jpeg(image, dice), boxes),
    "fish-eye": lambda image, boxes, _: lens.view(image, boxes, barrel=0.4),
    "from above": lambda image, boxes, _: lens.view(image, boxes, keystone=0.3, height_share=0.65),
}


def under_conditions(detectors: Mapping[str, Detector], data: Path) -> dict[str, dict[str, float]]:
    """Recall of each on the photographs that were held out, as these cameras would have taken them.

    What the teacher found on the photographs as they are is what there is to find.
    """
    recalls: dict[str, dict[str, float]] = {}
    for name, effect in _CONDITIONS.items():
        dice = np.random.default_rng(1)
        hits = dict.fromkeys(detectors, 0)
        persons = 0
        for image, boxes in held_out(data):
            changed, moved = effect(image, boxes.astype(np.float32), dice)
            moved = moved[(moved[:, 2:] - moved[:, :2] >= 4).all(1)]
            persons += len(moved)
            for who, detector in detectors.items():
                hits[who] += int(matched(look(detector, changed), moved)[1].sum())
        recalls[name] = {who: round(count / max(1, persons), 3) for who, count in hits.items()}
    return recalls


class _Visits:
    """A sink that notes when events began."""

    def __init__(self) -> None:
        self.begun_s: list[float] = []

    def event(self, change: EventChange) -> None:
        if change.type is ChangeType.NEW:
            self.begun_s.append(change.event.start_unix_s)

    def presence(self, camera_id: str, counts: Mapping[str, int]) -> None: ...

    def zone_presence(self, camera_id: str, counts: Mapping[str, Mapping[str, int]]) -> None: ...

    def motion(self, camera_id: str, on: bool) -> None: ...

    def snapshot(self, camera_id: str, jpeg: bytes) -> None: ...


def looks(detector: Detector, footage: Path, per_s: int = 5) -> Iterator[tuple[Frame, Image, list[Detection]]]:
    """What a detector sees in footage, as often as the bridge looks."""
    every = FOOTAGE_FPS // per_s
    for number, jpeg in enumerate(frames(footage)):
        if number % every == 0:
            at_s = number / FOOTAGE_FPS
            image = codec.decode(jpeg)
            frame = Frame("door", number + 1, jpeg, image.shape[1], image.shape[0], at_s, at_s, None)
            yield frame, image, look(detector, image)


def visits(detector: Detector, footage: Path) -> list[float]:
    """When events begin that the bridge makes of footage, in seconds."""
    sink = _Visits()
    analyst = CameraAnalyst(CameraPlan("door", motion=None), IdMaker(lambda _bits: 0), [sink])
    at_s = 0.0
    for frame, _, found in looks(detector, footage):
        at_s = frame.received_mono_s
        analyst.conclude(Shot(frame), found, at_s)
    analyst.close(at_s)
    return sink.begun_s


def on_footage(detector: Detector, teacher: Detector, footage: Path) -> dict[str, Any]:
    """See the module."""
    seen = [(bool(look(teacher, image, TEACHER_SCORE)), bool(found)) for _, image, found in looks(detector, footage)]
    with_somebody = [found for expected, found in seen if expected]
    with_nobody = [found for expected, found in seen if not expected]
    return {
        "seen": round(sum(with_somebody) / max(1, len(with_somebody)), 3),
        "false": round(sum(with_nobody) / max(1, len(with_nobody)), 3),
        "visits": len(visits(detector, footage)),
    }


def frames(footage: Path) -> Iterator[bytes]:
    """The footage's pictures, once."""
    source, number = open_source(str(footage), loop=False), 0
    while (jpeg := source.read(number)) is not None:
        yield jpeg
        number += 1


def speed(detectors: Mapping[str, Detector], data: Path) -> dict[str, float]:
    """Milliseconds a picture, alone, in turns; the median."""
    images = [image for image, _ in held_out(data)][:40]
    took: dict[str, list[float]] = {name: [] for name in detectors}
    for image in [*images[:5], *images]:
        for name, detector in detectors.items():
            began_s = time.perf_counter()
            look(detector, image)
            took[name].append(1000 * (time.perf_counter() - began_s))
    return {name: round(float(np.median(one[5:])), 2) for name, one in took.items()}


def main() -> None:
    """Examine, and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("model", type=Path)
    options.add_argument("--data", type=Path, default=HERE.parents[1] / "shared")
    options.add_argument("--against", type=Path, help="the teacher (default: that of --data)")
    chosen = options.parse_args()
    against = chosen.against or chosen.data / "models" / "yolo11n_int8_openvino_model"
    model = load_detector(DetectorSettings(model=str(chosen.model), image_size=320, workers=1), os.environ)
    teacher = load_detector(DetectorSettings(model=str(against), image_size=640, workers=1), os.environ)
    print(json.dumps({"held": on_photographs(model, chosen.data)}), flush=True)
    both = {"model": model, "teacher": teacher}
    print(json.dumps({"conditions": under_conditions(both, chosen.data)}), flush=True)
    footage = chosen.data / "footage" / "one-by-one-person.mp4"
    print(json.dumps({"footage": on_footage(model, teacher, footage)}), flush=True)
    print(json.dumps({"speed_ms": speed(both, chosen.data)}))


if __name__ == "__main__":
    main()
