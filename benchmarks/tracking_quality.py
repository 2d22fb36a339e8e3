"""Trackers judged by a public evaluator on scenes whose truth is known: ours, and those of ultralytics.

    python benchmarks/tracking_quality.py [--seeds 5] [--quick]

Scenes are drawn from seeds: people who cross, pass behind a wall, walk in pairs, stand or turn round. A detector of
chance sees them: it jitters, overlooks some in gaps of one to five looks, is less sure of who is half hidden, invents
boxes. All trackers get the same detections, at 15, 10, 5, 2 and 1 looks a second, down to the score that each is made
for; the confidence is 0.5, faint detections reach down to 0.3 (ours) and 0.1 (ultralytics, ``track_low_thresh``).

Judge is TrackEval (the reference code of HOTA, MOTA and IDF1), with matches from an overlap of 0.5 on:

``IDF1``: share of the sights, of truth and tracker, that carry the right identity through the whole scene; ``MOTA``: 1
less the share of misses, inventions and switches; ``switches``: how often somebody's identity changed, in all scenes
together.

Prints a line of JSON for each tracker, scene and rate, then a table of means over the scenes. The trackers of
ultralytics know no time: their memory is given to them in looks, as long as ours. BoT-SORT runs without its correction
of camera motion (cameras stand) and without appearance (there are no pictures; its own defaults leave that off, too).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from bridge.model import Detection
from bridge.track.filters import FAINT_SHARE
from bridge.track.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from bridge.model import Box

os.environ["YOLO_AUTOINSTALL"] = "false"  # it would install what it misses while it is imported
try:
    from trackeval.metrics import CLEAR, Identity
    from ultralytics.trackers import BOTSORT, BYTETracker
except ImportError as missing:
    print(f"skipped: {missing}; pip install -e '.[bench,yolo]'")
    sys.exit(0)

WIDTH, HEIGHT = 640, 480
SECONDS = 30
RATES = (15, 10, 5, 2, 1)
CONFIDENCE = 0.5
LOST_AFTER_S = 5.0
MATCH = 0.5
_ULTRALYTICS_LOW = 0.1


# --- scenes --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Person:
    """Walks from place to place; all lengths are shares of the frame.

    Attributes:
        path: second and place of the feet, x and y; stands still before the first and is gone after the last.
        height: of the box, at the lower edge of the picture; it shrinks with the distance.
    """

    path: tuple[tuple[float, float, float], ...]
    height: float = 0.5

    def box(self, second: float) -> Box | None:
        """Where the box is; None before and after the visit."""
        times, xs, ys = zip(*self.path, strict=True)
        if not times[0] <= second <= times[-1]:
            return None
        x, y = float(np.interp(second, times, xs)), float(np.interp(second, times, ys))
        height = self.height * (0.4 + 0.6 * y)
        width = 0.3 * height * HEIGHT / WIDTH * (1 + 0.15 * np.sin(7 * second))  # legs
        return (x - width / 2, y - height, x + width / 2, y)


@dataclass(frozen=True)
class Scene:
    """People, what hides them, and how well the detector sees.

    Attributes:
        people: in no order.
        walls: boxes that hide what is behind them.
        overlooked: chance that a gap begins, a second and person.
        invented: boxes of nothing, a second.
    """

    people: tuple[Person, ...]
    walls: tuple[Box, ...] = ()
    overlooked: float = 0.1
    invented: float = 0.1


def crossing(chance: np.random.Generator) -> Scene:
    """Two pairs meet and pass."""
    people = []
    for pair in range(2):
        y, start = chance.uniform(0.7, 0.95), 2 + 12 * pair
        took = chance.uniform(6, 11)
        people += [
            Person(((start, 0.05, y), (start + took, 0.95, y))),
            Person(((start, 0.95, y + 0.04), (start + took, 0.05, y + 0.04))),
        ]
    return Scene(tuple(people))


def wall(chance: np.random.Generator) -> Scene:
    """Three walk behind a wall, one after the other, and are hidden for a second or two."""
    people = [
        Person(((start, 0.02, 0.9), (start + took, 0.98, 0.9)))
        for start, took in zip((1.0, 6.0, 14.0), chance.uniform(8, 13, 3), strict=True)
    ]
    return Scene(tuple(people), ((0.45, 0.0, 0.6, 1.0),))


def gaps(chance: np.random.Generator) -> Scene:
    """People whom the detector overlooks again and again."""
    people = [
        Person(((start, chance.uniform(0.1, 0.4), 0.8), (start + 18, chance.uniform(0.6, 0.9), 0.95)))
        for start in (1.0, 6.0)
    ]
    return Scene((*people, Person(((0.0, 0.1, 0.6), (30.0, 0.1, 0.6)))), overlooked=0.8, invented=0.3)


def together(chance: np.random.Generator) -> Scene:
    """Two side by side, who turn round, while one stands in their way."""
    apart = chance.uniform(0.12, 0.16)
    pair = [
        Person(
            ((1.0, 0.1 + shift, 0.9), (10.0, 0.7 + shift, 0.85), (14.0, 0.7 + shift, 0.85), (26.0, 0.05 + shift, 0.9))
        )
        for shift in (0.0, apart)
    ]
    return Scene((*pair, Person(((0.0, 0.5, 0.75), (30.0, 0.5, 0.75)))))


SCENES: dict[str, Callable[[np.random.Generator], Scene]] = {
    "crossing": crossing,
    "wall": wall,
    "gaps": gaps,
    "together": together,
}


class Look(NamedTuple):
    """One look: the truth (person and box) and what the detector says of it (score and box); boxes in pixels."""

    second: float
    truth: list[tuple[int, Box]]
    found: list[tuple[float, Box]]


@dataclass
class Eyes:
    """The detector of chance."""

    scene: Scene
    fps: float
    chance: np.random.Generator
    blind: dict[int, int] = field(default_factory=dict)  # looks that a person is still overlooked for

    def look(self, second: float) -> Look:
        boxes = {index: box for index, person in enumerate(self.scene.people) if (box := person.box(second))}
        truth, found = [], []
        # Nearer ones hide those behind them.
        order = sorted(boxes, key=lambda index: -boxes[index][3])
        for place, index in enumerate(order):
            seen = _visible(boxes[index], [*self.scene.walls, *(boxes[other] for other in order[:place])])
            if seen < 0.25:
                continue
            truth.append((index, _px(boxes[index])))
            if not self._overlooks(index):
                score = self.chance.normal(0.45 + 0.35 * seen, 0.08)
                found.append((float(np.clip(score, 0.01, 0.99)), _px(self._jittered(boxes[index]))))
        for _ in range(self.chance.poisson(self.scene.invented / self.fps)):
            x, y = self.chance.uniform(0.1, 0.9), self.chance.uniform(0.5, 1.0)
            found.append((float(self.chance.uniform(0.1, 0.65)), _px((x - 0.04, y - 0.3, x + 0.04, y))))
        return Look(second, truth, found)

    def _overlooks(self, index: int) -> bool:
        if self.blind.get(index, 0) == 0 and self.chance.random() < self.scene.overlooked / self.fps:
            self.blind[index] = int(self.chance.integers(1, 6))
        self.blind[index] = max(0, self.blind.get(index, 0) - 1)
        return self.blind[index] > 0

    def _jittered(self, box: Box) -> Box:
        width, height = box[2] - box[0], box[3] - box[1]
        off = self.chance.normal(0, 0.03, 4) * (width, height, width, height)
        return (box[0] + off[0], box[1] + off[1], box[2] + off[2], box[3] + off[3])


def _visible(box: Box, before: Sequence[Box]) -> float:
    """Share of the box that nothing hides."""
    xs, ys = np.linspace(box[0], box[2], 12), np.linspace(box[1], box[3], 12)
    hidden = np.zeros((12, 12), bool)
    for left, top, right, bottom in before:
        hidden |= ((ys >= top) & (ys <= bottom))[:, None] & ((xs >= left) & (xs <= right))[None, :]
    return 1 - float(hidden.mean())


def _px(box: Box) -> Box:
    return (box[0] * WIDTH, box[1] * HEIGHT, box[2] * WIDTH, box[3] * HEIGHT)


def looks(scene: Scene, fps: float, seed: int) -> Iterator[Look]:
    """The scene as it is seen at this rate."""
    eyes = Eyes(scene, fps, np.random.default_rng(seed))
    return (eyes.look(index / fps) for index in range(round(SECONDS * fps)))


# --- contestants ---------------------------------------------------------------------------------------------------


class Contestant(Protocol):
    """Takes a look's detections; gives ids and boxes."""

    def __call__(self, look: Look) -> list[tuple[int, Box]]: ...


