"""The objects of one label in one camera: ByteTrack from Roboflow's ``trackers`` (the library is used only here).

What it does for us, and what we add to it, stands in ``bridge.track.tracker``. Importing the library takes most of a
second on a small machine (it brings SciPy), so that is done when the first camera is made, while the model loads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from supervision import Detections
from trackers import ByteTrackTracker, DIoU
from trackers.utils.state_representations import XYXYStateEstimator

from bridge.model import Track
from bridge.track.parts import parts
from bridge.track.velocity import Velocity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trackers.core.bytetrack.tracklet import ByteTrackTracklet

    from bridge.model import Box

# Boxes of one object in neighbouring frames are at least this alike (distance-IoU). At 2 fps a walker's boxes often do
# not touch: with plain overlap visits fall apart at 5 and 2 fps, with this they do not (benchmarks/tracking.py).
_MIN_LIKENESS = -0.3
_UNTRACKED = -1
# The library counts its memory in frames of a 30 fps video, whatever the camera's own rate.
_LIBRARY_FPS = 30.0
# For how long the filter's velocity holds, from one look to the next. In benchmarks/tracking_quality.py (12 scenes) it
# makes 15 identity switches of 99 at 2 fps and 20 of 71 at 1 fps, and IDF1 0.80 of 0.69 and 0.67 of 0.58; at 10 fps
# nothing changes. 0.15 s and half the velocity come out alike, none at all loses walkers at 10 fps (16 switches of 3).
_VELOCITY_HOLDS_S = 0.3
# Who was seen last at the edge of the picture, on the way out, and not since, has left; whoever comes in there next is
# somebody else. In benchmarks/tracking_quality.py IDF1 goes from 0.91 to 0.95 at 10 fps and from 0.80 to 0.83 at 2 fps.
_LEFT_AFTER_S = 0.4
_EDGE_NORM = 0.02


class _ShortSighted(XYXYStateEstimator):
    """The library's filter, whose predictions fade: the longer the step, the less of its velocity they follow."""

    def predict(self, frame_step: float = 1.0, frame_rate: float | None = None) -> None:
        """Move on by so many frames of the library's rate."""
        super().predict(frame_step, frame_rate)
        step_s = frame_step / _LIBRARY_FPS
        if step_s > 0:
            followed = -_VELOCITY_HOLDS_S * math.expm1(-step_s / _VELOCITY_HOLDS_S) / step_s
            corners, velocity = self.kf.state[:4], self.kf.state[4:]  # views, of a frame's step
            corners -= (1 - followed) * frame_step * velocity


@dataclass(slots=True)
class _Identity:
    """What we know of an object beyond the library's view of it."""

    track_id: int
    hits: int = 0
    box: Box = (0.0, 0.0, 0.0, 0.0)
    seen_mono_s: float = float("inf")
    velocity: Velocity | None = None
    moves: Box = (0.0, 0.0, 0.0, 0.0)  # what ``velocity`` said last

    def see(self, label: str, score: float, box: Box, now_mono_s: float) -> Track:
        """Take the next sight."""
        self.hits += 1
        self.box, self.seen_mono_s = box, now_mono_s
        if self.velocity is None:
            self.velocity = Velocity(box, now_mono_s)
        self.moves = self.velocity.see(box, now_mono_s)
        return Track(self.track_id, label, score, box, self.hits, self.moves)

    def has_left(self, now_mono_s: float) -> bool:
        """Whether it went out at the left or the right; who comes close touches the other edges, too."""
        if now_mono_s - self.seen_mono_s <= _LEFT_AFTER_S:
            return False
        left, _, right, _ = self.box
        across = self.moves[0] + self.moves[2]
        return (left < _EDGE_NORM and across < 0) or (right > 1 - _EDGE_NORM and across > 0)


def _buffer_frames(lost_after_s: float) -> int:
    # One frame more than asked for: rounding must never make an object's memory shorter than its event's pause.
    return math.ceil(lost_after_s * _LIBRARY_FPS) + 1


