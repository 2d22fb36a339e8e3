"""Whom the edge of the picture cuts off is sometimes found twice: all that shows of him, and once more a part of that.

The second box holds his legs, or the half next to the edge. It overlaps too little (IoU 0.33 and 0.45 on footage of six
visits) for suppression at ``detector.iou`` to take the two for one.

A detection counts as a part when it lies mostly inside a sure one that is larger, and the same edge of the picture
cuts off both. In 128 COCO pictures 62 of 941 labelled objects lie inside another one of their label, most of them
people behind others; 15 share an edge with it. One picture cannot tell whether such a one is a part or somebody, so
nobody is dropped: a part begins no track, but may continue one. Who steps out from behind the other begins his then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.track.geometry import area

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.model import Box

# Share of a part's area that lies inside the whole: 0.98 and more on the footage. Of the 15 above one goes at 0.9.
_INSIDE = 0.8
# Of 230 boxes that end within 3 % of the left or right edge on the footage, 90 % do so within 0.45 %; of COCO's labels
# that end within 5 % of any edge, half do so within 0.5 %, and beyond 1 % there are no more than anywhere else.
_EDGE_NORM = 0.01


def parts(boxes: Sequence[Box], scores: Sequence[float], confidence: float) -> list[bool]:
    """Which detections of one label in one frame are only a part of another one.

    Args:
        boxes: as shares of the frame, 0..1.
        scores: theirs.
        confidence: who reaches it is sure, and can have parts.
    """
    edges = [_cut_off_by(box) for box in boxes]
    wholes = [index for index, score in enumerate(scores) if score >= confidence and edges[index]]
    return [
        bool(edges[index]) and any(edges[index] & edges[whole] and _holds(boxes[whole], box) for whole in wholes)
        for index, box in enumerate(boxes)
    ]


def _cut_off_by(box: Box) -> frozenset[str]:
    """The edges of the picture."""
    left, top, right, bottom = box
    cuts = {
        "left": left <= _EDGE_NORM,
        "top": top <= _EDGE_NORM,
        "right": right >= 1 - _EDGE_NORM,
        "bottom": bottom >= 1 - _EDGE_NORM,
    }
    return frozenset(edge for edge, is_cut in cuts.items() if is_cut)


def _holds(whole: Box, box: Box) -> bool:
    """Whether the other box is smaller and lies mostly inside."""
    inside = (max(box[0], whole[0]), max(box[1], whole[1]), min(box[2], whole[2]), min(box[3], whole[3]))
    return area(box) < area(whole) and area(inside) >= _INSIDE * area(box)
