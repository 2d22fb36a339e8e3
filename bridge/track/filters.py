"""Which detections count for a camera: label, score, size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.track.geometry import area, normalized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.model import Detection


@dataclass(frozen=True, slots=True)
class DetectionFilter:
    """One camera's ``labels`` and ``detect:`` limits.

    Attributes:
        labels: the model's names that count; empty for all.
        confidence: lowest score.
        min_area: smallest share of the frame (0..1).
        max_area: largest share of the frame (0..1).
    """

    labels: frozenset[str] = frozenset()
    confidence: float = 0.25
    min_area: float = 0.0
    max_area: float = 1.0

    def keep(self, detections: Sequence[Detection], width_px: int, height_px: int) -> list[Detection]:
        """Those that count, in their order; the frame is ``width_px`` by ``height_px``."""
        return [
            detection
            for detection in detections
            if (not self.labels or detection.label in self.labels)
            and detection.score >= self.confidence
            and self.min_area <= area(normalized(detection.box_xyxy_px, width_px, height_px)) <= self.max_area
        ]
