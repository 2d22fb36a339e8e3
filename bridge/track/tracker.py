"""One camera's objects get an identity: ByteTrack from Roboflow's ``trackers`` (the library is used only here).

Unlike the trackers in ultralytics it needs no PyTorch, and it takes time stamps, so that a camera at 2 fps is tracked
like one at 15. In ``benchmarks/tracking.py`` it makes no mistake over six visits at 10, 5 and 2 fps; SORT and plain
ByteTrack of the same package make one or two, OC-SORT is as good until frames are dropped at 2 fps.

Rules
-----
* A tracker belongs to one camera; labels never mix (one ByteTrack a label), so a dog cannot take over a person's id.
* Boxes are tracked as fractions of the frame, so that a camera that changes its resolution keeps its ids. (A Kalman
  filter weighs innovations alike in any unit; the benchmark gives the same ids with pixels.)
* Only detections are reported, never predictions: a track that is not seen in a frame is absent from the result, and
  comes back with its id when it is seen again within ``lost_after_s``.
* A track's velocity comes from its detections (``bridge.track.velocity``). The library's filter has one, too, but at
  2 fps boxes that follow it match less than boxes that are left where they are (mean IoU 0.84 against 0.91). So it only
  leads by a fraction of a second: ``_ShortSighted``.
* The very first sighting has an id already, which it keeps. (ByteTrack numbers an object at its second.)
* A faint detection (below ``confidence``) never begins a track. It may continue one that no sure detection continues
  (ByteTrack's second association), when its middle lies where the object was seen last: the likeness below, which lets
  a walker's boxes lie apart, would let a faint shadow beside the path carry on for somebody who has left.
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
from bridge.track.geometry import normalized
from bridge.track.velocity import Velocity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trackers.core.bytetrack.tracklet import ByteTrackTracklet

    from bridge.model import Box, Detection

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
    velocity: Velocity | None = None

    def see(self, label: str, score: float, box: Box, now_mono_s: float) -> Track:
        """Take the next sight."""
        self.hits += 1
        self.box = box
        if self.velocity is None:
            self.velocity = Velocity(box, now_mono_s)
        return Track(self.track_id, label, score, box, self.hits, self.velocity.see(box, now_mono_s))


class Tracker:
    """Follows the objects of one camera.

    Args:
        confidence: detections below this score do not begin a track, but may continue one.
        lost_after_s: how long an unseen object keeps its id.
    """

    def __init__(self, *, confidence: float, lost_after_s: float) -> None:
        self._confidence = confidence
        self._lost_after_s = lost_after_s
        self._labels: dict[str, _LabelTracker] = {}
        self._next_id = 1

    def update(
        self, detections: Sequence[Detection], width_px: int, height_px: int, now_mono_s: float
    ) -> tuple[Track, ...]:
        """Take one frame's detections.

        Args:
            detections: boxes in pixels of a ``width_px`` by ``height_px`` frame.
            width_px: of the frame.
            height_px: of the frame.
            now_mono_s: when the frame was received; must not run backwards.

        Returns:
            One track a detection, in the order of their ids; none for a detection below ``confidence`` that belongs to
            nothing known.
        """
        by_label: dict[str, list[Detection]] = {label: [] for label in self._labels}
        for detection in detections:
            by_label.setdefault(detection.label, []).append(detection)
        tracks: list[Track] = []
        for label, group in by_label.items():
            if label not in self._labels:
                self._labels[label] = _LabelTracker(label, self._confidence, self._lost_after_s, self._take_id)
            boxes = [normalized(detection.box_xyxy_px, width_px, height_px) for detection in group]
            scores = [detection.score for detection in group]
            tracks += self._labels[label].update(boxes, scores, now_mono_s)
        return tuple(sorted(tracks, key=lambda track: track.track_id))

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1


class _LabelTracker:
    """The objects of one label in one camera."""

    def __init__(self, label: str, confidence: float, lost_after_s: float, take_id: Callable[[], int]) -> None:
        self._label = label
        self._confidence = confidence
        self._take_id = take_id
        self._byte_track = ByteTrackTracker(
            # One frame more than asked for: rounding must never make an object's memory shorter than its event's pause.
            lost_track_buffer=math.ceil(lost_after_s * _LIBRARY_FPS) + 1,
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

    def update(self, boxes: Sequence[Box], scores: Sequence[float], now_mono_s: float) -> list[Track]:
        # The library skips an update whose time does not move on; two frames in one clock tick must both count.
        self._last_mono_s = max(now_mono_s, self._last_mono_s + 1e-3)
        usable = [index for index, box in enumerate(boxes) if self._is_usable(box, scores[index])]
        boxes, scores = [boxes[index] for index in usable], [scores[index] for index in usable]
        if not boxes and not self._byte_track.tracks:
            return []  # most frames of most cameras; the library would take 30 us to say so
        seen = self._byte_track.update(_as_library(boxes, scores), timestamp=self._last_mono_s)
        alive = self._byte_track.tracks
        self._identities = {
            tracklet: self._identities.get(tracklet) or _Identity(self._take_id()) for tracklet in alive
        }
        numbered = {tracklet.tracker_id: tracklet for tracklet in alive if tracklet.tracker_id != _UNTRACKED}
        begun = iter([tracklet for tracklet in alive if tracklet.age == 0])  # in the order of their detections
        tracks: list[Track] = []
        for index, library_id in _pairs(seen):
            if library_id == _UNTRACKED and scores[index] < self._confidence:
                continue
            identity = self._identities[next(begun) if library_id == _UNTRACKED else numbered[library_id]]
            tracks.append(identity.see(self._label, scores[index], boxes[index], self._last_mono_s))
        return tracks

    def _is_usable(self, box: Box, score: float) -> bool:
        """Whether a detection is sure, or lies where something known was seen last."""
        return score >= self._confidence or any(
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
