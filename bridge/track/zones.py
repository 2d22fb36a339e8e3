"""Which zones an object is in: where its feet are, for some frames in a row.

Rules
-----
* An object is where it stands: ``foot_point`` of its box; what lies on a zone's side is inside.
* It has entered when it was inside in ``inertia_frames`` analysed frames in a row, and has left when it was outside in
  as many. One number for both: a foot on the border wanders by the detector's jitter (some pixels a frame) to either
  side alike; a zone quicker to let go than to take in would switch off and on below somebody who stands there.
* Frames that do not show the object say nothing: neither do they count nor do they break a row.
* A zone may count some labels only; to others it is not there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.track.geometry import Point, contains, foot_point

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from bridge.model import Track


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the picture with states of its own.

    Attributes:
        name: in topics and events.
        points: its corners in order, normalized.
        labels: what counts in it; empty for all.
        inertia_frames: analysed frames in a row that take an object in or out; from 1.
    """

    name: str
    points: tuple[Point, ...]
    labels: frozenset[str] = frozenset()
    inertia_frames: int = 3


@dataclass(slots=True)
class _Whereabouts:
    """Of one object: the zones it is in, and for how many frames in a row each zone was seen to be otherwise."""

    inside: set[str] = field(default_factory=set)
    otherwise: dict[str, int] = field(default_factory=dict)

    def see(self, zone: Zone, *, stands_in_it: bool) -> None:
        if stands_in_it == (zone.name in self.inside):
            self.otherwise[zone.name] = 0
            return
        self.otherwise[zone.name] = self.otherwise.get(zone.name, 0) + 1
        if self.otherwise[zone.name] >= zone.inertia_frames:
            self.otherwise[zone.name] = 0
            self.inside ^= {zone.name}


class ZoneWatch:
    """Follows the objects of one camera through its zones.

    Args:
        zones: in the order in which they are told.
    """

    def __init__(self, zones: Sequence[Zone]) -> None:
        self._zones = zones
        self._objects: dict[int, _Whereabouts] = {}

    def update(self, tracks: Iterable[Track]) -> Mapping[int, tuple[str, ...]]:
        """Take what one analysed frame shows.

        Returns:
            For each of the tracks, by its id, the zones that it is in.
        """
        return {track.track_id: self._see(track) for track in tracks} if self._zones else {}

    def keep_only(self, track_ids: Collection[int]) -> None:
        """Forget every track that is not among these."""
        self._objects = {key: found for key, found in self._objects.items() if key in track_ids}

    def _see(self, track: Track) -> tuple[str, ...]:
        whereabouts = self._objects.setdefault(track.track_id, _Whereabouts())
        foot = foot_point(track.box_xyxy_norm)
        for zone in self._zones:
            if not zone.labels or track.label in zone.labels:
                whereabouts.see(zone, stands_in_it=contains(zone.points, foot))
        return tuple(zone.name for zone in self._zones if zone.name in whereabouts.inside)
