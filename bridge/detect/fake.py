"""A detector for tests and for trying out the bridge without a model: it finds rectangles of plain colours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bridge.detect.port import Detector, DetectorInfo, FinishedJob
from bridge.model import Detection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from bridge.model import Box, Image

COLOURS: Mapping[str, tuple[int, int, int]] = {"person": (0, 0, 255), "dog": (0, 255, 0), "car": (255, 0, 0)}
"""Label to colour, BGR: people are red, dogs green, cars blue."""

# JPEG at quality 40 moves a plain colour by up to 40 and blurs its rim; two of COLOURS are 360 apart.
_TOLERANCE = 100
_MIN_SIDE_PX = 4


@dataclass(frozen=True)
class FakeDetector(Detector):
    """Finds what is painted in a known colour; the same picture always gives the same answer.

    Things of one colour are told apart by the empty columns between them. The score is the share of the box that is
    of the colour: 1 for a plain rectangle, 0.79 for a disc.

    Attributes:
        colours: label to colour (BGR).
        batch: what ``info.batch`` says.
        jobs: what ``info.jobs`` says.
    """

    colours: Mapping[str, tuple[int, int, int]] = field(default_factory=lambda: COLOURS)
    batch: int = 1
    jobs: int = 1

    @property
    def info(self) -> DetectorInfo:
        """What it claims to be."""
        return DetectorInfo("fake", "coloured rectangles", "none", tuple(self.colours), 0, 0, self.batch, self.jobs)

    def start(
        self,
        images: Sequence[Image],
        confidence: float,
        iou: float,  # noqa: ARG002 - its boxes never overlap
        on_done: Callable[[], None],
    ) -> FinishedJob:
        """Find the rectangles in every picture at once; see ``Detector.start``."""
        found = [self._look(image, confidence) for image in images]
        on_done()
        return FinishedJob(found)

    def close(self) -> None:
        """Nothing to give back."""

    def _look(self, image: Image, confidence: float) -> list[Detection]:
        found = [
            Detection(label, score, box)
            for label, colour in self.colours.items()
            for box, score in _rectangles(np.abs(image.astype(np.int16) - colour).max(axis=2) < _TOLERANCE)
            if score > confidence
        ]
        return sorted(found, key=lambda detection: -detection.score)


def _rectangles(mask: npt.NDArray[np.bool_]) -> list[tuple[Box, float]]:
    """Boxes around the runs of non-empty columns of a ``(height, width)`` mask, each with the share it fills."""
    found: list[tuple[Box, float]] = []
    for left, right in _runs(np.asarray(mask.any(axis=0))):
        rows = np.flatnonzero(mask[:, left:right].any(axis=1))
        top, bottom = int(rows[0]), int(rows[-1]) + 1
        if right - left >= _MIN_SIDE_PX and bottom - top >= _MIN_SIDE_PX:
            share = float(mask[top:bottom, left:right].mean())
            found.append(((float(left), float(top), float(right), float(bottom)), share))
    return found


def _runs(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and behind-the-last index of every run of True."""
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    return [(int(first), int(behind)) for first, behind in zip(edges[::2], edges[1::2], strict=True)]