def ours(_fps: float) -> Contestant:
    """The tracker of the bridge."""
    tracker = Tracker(confidence=CONFIDENCE, lost_after_s=LOST_AFTER_S)

    def update(look: Look) -> list[tuple[int, Box]]:
        found = [Detection("person", score, box) for score, box in look.found if score >= CONFIDENCE * FAINT_SHARE]
        return [
            (track.track_id, _px(track.box_xyxy_norm))
            for track in tracker.update(found, WIDTH, HEIGHT, 1000 + look.second)
        ]

    return update


def theirs(kind: type[Any]) -> Callable[[float], Contestant]:
    """A tracker of ultralytics, with its own defaults but for the confidence and the memory, which are ours."""

    def make(fps: float) -> Contestant:
        options = SimpleNamespace(
            track_high_thresh=CONFIDENCE, track_low_thresh=_ULTRALYTICS_LOW, new_track_thresh=CONFIDENCE,
            track_buffer=round(LOST_AFTER_S * fps), match_thresh=0.8, fuse_score=True, gmc_method="none",
            proximity_thresh=0.5, appearance_thresh=0.8, with_reid=False, model="auto",
        )  # fmt: skip
        # frame_rate 30 takes the memory as it is written: in looks.
        try:
            tracker = kind(options, frame_rate=30)
        except TypeError:
            tracker = kind(options)

        def update(look: Look) -> list[tuple[int, Box]]:
            told = tracker.update(_Results(look.found))
            return [(int(row[4]), (row[0], row[1], row[2], row[3])) for row in np.asarray(told).reshape(-1, 8)]

        return update

    return make


