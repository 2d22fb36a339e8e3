"""Which detections count for a camera: label, score, size, shape, place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.track.geometry import Point, area, contains, foot_point, normalized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.model import Box, Detection

# Share of the confidence that a detection needs to continue what is known already. On footage of six visits, at 10, 5
# and 2 fps, there are six events with any share from 0.2 to 1. With confidence 0.5 this one shows 99.2 % of the visits'
# frames instead of 98.7 %, with 0.7 it is 98.7 % instead of 97.8 %, and no frame without a visit; 0.4 begins to add
# those, up to 0.6 % of them (benchmarks/tracking.py --faint).
FAINT_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class DetectionFilter:
    """One camera's ``labels``, ``masks`` and ``detect:`` limits.

    Size and shape are of the part inside the frame.

    Attributes:
        labels: the model's names that count; empty for all.
        confidence: lowest score that makes something known; ``floor`` is enough to continue it.
        min_area: smallest share of the frame (0..1).
        max_area: largest share of the frame (0..1).
        min_aspect: narrowest shape, width / height in pixels; None for no limit.
        max_aspect: widest shape, likewise.
        masks: polygons, normalized; what stands in one (``foot_point``) does not count.
    """

    labels: frozenset[str] = frozenset()
    confidence: float = 0.25
    min_area: float = 0.0
    max_area: float = 1.0
    min_aspect: float | None = None
    max_aspect: float | None = None
    masks: tuple[tuple[Point, ...], ...] = ()

    @property
    def floor(self) -> float:
        """Lowest score that counts for anything: what lies below ``confidence`` may continue a track, not begin one."""
        return self.confidence * FAINT_SHARE

    def keep(self, detections: Sequence[Detection], width_px: int, height_px: int) -> list[Detection]:
        """Those that count, in their order; the frame is ``width_px`` by ``height_px``."""
        return [
            detection
            for detection in detections
            if (not self.labels or detection.label in self.labels)
            and detection.score >= self.floor
            and self._fits(normalized(detection.box_xyxy_px, width_px, height_px), width_px / height_px)
        ]

    def _fits(self, box: Box, frame_aspect: float) -> bool:
        if not self.min_area <= area(box) <= self.max_area:
            return False
        # Compared as products: a box without height has no aspect, but is wider than any limit.
        width, height = (box[2] - box[0]) * frame_aspect, box[3] - box[1]
        if self.min_aspect is not None and width < self.min_aspect * height:
            return False
        if self.max_aspect is not None and width > self.max_aspect * height:
            return False
        return not any(contains(mask, foot_point(box)) for mask in self.masks)
