"""What the motion gate spares, and that it loses no visit: with the gate against without it, on the same detections.

    python benchmarks/motion.py [--quick] [--footage PATH] [--model PATH] [--pictures DIR]

Prints a line of JSON a case:

``visits``: the footage of six visits, with a pause before each in which its own empty pictures are shown, as the camera
sends it and made worse, at three frame rates. Event machine and tracker are those of the bridge. ``later_s`` is by how
much an event's start, its first message and its end moved at most; ``looked`` the share of the frames that the model
saw, ``looked_alone`` that of the frames while nobody was followed, ``open_alone`` the same without the forced looks.

``still``: pictures that stand still but for noise, JPEG and a drawn clock; ``open`` is the share of the frames that
open the gate after the first ``LEARNING_S``, ``skipped`` what the model does not see although it looks every few
seconds.

``cost``: CPU time of a frame from a still scene, decoded at 1/8 and judged.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from tracking import CONFIDENCE, FOOTAGE_FPS, SHARED, VISITS, Seen, cached_detections

from bridge.events.machine import EventMachine, EventRules
from bridge.events.visit import Moment
from bridge.frames.codec import decode_grey_eighth
from bridge.frames.opencv import cv2
from bridge.model import ChangeType, Detection
from bridge.motion.attention import Attention
from bridge.motion.gate import MotionGate, MotionSettings
from bridge.track.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.model import Image

_T = TypeVar("_T")

SIDE_PX = 1000  # of a virtual frame; the cached boxes are shares of the real one
LEARNING_S = 30.0
STILL_FPS = 5


class Treatment(NamedTuple):
    """How a camera spoils its pictures."""

    quality: int = 80
    noise: float = 0.0  # grey levels, standard deviation of a pixel
    exposures: tuple[float, ...] = (1.0,)  # gains that take turns every ten seconds
    clock: bool = False


FOOTAGE_TREATMENTS = {
    "as sent": Treatment(),
    "JPEG 12": Treatment(quality=12),
    "noise 6": Treatment(quality=60, noise=6),
    "noise 10, JPEG 12": Treatment(quality=12, noise=10),
    "exposure steps": Treatment(exposures=(1.0, 1.25, 0.8, 1.1)),
    "clock": Treatment(clock=True),
}
STILL_TREATMENTS = {
    "noise 4": Treatment(quality=70, noise=4),
    "noise 8, JPEG 20": Treatment(quality=20, noise=8),
    "noise 4, clock": Treatment(quality=70, noise=4, clock=True),
}


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--footage", type=Path, default=SHARED / "footage/one-by-one-person.mp4")
    parser.add_argument("--model", type=Path, default=SHARED / "models/yolo11n_int8_openvino_model")
    parser.add_argument("--pictures", type=Path, default=SHARED / "pictures/images")
    parser.add_argument("--quick", action="store_true", help="fewer cases")
    chosen = parser.parse_args()
    missing = [path for path in (chosen.footage, chosen.model, chosen.pictures) if not path.exists()]
    if missing:
        print(f"skipped: no {missing[0]}")
        return 0
    lost = visits(chosen.footage, chosen.model, quick=chosen.quick)
    still(chosen.pictures, quick=chosen.quick)
    return 1 if lost else 0


def tell(**figures: object) -> None:
    """One line."""
    rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in figures.items()}
    print(json.dumps(rounded), flush=True)


# --- visits --------------------------------------------------------------------------------------------------------


class Told(NamedTuple):
    """What the event machine said: of each visit its start, its first message and its end; all in seconds."""

    visits: list[tuple[float, float, float]]
    looked: float
    looked_alone: float
    open_alone: float


def visits(footage: Path, model: Path, *, quick: bool) -> bool:
    """Print the cases; True when a visit was lost or one became two."""
    found = [[] if pause else seen for pause, seen in stretched(cached_detections(footage, model), quick=quick)]
    pictures = [picture for _, picture in stretched(read(footage), quick=quick)]
    lost = False
    for name in ["as sent", "noise 10, JPEG 12"] if quick else FOOTAGE_TREATMENTS:
        greys = [decode_grey_eighth(jpeg) for jpeg in spoiled(pictures, FOOTAGE_TREATMENTS[name], FOOTAGE_FPS)]
        for fps in (5,) if quick else (10, 5, 2):
            every = FOOTAGE_FPS // fps
            without = play(greys[::every], found[::every], fps, gated=False)
            with_gate = play(greys[::every], found[::every], fps, gated=True)
            same = len(with_gate.visits) == len(without.visits) == len(VISITS)
            lost |= not same
            later = [
                abs(a - b)
                for pair in zip(with_gate.visits, without.visits, strict=False)
                for a, b in zip(*pair, strict=True)
            ]
            tell(
                case="visits", pictures=name, fps=fps, without_gate=len(without.visits),
                with_gate=len(with_gate.visits), later_s=max(later) if same else None, looked=with_gate.looked,
                looked_alone=with_gate.looked_alone, open_alone=with_gate.open_alone,
            )  # fmt: skip
    return lost


def stretched(frames: Sequence[_T], *, quick: bool) -> Iterator[tuple[bool, _T]]:
    """The footage with a pause before each visit: whether a frame belongs to one, and the frame."""
    pause = (15 if quick else 30) * FOOTAGE_FPS
    done, empty_from = 0, 0
    for first, last in VISITS:
        third = (first - empty_from) // 3  # of the time between two visits; the middle one shows nobody at all
        middle = range(empty_from + third, first - third)
        yield from ((False, frames[index]) for index in range(done, middle[-1] + 1))
        there_and_back = itertools.cycle([*reversed(middle), *middle])
        yield from (
            (True, frames[index])
            for index in itertools.islice(there_and_back, 2 * len(middle) * (pause // (2 * len(middle))))
        )
        done, empty_from = middle[-1] + 1, last + 1
    yield from ((False, frame) for frame in frames[done:])


def read(footage: Path) -> list[bytes]:
    """The pictures, kept as JPEG of the best quality: a gigabyte otherwise."""
    video = cv2.VideoCapture(str(footage))
    pictures: list[bytes] = []
    while True:
        there, image = video.read()
        if not there:
            return pictures
        pictures.append(encode(np.asarray(image, np.uint8), 98))


def play(greys: Sequence[Image], found: Sequence[Seen], fps: int, *, gated: bool) -> Told:
    """Let the bridge's parts judge, look, follow and tell."""
    gate, attention = MotionGate(MotionSettings()), Attention()
    rules, number = EventRules(), itertools.count()
    tracker = Tracker(confidence=CONFIDENCE, lost_after_s=rules.end_after_s)
    machine = EventMachine("bench", rules, lambda _: str(next(number)))
    begun: dict[str, tuple[float, float]] = {}
    ended: list[tuple[float, float, float]] = []
    looked = looked_alone = open_alone = alone = 0
    for index, (grey, seen) in enumerate(zip(greys, found, strict=True)):
        now_s = 1000 + index / fps
        tracked = bool(machine.followed())
        motion = gate.update(grey, now_s, tracked=tracked)
        look = attention.wants(motion, tracked=tracked, now_mono_s=now_s) or not gated
        looked += look
        alone += not tracked
        looked_alone += look and not tracked
        open_alone += motion.worth_a_look and not tracked
        steps = machine.tick(now_s)
        if look:
            tracks = tracker.update(people(seen), SIDE_PX, SIDE_PX, now_s)
            steps += machine.update(tracks, Moment(now_s, now_s))
        if index == len(greys) - 1:
            steps += machine.close(now_s)
        for step in steps:
            if step.type is ChangeType.NEW:
                begun[step.event.id] = (step.event.start_unix_s, now_s)
            elif step.type is ChangeType.END:
                assert step.event.end_unix_s is not None
                ended.append((*begun[step.event.id], step.event.end_unix_s))
    return Told(sorted(ended), looked / len(greys), looked_alone / alone, open_alone / alone)