class LabelTracker:
    """The objects of one label in one camera.

    Args:
        label: theirs.
        confidence: detections below this score do not begin a track.
        lost_after_s: how long an unseen object keeps its id.
        take_id: makes the next id.
    """

    def __init__(self, label: str, confidence: float, lost_after_s: float, take_id: Callable[[], int]) -> None:
        self._label = label
        self._confidence = confidence
        self._take_id = take_id
        self._byte_track = ByteTrackTracker(
            lost_track_buffer=_buffer_frames(lost_after_s),
            track_activation_threshold=confidence,
            high_conf_det_threshold=confidence,
            # 1 would forget an object that is missed in the second and third frame after its first; whether a fleeting
            # sight counts is for the event machine to say (min_hits).
            minimum_consecutive_frames=0,
            minimum_iou_threshold=_MIN_LIKENESS,
            state_estimator_class=_ShortSighted,
            iou=DIoU(),
        )
        self._identities: dict[ByteTrackTracklet, _Identity] = {}
        self._last_mono_s = float("-inf")

    def set_confidence(self, confidence: float) -> None:
        """Change the score that begins a track."""
        self._confidence = confidence
        self._byte_track.track_activation_threshold = confidence
        self._byte_track.high_conf_det_threshold = confidence

    def set_lost_after(self, lost_after_s: float) -> None:
        """Change how long an unseen object keeps its id."""
        self._byte_track.maximum_time_without_update = _buffer_frames(lost_after_s) / _LIBRARY_FPS

    def update(self, boxes: Sequence[Box], scores: Sequence[float], now_mono_s: float) -> list[Track]:
        """Take one frame's detections: boxes as shares of the frame, and their scores."""
        self._forget_who_left()
        # The library skips an update whose time does not move on; two frames in one clock tick must both count.
        self._last_mono_s = max(now_mono_s, self._last_mono_s + 1e-3)
        weights = self._weights(boxes, scores)
        usable = [index for index, box in enumerate(boxes) if self._is_usable(box, weights[index])]
        boxes, scores = [boxes[index] for index in usable], [scores[index] for index in usable]
        weights = [weights[index] for index in usable]
        if not boxes and not self._byte_track.tracks:
            return []  # most frames of most cameras; the library would take 30 us to say so
        seen = self._byte_track.update(_as_library(boxes, weights), timestamp=self._last_mono_s)
        alive = self._byte_track.tracks
        self._identities = {
            tracklet: self._identities.get(tracklet) or _Identity(self._take_id()) for tracklet in alive
        }
        numbered = {tracklet.tracker_id: tracklet for tracklet in alive if tracklet.tracker_id != _UNTRACKED}
        begun = iter([tracklet for tracklet in alive if tracklet.age == 0])  # in the order of their detections
        tracks: list[Track] = []
        for index, library_id in _pairs(seen):
            if library_id == _UNTRACKED and weights[index] < self._confidence:
                continue
            identity = self._identities[next(begun) if library_id == _UNTRACKED else numbered[library_id]]
            tracks.append(identity.see(self._label, scores[index], boxes[index], self._last_mono_s))
        return tracks

    def _forget_who_left(self) -> None:
        """Before the next frame: those who were missing in the last one."""
        left = {tracklet for tracklet, identity in self._identities.items() if identity.has_left(self._last_mono_s)}
        if left:
            self._byte_track.tracks = [tracklet for tracklet in self._byte_track.tracks if tracklet not in left]
            self._identities = {
                tracklet: identity for tracklet, identity in self._identities.items() if tracklet not in left
            }

    def _weights(self, boxes: Sequence[Box], scores: Sequence[float]) -> list[float]:
        """What the scores are worth: that of a part is worth no more than a faint one."""
        faint = math.nextafter(self._confidence, 0.0)
        found = zip(scores, parts(boxes, scores, self._confidence), strict=True)
        return [min(score, faint) if is_part else score for score, is_part in found]

    def _is_usable(self, box: Box, weight: float) -> bool:
        """Whether a detection is sure, or lies where something known was seen last."""
        return weight >= self._confidence or any(
            _holds_middle(identity.box, box) for identity in self._identities.values()
        )


def _holds_middle(outer: Box, box: Box) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]


def _as_library(boxes: Sequence[Box], scores: Sequence[float]) -> Detections:
    """Boxes as the library takes them; ``index`` survives its reordering."""
    return Detections(
        xyxy=np.asarray(boxes, np.float64).reshape(-1, 4),
        confidence=np.asarray(scores, np.float64),
        class_id=np.zeros(len(boxes), int),
        data={"index": np.arange(len(boxes))},
    )


def _pairs(seen: Detections) -> list[tuple[int, int]]:
    """What the library answers: our index of each detection and its own id of the object."""
    if seen.tracker_id is None or "index" not in seen.data:
        return []
    return [(int(index), int(number)) for index, number in zip(seen.data["index"], seen.tracker_id, strict=True)]
