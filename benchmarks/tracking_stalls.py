"""Six visits through a weak network and a busy machine: how often are they six events?

    python benchmarks/tracking_stalls.py [--seeds 3] [--end-after 1.5 5] [--footage PATH] [--model PATH]

The footage shows six visits by one person each. It is looked at once as each of four boards sends it (size, quality,
one of them mirrored); the detections are kept in ``benchmarks/results``. Each run plays them through the bridge's
filter, tracker and event machine, beginning at any moment, at 10, 5 or 2 fps, with 0 to 60 % of the pictures lost, and
with or without stalls: once in five seconds on the average nothing comes for 0.2 to 1 s, and what was sent meanwhile is
lost or comes all at once.

Prints, for each loss and rate, in how many runs there were not six events; then what went wrong, by kind:

``beside``: another event began while the visitor's own was seen; ``blind``: a visit fell apart where no picture came
for longer than ``end_after_s``; ``apart``: it fell apart although pictures came; ``none``: a visit has no event of its
own, because too few pictures showed it or because the event of the one before went on.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from collections import Counter
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from tracking import CONFIDENCE, FAINTEST, FOOTAGE_FPS, FRAME_PX, SHARED, VISITS, Seen, as_detections

from bridge.detect.load import load_detector
from bridge.detect.port import DetectorSettings
from bridge.events.ids import IdMaker
from bridge.events.machine import EventMachine, EventRules
from bridge.events.visit import Moment
from bridge.frames.codec import decode, encode
from bridge.frames.opencv import cv2
from bridge.model import ChangeType
from bridge.track.filters import DetectionFilter
from bridge.track.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.events.machine import Step
    from bridge.model import Detection, Image

RESULTS = Path(__file__).parent / "results"
TICK_S = 0.1  # as the pipeline's
STALLS_PER_S = 0.2
STALL_S = (0.2, 1.0)
BURST = 4  # as many pictures wait in the buffers
NEAR = 5  # frames that an event may begin before or after its visit


class Board(NamedTuple):
    """What a board makes of the footage."""

    width_px: int
    quality: int
    mirrored: bool = False


BOARDS = {
    "svga": Board(768, 81),
    "mirrored": Board(768, 81, mirrored=True),
    "vga": Board(640, 76),
    "hvga": Board(480, 45),
}


class Weather(NamedTuple):
    """How pictures come.

    Attributes:
        fps: how many are sent.
        lost: the share of them that is lost on the way.
        stalls: whether nothing comes now and then, and what becomes of what was sent meanwhile.
    """

    fps: int
    lost: float
    stalls: str


WEATHERS = [
    Weather(*case)
    for case in product((10, 5, 2), (0.0, 0.1, 0.3, 0.6), ("none", "lost meanwhile", "all at once after"))
]


class Told(NamedTuple):
    """One event: at which frame of the footage it was told first; seconds of its NEW and of its last sight."""

    frame: int
    new_s: float
    seen_s: float


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--footage", type=Path, default=SHARED / "footage/one-by-one-person.mp4")
    parser.add_argument("--model", type=Path, default=SHARED / "models/yolo11n_int8_openvino_model")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each case")
    parser.add_argument("--end-after", type=float, nargs="+", default=[1.5, 5.0], metavar="S")
    chosen = parser.parse_args()
    if not chosen.footage.exists() or not chosen.model.exists():
        print(f"skipped: no footage at {chosen.footage} or no model at {chosen.model}")
        return 0
    films = [cached(name, board, chosen.footage, chosen.model) for name, board in BOARDS.items()]
    for end_after_s in chosen.end_after:
        compare(films, end_after_s, chosen.seeds)
    return 0


def compare(films: Sequence[Sequence[Sequence[Detection]]], end_after_s: float, seeds: int) -> None:
    """Play every case, and print what came of it."""
    runs: Counter[tuple[int, float]] = Counter()
    wrong: Counter[tuple[int, float]] = Counter()
    kinds: Counter[str] = Counter()
    for film, weather, seed in product(films, WEATHERS, range(seeds)):
        arrivals = list(arrive(len(film), weather, random.Random(f"{weather} {seed}")))  # noqa: S311 - no secret
        told = play(film, arrivals, end_after_s)
        case = (weather.fps, weather.lost)
        runs[case] += 1
        wrong[case] += len(told) != len(VISITS)
        kinds.update(mistakes(told, [at_s for _, at_s in arrivals], end_after_s))
    print(f"\nend_after_s {end_after_s:g}: {wrong.total()} of {runs.total()} runs without six events")
    losses = sorted({weather.lost for weather in WEATHERS})
    print("lost    " + "".join(f"{lost:>10.0%}" for lost in losses))
    for fps in sorted({weather.fps for weather in WEATHERS}, reverse=True):
        cells = (f"{wrong[fps, lost]}/{runs[fps, lost]}" for lost in losses)
        print(f"{f'{fps} fps':<8}" + "".join(f"{cell:>10}" for cell in cells))
    print("mistakes: " + (", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())) or "none"))


# --- detections ----------------------------------------------------------------------------------------------------


def cached(name: str, board: Board, footage: Path, model: Path) -> list[list[Detection]]:
    """The people in every frame as the board sends it, from the cache when they were found before."""
    cache = RESULTS / f"tracking-stalls-{name}.json"
    if not cache.exists():
        print(f"looking for people in {footage.name} as {name} shows it, once ...")
        RESULTS.mkdir(exist_ok=True)
        cache.write_text(json.dumps(detect(board, footage, model)))
    return [as_detections(frame) for frame in json.loads(cache.read_text())]


def detect(board: Board, footage: Path, model: Path) -> list[Seen]:
    """The people that the model sees: score and box (0..1)."""
    detector = load_detector(DetectorSettings(model=str(model)), os.environ)
    video, frames = cv2.VideoCapture(str(footage)), []
    while True:
        there, picture = video.read()
        if not there:
            break
        image = sent(board, np.asarray(picture, np.uint8))
        height, width = image.shape[:2]
        (found,) = detector.detect([image], FAINTEST, 0.45)
        scale = np.array([width, height, width, height])
        people = [one for one in found if one.label == "person"]
        frames.append([(one.score, tuple((np.array(one.box_xyxy_px) / scale).tolist())) for one in people])
    detector.close()
    return frames


def sent(board: Board, picture: Image) -> Image:
    """The picture as it comes out of the board's JPEG."""
    height, width = picture.shape[:2]
    size = (board.width_px, round(height * board.width_px / width))
    image = cv2.resize(picture[:, ::-1] if board.mirrored else picture, size, interpolation=cv2.INTER_AREA)
    return decode(encode(np.ascontiguousarray(image, np.uint8), board.quality))


