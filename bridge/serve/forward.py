"""Boxes moved to the moment of the picture they are drawn on. No I/O.

The analysis looks at a few pictures a second and answers a little later; the live view shows every picture. Without
this, boxes would trail behind who they belong to, and jump.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.model import Box, Track

# How long a walker's speed can be trusted; then the box waits where it is. Farther ahead, boxes of people who stopped
# lose more than those of walkers gain (benchmarks/liveview.py).
HORIZON_S = 0.5


def moved(tracks: Iterable[Track], by_s: float) -> tuple[Track, ...]:
    """The tracks where they are expected ``by_s`` seconds after they were seen (before, when negative).

    Args:
        tracks: as the analysis saw them.
        by_s: limited to ``HORIZON_S`` either way.

    Returns:
        Those that are still in the picture.
    """
    by_s = min(HORIZON_S, max(-HORIZON_S, by_s))
    placed = ((track, _place(track, by_s)) for track in tracks)
    return tuple(
        track if box == track.box_xyxy_norm else replace(track, box_xyxy_norm=box)
        for track, box in placed
        if box[0] < box[2] and box[1] < box[3]
    )


def _place(track: Track, by_s: float) -> Box:
    left, top, right, bottom = (
        min(1.0, max(0.0, edge + speed * by_s))
        for edge, speed in zip(track.box_xyxy_norm, track.velocity_xyxy_norm_per_s, strict=True)
    )
    return (left, top, right, bottom)
