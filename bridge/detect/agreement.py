"""Does a faster model see what the reference sees? Pure arithmetic.

Accuracy proper needs pictures that somebody labelled; nobody labels the frames of their own cameras. What the slow,
exact form of the model sees on them is the next best truth, and it is what the user had before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.model import Box, Detection

SLACK = 0.1
"""What one side scores above the threshold counts as seen by the other from this much below it.

Without it, scores that flicker around the threshold drown the rest: the same model with and without grey margins
around the same 60 street scenes agrees on 88 % of the boxes at threshold 0.25, on 95 % with the slack, while a model
run at 480 instead of 640 pixels still loses its far people (93 %).
"""

SAME_IOU = 0.5
"""Two boxes of one label that overlap by this much are the same thing; COCO's and VOC's own figure."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two models agree.

    Attributes:
        expected: objects that the reference sees.
        found: those of them that the other sees.
        seen: objects that the other sees.
        confirmed: those of them that the reference sees.
        score_difference: mean of how much lower (negative) or higher the other scores what both see.
    """

    expected: int
    found: int
    seen: int
    confirmed: int
    score_difference: float

    @property
    def recall(self) -> float:
        """Share of the reference's objects that are found; 1 when there are none."""
        return self.found / self.expected if self.expected else 1.0

    @property
    def precision(self) -> float:
        """Share of what is seen that the reference confirms; 1 when nothing is seen."""
        return self.confirmed / self.seen if self.seen else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of the two, 0..1."""
        both = self.recall + self.precision
        return 2 * self.recall * self.precision / both if both else 0.0


def compare(
    reference: Sequence[Sequence[Detection]], other: Sequence[Sequence[Detection]], confidence: float
) -> Agreement:
    """Compare what two models see on the same pictures.

    Args:
        reference: a list a picture, of everything scored above ``threshold(confidence)``.
        other: likewise, of the other model.
        confidence: the threshold that the bridge will use.
    """
    expected = found = seen = confirmed = 0
    differences: list[float] = []
    for theirs, ours in zip(reference, other, strict=True):
        pairs = _match([one for one in theirs if one.score > confidence], ours)
        back = _match([one for one in ours if one.score > confidence], theirs)
        expected += len(pairs)
        seen += len(back)
        matched = [(one, partner) for one, partner in pairs if partner is not None]
        found += len(matched)
        confirmed += sum(partner is not None for _, partner in back)
        differences += [partner.score - one.score for one, partner in matched]
    mean = sum(differences) / len(differences) if differences else 0.0
    return Agreement(expected, found, seen, confirmed, mean)


def threshold(confidence: float) -> float:
    """From which score on ``compare`` needs the boxes."""
    return max(confidence - SLACK, 0.01)


def _match(clear: Sequence[Detection], candidates: Sequence[Detection]) -> list[tuple[Detection, Detection | None]]:
    """Give every clear box the candidate that covers it best; best score first, each candidate once."""
    free = list(candidates)
    pairs: list[tuple[Detection, Detection | None]] = []
    for one in sorted(clear, key=lambda detection: -detection.score):
        same = [other for other in free if other.label == one.label]
        best = max(same, key=lambda other: overlap(one.box_xyxy_px, other.box_xyxy_px), default=None)
        if best is None or overlap(one.box_xyxy_px, best.box_xyxy_px) < SAME_IOU:
            pairs.append((one, None))
        else:
            free.remove(best)
            pairs.append((one, best))
    return pairs


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (_area(one) + _area(other) - shared)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