class _Results:
    """Detections as ultralytics' trackers take them."""

    def __init__(self, found: Sequence[tuple[float, Box]]) -> None:
        self.conf = np.array([score for score, _ in found], np.float32)
        self.xyxy = np.array([box for _, box in found], np.float32).reshape(-1, 4)
        self.cls = np.zeros(len(found), np.float32)

    @property
    def xywh(self) -> npt.NDArray[np.float32]:
        corners, others = self.xyxy[:, :2], self.xyxy[:, 2:]
        return np.hstack([(corners + others) / 2, others - corners])

    def __len__(self) -> int:
        return len(self.conf)

    def __getitem__(self, chosen: npt.NDArray[Any]) -> _Results:
        pairs = zip(self.conf[chosen], self.xyxy[chosen], strict=True)
        return _Results([(float(score), tuple(box)) for score, box in pairs])


CONTESTANTS: dict[str, Callable[[float], Contestant]] = {
    "bridge.track": ours,
    "ultralytics ByteTrack": theirs(BYTETracker),
    "ultralytics BoT-SORT": theirs(BOTSORT),
}


# --- judge ---------------------------------------------------------------------------------------------------------


class Mark(NamedTuple):
    """What TrackEval says."""

    idf1: float
    mota: float
    switches: int


def judge(played: Sequence[tuple[Look, list[tuple[int, Box]]]]) -> Mark:
    """Compare what was told with the truth."""
    people = sorted({person for look, _ in played for person, _ in look.truth})
    ids = sorted({number for _, told in played for number, _ in told})
    data = {
        "num_timesteps": len(played),
        "num_gt_ids": len(people),
        "num_tracker_ids": len(ids),
        "num_gt_dets": sum(len(look.truth) for look, _ in played),
        "num_tracker_dets": sum(len(told) for _, told in played),
        "gt_ids": [np.array([people.index(person) for person, _ in look.truth], int) for look, _ in played],
        "tracker_ids": [np.array([ids.index(number) for number, _ in told], int) for _, told in played],
        "similarity_scores": [
            _overlaps([box for _, box in look.truth], [box for _, box in told]) for look, told in played
        ],
    }
    options = {"THRESHOLD": MATCH, "PRINT_CONFIG": False}
    identity = Identity(options).eval_sequence(data)
    clear = CLEAR(options).eval_sequence(data)
    return Mark(float(identity["IDF1"]), float(clear["MOTA"]), int(clear["IDSW"]))


def _overlaps(ones: Sequence[Box], others: Sequence[Box]) -> npt.NDArray[np.float64]:
    one, other = np.array(ones).reshape(-1, 1, 4), np.array(others).reshape(1, -1, 4)
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    both = np.clip(sides, 0, None).prod(-1)
    areas = (one[..., 2:] - one[..., :2]).prod(-1) + (other[..., 2:] - other[..., :2]).prod(-1)
    return np.asarray(both / np.maximum(areas - both, 1e-9), np.float64)


def play(make: Callable[[float], Contestant], scene: str, fps: float, seed: int) -> Mark:
    """One contestant, one scene, one rate."""
    track = make(fps)
    drawn = SCENES[scene](np.random.default_rng(seed))
    return judge([(look, track(look)) for look in looks(drawn, fps, seed)])


def main() -> int:
    """Print the lines and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="scenes of each kind")
    parser.add_argument("--quick", action="store_true", help="fewer scenes and rates")
    chosen = parser.parse_args()
    rates = (10, 2) if chosen.quick else RATES
    seeds = range(2 if chosen.quick else chosen.seeds)
    rows: dict[str, list[str]] = {}
    for name, make in CONTESTANTS.items():
        cells = []
        for fps in rates:
            marks: list[Mark] = []
            for scene in SCENES:
                mine = [play(make, scene, fps, seed) for seed in seeds]
                idf1, mota = (statistics.fmean(values) for values in list(zip(*mine, strict=True))[:2])
                switches = sum(mark.switches for mark in mine)
                line = {"tracker": name, "scene": scene, "fps": fps, "idf1": round(idf1, 3), "mota": round(mota, 3)}
                print(json.dumps({**line, "switches": switches}), flush=True)
                marks += mine
            idf1, mota = statistics.fmean(mark.idf1 for mark in marks), statistics.fmean(mark.mota for mark in marks)
            cells.append(f"{idf1:.3f} {mota:.3f} {sum(mark.switches for mark in marks):4}")
        rows[name] = cells
    print("\nIDF1, MOTA, switches  " + "".join(f"{f'{fps} fps':>20}" for fps in rates))
    for name, cells in rows.items():
        print(f"{name:<24}" + "".join(f"{cell:>20}" for cell in cells))
    return 0


if __name__ == "__main__":
    sys.exit(main())