def people(seen: Seen) -> list[Detection]:
    """As the detector would hand them over."""
    return [
        Detection("person", score, (box[0] * SIDE_PX, box[1] * SIDE_PX, box[2] * SIDE_PX, box[3] * SIDE_PX))
        for score, box in seen
    ]


# --- still ---------------------------------------------------------------------------------------------------------


def still(folder: Path, *, quick: bool) -> None:
    """Print the cases, and the cost."""
    paths = sorted(folder.glob("*.jpg"))[:: 40 if quick else 12]
    scenes = [np.asarray(cv2.resize(cv2.imread(str(path)), (640, 480)), np.uint8) for path in paths]
    frames = round((LEARNING_S + (15 if quick else 30)) * STILL_FPS)
    decode_us: list[float] = []
    gate_us: list[float] = []
    for name in list(STILL_TREATMENTS)[:1] if quick else STILL_TREATMENTS:
        opened: list[float] = []
        skipped: list[float] = []
        for scene in scenes:
            jpegs = list(spoiled([encode(scene, 98)] * frames, STILL_TREATMENTS[name], STILL_FPS))
            began_s = time.process_time()
            greys = [decode_grey_eighth(jpeg) for jpeg in jpegs]
            decode_us.append((time.process_time() - began_s) / frames * 1e6)
            gate, attention = MotionGate(MotionSettings()), Attention()
            began_s = time.process_time()
            motions = [gate.update(grey, index / STILL_FPS) for index, grey in enumerate(greys)]
            gate_us.append((time.process_time() - began_s) / frames * 1e6)
            looks = [
                attention.wants(motion, tracked=False, now_mono_s=index / STILL_FPS)
                for index, motion in enumerate(motions)
            ]
            learned = round(LEARNING_S * STILL_FPS)
            opened.append(statistics.fmean(motion.worth_a_look for motion in motions[learned:]))
            skipped.append(1 - statistics.fmean(looks[learned:]))
        tell(
            case="still", pictures=name, scenes=len(scenes), open=statistics.fmean(opened), open_worst=max(opened),
            skipped=statistics.fmean(skipped), skipped_worst=min(skipped),
        )  # fmt: skip
    decode, gate_alone = statistics.median(decode_us), statistics.median(gate_us)
    tell(case="cost", decode_us=decode, gate_us=gate_alone, frames_per_core_s=1e6 / (decode + gate_alone))


