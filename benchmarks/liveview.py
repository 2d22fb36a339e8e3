"""How well boxes fit the live picture when the model looks at fewer pictures than are shown; prints JSON lines.

    python benchmarks/liveview.py [--footage PATH] [--model PATH] [--horizons 0,0.2,0.3,0.5,0.7,1]

Real footage is shown at its own 10 frames/s while detector and tracker see 5, 2 or 1 of them a second. A picture is
drawn when it arrives, with what earlier pictures told. ``iou`` is the mean overlap of what is drawn with what the model
sees in that very picture (0 for a person without a box), ``iou_moving`` the same for people who move (most of the time
they stand); ``ghosts`` is how many boxes a picture belong to nobody. A horizon of 0 leaves boxes where they were seen.

Without a speed from the tracker, the script takes the way between the last two sightings.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracking import CONFIDENCE, FOOTAGE_FPS, FRAME_PX, SHARED, Seen, cached_detections

from bridge.model import Detection
from bridge.serve import forward
from bridge.track.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.model import Box, Track

STILL = (0.0, 0.0, 0.0, 0.0)
MOVES_NORM = 0.01  # farther than this from one picture to the next: a tenth of the picture a second


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--footage", type=Path, default=SHARED / "footage/one-by-one-person.mp4")
    parser.add_argument("--model", type=Path, default=SHARED / "models/yolo11n_int8_openvino_model")
    parser.add_argument("--horizons", default="0,0.2,0.3,0.5,0.7,1")
    chosen = parser.parse_args()
    if not chosen.footage.exists() or not chosen.model.exists():
        print(f"skipped: no footage at {chosen.footage} or no model at {chosen.model}")
        return 0
    with contextlib.redirect_stdout(sys.stderr):
        frames = cached_detections(chosen.footage, chosen.model)
    for detect_fps in (5, 2, 1):
        for horizon_s in map(float, chosen.horizons.split(",")):
            forward.HORIZON_S = horizon_s  # type: ignore[misc]  # what is chosen here
            print(json.dumps({"detect_fps": detect_fps, "horizon_s": horizon_s, **judge(frames, detect_fps)}))
    return 0


def judge(frames: Sequence[Seen], detect_fps: int) -> dict[str, Any]:
    """Show the footage and compare what is drawn with what is there."""
    overlaps: list[float] = []
    moving: list[float] = []
    ghosts = 0
    before: Seen = []
    for drawn, seen in shown(frames, detect_fps):
        left = list(drawn)
        for _, truth in seen:
            best = max(left, key=lambda box: iou(box, truth), default=None)
            overlaps.append(iou(best, truth) if best is not None else 0.0)
            if best is not None and overlaps[-1] > 0:
                left.remove(best)
            if moves(truth, before):
                moving.append(overlaps[-1])
        ghosts += len(left)
        before = seen
    return {
        "iou": round(statistics.fmean(overlaps), 3),
        "iou_moving": round(statistics.fmean(moving), 3),
        "ghosts": round(ghosts / len(frames), 3),
        "boxes": len(overlaps),
        "boxes_moving": len(moving),
    }


def moves(box: Box, before: Seen) -> bool:
    """Whether somebody is at another place than in the picture before."""
    was = max((other for _, other in before), key=lambda other: iou(other, box), default=box)
    return sum(abs(box[side] + box[side + 2] - was[side] - was[side + 2]) / 2 for side in (0, 1)) > MOVES_NORM


def shown(frames: Sequence[Seen], detect_fps: int) -> Iterator[tuple[list[Box], Seen]]:
    """For every picture the boxes that are drawn on it and the people that are in it."""
    tracker = Tracker(confidence=CONFIDENCE, lost_after_s=5.0)
    speeds = Speeds()
    tracks: tuple[Track, ...] = ()
    analysed_s = 0.0
    for index, seen in enumerate(frames):
        now_s = index / FOOTAGE_FPS
        yield [track.box_xyxy_norm for track in forward.moved(tracks, now_s - analysed_s)], seen
        if index % (FOOTAGE_FPS // detect_fps) == 0:
            found = [Detection("person", score, _pixels(box)) for score, box in seen]
            tracks = speeds.complete(tracker.update(found, FRAME_PX, FRAME_PX, now_s), now_s)
            analysed_s = now_s


class Speeds:
    """Fills in the speeds that a tracker leaves out."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[float, Box]] = {}
        self._tracker_knows = False

    def complete(self, tracks: Sequence[Track], now_s: float) -> tuple[Track, ...]:
        """The tracks with speeds."""
        self._tracker_knows |= any(track.velocity_xyxy_norm_per_s != STILL for track in tracks)
        before, self._before = self._before, {track.track_id: (now_s, track.box_xyxy_norm) for track in tracks}
        if self._tracker_knows:
            return tuple(tracks)
        return tuple(
            replace(track, velocity_xyxy_norm_per_s=_speed(*before[track.track_id], track.box_xyxy_norm, now_s))
            if track.track_id in before
            else track
            for track in tracks
        )


def _speed(then_s: float, then: Box, box: Box, now_s: float) -> Box:
    left, top, right, bottom = ((edge - was) / (now_s - then_s) for was, edge in zip(then, box, strict=True))
    return (left, top, right, bottom)


def _pixels(box: Box) -> Box:
    return (box[0] * FRAME_PX, box[1] * FRAME_PX, box[2] * FRAME_PX, box[3] * FRAME_PX)


def iou(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (both - width * height)


if __name__ == "__main__":
    sys.exit(main())
