"""Trackers compared: how many mistakes they make over six visits, at falling frame rates and with frames dropped.

    python benchmarks/tracking.py [--footage PATH] [--model PATH] [--lost-after 1.5] [--faint]

The footage shows six visits by one person each. A mistake is every id too many for a visit, a visit without an id, and
every visit too many for an id; ids count that were seen twice or more. Where frames are dropped at random, the figure
is the mean of five runs. All see the same detections, made once by the model and kept in ``benchmarks/results``.

``--faint`` shows instead what becomes of the six visits when faint detections may continue a track, down to some share
of the confidence: how many events the bridge makes of them and in which share of the frames its track is seen.

Trackers are those of the package that ``bridge.track`` uses, as it comes (overlap: IoU 0.1) and as we use it; each
forgets an object after ``--lost-after`` seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from supervision import Detections
from trackers import ByteTrackTracker, OCSORTTracker, SORTTracker

from bridge.detect.load import load_detector
from bridge.detect.port import DetectorSettings
from bridge.events.ids import IdMaker
from bridge.events.machine import EventMachine, EventRules
from bridge.events.visit import Moment
from bridge.frames.opencv import cv2
from bridge.model import ChangeType, Detection
from bridge.track.filters import FAINT_SHARE
from bridge.track.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trackers.core.base import BaseTracker

    from bridge.model import Box

SHARED = Path(__file__).resolve().parents[2] / "shared"
CACHE = Path(__file__).parent / "results" / "tracking-detections-faint.json"
FOOTAGE_FPS = 10
VISITS = ((63, 195), (228, 448), (503, 699), (745, 866), (923, 1198), (1235, 1358))  # first and last frame of each
CONFIDENCE = 0.25
FAINTEST = 0.05  # what the cache holds
FRAME_PX = 640  # side of a virtual frame; boxes are kept as shares of the real one
RUNS = 5

Seen = list[tuple[float, "Box"]]
"""One frame's people: score and box (0..1)."""


class Contestant(Protocol):
    """Gives each detection of a frame an id; None while it has none."""

    def __call__(self, seen: Seen, now_s: float) -> Iterable[int | None]: ...


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--footage", type=Path, default=SHARED / "footage/one-by-one-person.mp4")
    parser.add_argument("--model", type=Path, default=SHARED / "models/yolo11n_int8_openvino_model")
    parser.add_argument("--lost-after", type=float, default=1.5, help="seconds that an unseen object keeps its id")
    parser.add_argument("--faint", action="store_true", help="compare how faint a detection may be")
    chosen = parser.parse_args()
    if not chosen.footage.exists() or not (chosen.model.exists() or CACHE.exists()):
        print(f"skipped: no footage at {chosen.footage} or no model at {chosen.model}")
        return 0
    if chosen.faint:
        compare_floors(cached_detections(chosen.footage, chosen.model, FAINTEST))
        return 0
    frames = cached_detections(chosen.footage, chosen.model)
    cases = [(fps, dropped) for fps in (10, 5, 2) for dropped in (0.0, 0.1, 0.3)]
    heads = [f"{fps} fps, {dropped:.0%}" for fps, dropped in cases]
    print("frame rate, dropped   " + "".join(f"{head:>12}" for head in heads) + "   ms/update")
    for name, make in contestants(chosen.lost_after).items():
        played = [play(make, frames, fps, dropped) for fps, dropped in cases]
        cost_ms = statistics.median(result.update_ms for result in played)
        print(f"{name:<22}" + "".join(f"{result.mistakes:>12.1f}" for result in played) + f"{cost_ms:>12.2f}")
    return 0


# --- detections ----------------------------------------------------------------------------------------------------


def cached_detections(footage: Path, model: Path, floor: float = CONFIDENCE * FAINT_SHARE) -> list[Seen]:
    """The people in every frame, from this score on; from the cache when they were found before."""
    if not CACHE.exists():
        print(f"looking for people in {footage.name}, once ...")
        CACHE.parent.mkdir(exist_ok=True)
        CACHE.write_text(json.dumps(detect(footage, model)))
    return [[(score, tuple(box)) for score, box in frame if score >= floor] for frame in json.loads(CACHE.read_text())]


def detect(footage: Path, model: Path) -> list[Seen]:
    """The people that the model sees in every frame."""
    detector = load_detector(DetectorSettings(model=str(model)), os.environ)
    video = cv2.VideoCapture(str(footage))
    frames: list[Seen] = []
    while True:
        there, image = video.read()
        if not there:
            break
        height, width = image.shape[:2]
        scale = np.array([width, height, width, height])
        (found,) = detector.detect([np.asarray(image, np.uint8)], FAINTEST, 0.45)
        people = [one for one in found if one.label == "person"]
        frames.append([(one.score, tuple((np.array(one.box_xyxy_px) / scale).tolist())) for one in people])
    detector.close()
    return frames


# --- contestants ---------------------------------------------------------------------------------------------------


def contestants(lost_after_s: float) -> dict[str, Callable[[], Contestant]]:
    """By name, what makes a fresh one."""
    memory = round(lost_after_s * 30)  # the package counts it in frames of a 30 fps video
    return {
        "bridge.track": lambda: ours(lost_after_s),
        "ByteTrack, IoU": lambda: theirs(
            ByteTrackTracker(
                lost_track_buffer=memory,
                track_activation_threshold=CONFIDENCE,
                high_conf_det_threshold=CONFIDENCE,
                minimum_consecutive_frames=1,
            )
        ),
        "SORT": lambda: theirs(
            SORTTracker(
                lost_track_buffer=memory,
                track_activation_threshold=CONFIDENCE,
                minimum_consecutive_frames=1,
                minimum_iou_threshold=0.1,
            )
        ),
        "OC-SORT": lambda: theirs(
            OCSORTTracker(
                lost_track_buffer=memory,
                high_conf_det_threshold=CONFIDENCE,
                minimum_consecutive_frames=1,
                minimum_iou_threshold=0.1,
            )
        ),
    }