# --- pictures ------------------------------------------------------------------------------------------------------


def spoiled(pictures: Sequence[bytes], treatment: Treatment, fps: int) -> Iterator[bytes]:
    """The pictures as a worse camera sends them."""
    chance = np.random.default_rng(3)
    height, width = cv2.imdecode(np.frombuffer(pictures[0], np.uint8), cv2.IMREAD_COLOR).shape[:2]
    grain = chance.normal(0, treatment.noise, (height + 64, width + 64, 1)).astype(np.int16)
    for index, picture in enumerate(pictures):
        image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
        gain = treatment.exposures[index // (10 * fps) % len(treatment.exposures)]
        if gain != 1:
            image = cv2.convertScaleAbs(image, alpha=gain)
        if treatment.noise:
            top, left = chance.integers(64, size=2)
            image = np.clip(image + grain[top : top + height, left : left + width], 0, 255).astype(np.uint8)
        if treatment.clock:
            text = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(1.7e9 + index / fps))
            cv2.rectangle(image, (4, 4), (330, 30), (0, 0, 0), -1)
            cv2.putText(image, text, (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2)
        yield encode(np.asarray(image, np.uint8), treatment.quality)


def encode(image: Image, quality: int) -> bytes:
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


if __name__ == "__main__":
    sys.exit(main())
