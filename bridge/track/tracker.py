"""One camera's objects get an identity: ByteTrack from Roboflow's ``trackers`` (``bridge.track.bytetrack``).

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
* Whoever left through the edge of the picture is forgotten at once: who comes in there next gets an id of their own.
* The very first sighting has an id already, which it keeps. (ByteTrack numbers an object at its second.)
* A faint detection (below ``confidence``) never begins a track. It may continue one that no sure detection continues
  (ByteTrack's second association), when its middle lies where the object was seen last: the likeness below, which lets
  a walker's boxes lie apart, would let a faint shadow beside the path carry on for somebody who has left.
* Likewise a detection that is only a part of another one: the legs of somebody whom the edge of the picture cuts off
  (``bridge.track.parts``). In ``benchmarks/tracking_stalls.py`` six visits made a seventh event by them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.track.geometry import normalized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.model import Detection, Track
    from bridge.track.bytetrack import LabelTracker


class Tracker:
    """Follows the objects of one camera.

    Args:
        confidence: detections below this score do not begin a track, but may continue one.
        lost_after_s: how long an unseen object keeps its id.
    """

    def __init__(self, *, confidence: float, lost_after_s: float) -> None:
        from bridge.track.bytetrack import LabelTracker  # noqa: PLC0415 - see there

        self._label_tracker = LabelTracker
        self._confidence = confidence
        self._lost_after_s = lost_after_s
        self._labels: dict[str, LabelTracker] = {}
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
            One track a detection, in the order of their ids; none for a detection below ``confidence``, or for a part
            of another one, that belongs to nothing known.
        """
        by_label: dict[str, list[Detection]] = {label: [] for label in self._labels}
        for detection in detections:
            by_label.setdefault(detection.label, []).append(detection)
        tracks: list[Track] = []
        for label, group in by_label.items():
            if label not in self._labels:
                self._labels[label] = self._label_tracker(label, self._confidence, self._lost_after_s, self._take_id)
            boxes = [normalized(detection.box_xyxy_px, width_px, height_px) for detection in group]
            scores = [detection.score for detection in group]
            tracks += self._labels[label].update(boxes, scores, now_mono_s)
        return tuple(sorted(tracks, key=lambda track: track.track_id))

    def set_confidence(self, confidence: float) -> None:
        """Change the score that begins a track; what is followed keeps its id."""
        self._confidence = confidence
        for tracker in self._labels.values():
            tracker.set_confidence(confidence)

    def set_lost_after(self, lost_after_s: float) -> None:
        """Change how long an unseen object keeps its id; what is followed keeps its."""
        self._lost_after_s = lost_after_s
        for tracker in self._labels.values():
            tracker.set_lost_after(lost_after_s)

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1