def ours(lost_after_s: float) -> Contestant:
    """The tracker that the bridge uses."""
    tracker = Tracker(confidence=CONFIDENCE, lost_after_s=lost_after_s)

    def update(seen: Seen, now_s: float) -> list[int | None]:
        detections = as_detections(seen)
        # The others give an id with the second sight, so only then is ours counted.
        return [track.track_id if track.hits > 1 else None for track in tracker.update(detections, 640, 640, now_s)]

    return update


def as_detections(seen: Seen) -> list[Detection]:
    """As the detector hands them over, in pixels of a virtual frame."""
    return [
        Detection("person", score, (box[0] * FRAME_PX, box[1] * FRAME_PX, box[2] * FRAME_PX, box[3] * FRAME_PX))
        for score, box in seen
    ]


def theirs(tracker: BaseTracker) -> Contestant:
    """A tracker of the package, called as its documentation says."""

    def update(seen: Seen, now_s: float) -> list[int | None]:
        detections = Detections.empty()
        if seen:
            detections = Detections(
                xyxy=np.array([box for _, box in seen]) * FRAME_PX,
                confidence=np.array([score for score, _ in seen]),
                class_id=np.zeros(len(seen), int),
            )
        ids = tracker.update(detections, timestamp=now_s).tracker_id
        return [] if ids is None else [None if number == -1 else int(number) for number in ids]

    return update


# --- play ----------------------------------------------------------------------------------------------------------


class Result(NamedTuple):
    """What came out of one case, in the mean of its runs."""

    mistakes: float
    update_ms: float


def play(make: Callable[[], Contestant], frames: Sequence[Seen], fps: int, dropped: float) -> Result:
    """Show the footage at ``fps``, with this share of the frames dropped at random."""
    results = [_play_once(make(), frames, fps, dropped, seed) for seed in range(RUNS if dropped else 1)]
    return Result(*(statistics.fmean(values) for values in zip(*results, strict=True)))


def _play_once(track: Contestant, frames: Sequence[Seen], fps: int, dropped: float, seed: int) -> Result:
    chance = random.Random(seed)  # noqa: S311 - the same frames for everybody
    ids_of_visit: dict[tuple[int, int], set[int]] = {visit: set() for visit in VISITS}
    spent_s, updates = 0.0, 0
    for index in range(0, len(frames), FOOTAGE_FPS // fps):
        if chance.random() < dropped:
            continue
        started_s = time.perf_counter()
        ids = track(frames[index], 1000.0 + index / FOOTAGE_FPS)
        spent_s += time.perf_counter() - started_s
        updates += 1
        for (first, last), known in ids_of_visit.items():
            if first <= index <= last:
                known.update(number for number in ids if number is not None)
    visits_of_id = Counter(number for known in ids_of_visit.values() for number in known)
    mistakes = sum(abs(len(known) - 1) for known in ids_of_visit.values())
    mistakes += sum(visits - 1 for visits in visits_of_id.values())
    return Result(mistakes, 1000 * spent_s / updates)


# --- how faint may a detection be ----------------------------------------------------------------------------------


def compare_floors(frames: Sequence[Seen]) -> None:
    """Print the table: for each confidence and floor the events, and the share of the visits' frames with a track."""
    rates = (10, 5, 2)
    print("confidence, faint from   " + "".join(f"{f'{fps} fps':>20}" for fps in rates) + "    events, frames seen")
    for confidence in (0.25, 0.4, 0.5, 0.6, 0.7):
        for share in (1.0, 0.8, 0.6, 0.4, 0.2):
            told = [events_of(frames, fps, confidence, confidence * share) for fps in rates]
            cells = "".join(f"{f'{count}, {seen:.1%}, {alone:.1%}':>20}" for count, seen, alone in told)
            print(f"{confidence:<12}{confidence * share:<13.2f}{cells}")


def events_of(frames: Sequence[Seen], fps: int, confidence: float, floor: float) -> tuple[int, float, float]:
    """How many events there are; the share of the frames with a track, of those in a visit and of the others."""
    rules = EventRules(confidence=confidence)
    tracker = Tracker(confidence=confidence, lost_after_s=rules.end_after_s)
    machine = EventMachine("bench", rules, IdMaker(lambda _bits: 0))
    events = 0
    seen_in: Counter[bool] = Counter()
    all_in: Counter[bool] = Counter()
    for index in range(0, len(frames), FOOTAGE_FPS // fps):
        now_s = 1000.0 + index / FOOTAGE_FPS
        usable = [one for one in frames[index] if one[0] >= floor]
        tracks = tracker.update(as_detections(usable), FRAME_PX, FRAME_PX, now_s)
        events += sum(step.type is ChangeType.NEW for step in machine.update(tracks, Moment(now_s, now_s)))
        visit = any(first <= index <= last for first, last in VISITS)
        all_in[visit] += 1
        seen_in[visit] += bool(tracks)
    return events, seen_in[True] / all_in[True], seen_in[False] / all_in[False]


if __name__ == "__main__":
    sys.exit(main())