# --- play ----------------------------------------------------------------------------------------------------------


def arrive(frames: int, weather: Weather, chance: random.Random) -> Iterable[tuple[int, float]]:
    """Which frames of the footage come in, and at which second; both grow."""
    step = FOOTAGE_FPS / weather.fps
    place, last_s = chance.random() * step, -1.0
    stall_s = float("inf") if weather.stalls == "none" else chance.expovariate(STALLS_PER_S)
    over_s, waiting = float("-inf"), list[int]()
    while place < frames:
        sent_s = place / FOOTAGE_FPS
        if sent_s >= max(stall_s, over_s):
            over_s = sent_s + chance.uniform(*STALL_S)
            stall_s = over_s + chance.expovariate(STALLS_PER_S)
        if sent_s < over_s:
            waiting.append(int(place))
        else:
            late = waiting[-BURST:] if weather.stalls == "all at once after" else []
            for frame, due_s in [*((frame, over_s) for frame in late), (int(place), sent_s + chance.uniform(0, 0.03))]:
                if chance.random() >= weather.lost:
                    last_s = max(due_s, last_s + chance.uniform(0.005, 0.04))
                    yield frame, last_s
            waiting = []
        place += step


def play(film: Sequence[Sequence[Detection]], arrivals: Iterable[tuple[int, float]], end_after_s: float) -> list[Told]:
    """What the bridge tells of these frames, at these seconds: its events in their order."""
    rules = EventRules(confidence=CONFIDENCE, end_after_s=end_after_s)
    chosen = DetectionFilter(confidence=CONFIDENCE)
    tracker = Tracker(confidence=CONFIDENCE, lost_after_s=rules.remember_s)
    machine = EventMachine("bench", rules, IdMaker(lambda _bits: 0))
    told: dict[str, Told] = {}

    def note(steps: Iterable[Step], frame: int, now_s: float) -> None:
        for step in steps:
            event = step.event
            if step.type is ChangeType.NEW:
                told[event.id] = Told(frame, now_s, now_s)
            told[event.id] = told[event.id]._replace(seen_s=event.frame_unix_s)

    last_s = 0.0
    for frame, at_s in arrivals:
        for tick in range(1, int((at_s - last_s) / TICK_S)):
            note(machine.tick(last_s + tick * TICK_S), frame, at_s)
        last_s = at_s
        tracks = tracker.update(chosen.keep(film[frame], FRAME_PX, FRAME_PX), FRAME_PX, FRAME_PX, at_s)
        note(machine.update(tracks, Moment(at_s, at_s)), frame, at_s)
    note(machine.close(last_s), len(film), last_s)
    return list(told.values())


def mistakes(told: Sequence[Told], arrivals_s: Sequence[float], end_after_s: float) -> Iterable[str]:
    """Their kinds."""
    for first, last in VISITS:
        own = [event for event in told if first - NEAR <= event.frame <= last + NEAR]
        if not own:
            yield "none"
        for one, other in pairwise(own):
            inside = [at_s for at_s in arrivals_s if one.seen_s <= at_s <= other.new_s]
            if other.new_s - one.seen_s <= NEAR / FOOTAGE_FPS:
                yield "beside"
            else:
                longest_s = max((after - before for before, after in pairwise(inside)), default=0.0)
                yield "blind" if longest_s > end_after_s else "apart"


if __name__ == "__main__":
    sys.exit(main())
