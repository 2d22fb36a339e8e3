"""What has stood in the picture for so long that it belongs to it: a parked car, a bush that looks like a person.

Its place is remembered, not its track: the detector loses such a thing for minutes and finds it again, and the tracker
then gives it another id. The rules are on top of ``bridge.events.machine``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.events.stillness import overlap

if TYPE_CHECKING:
    from bridge.model import Box, Track

# A place where nothing was seen for this long is free again. A thing that the model finds only in some lights is away
# for many minutes; after an hour it may as well be another one.
_MEMORY_S = 3600.0
# Boxes that overlap by this much are of one thing: less than what counts as not having moved (0.6), for what is found
# again is seen in another light, and more than the detector leaves two things of one label (detector.iou, 0.45).
_SAME_THING = 0.5


@dataclass(slots=True)
class _Place:
    label: str
    box: Box
    track_id: int  # of what was seen there last
    seen_mono_s: float


class SettledPlaces:
    """Of one camera."""

    def __init__(self) -> None:
        self._places: list[_Place] = []

    def settle(self, track: Track, box: Box, now_mono_s: float) -> None:
        """The track, which has stood at ``box``, belongs to the scene; what was known of this place is out of date."""
        self._places = [
            place for place in self._places if place.label != track.label or overlap(place.box, box) < _SAME_THING
        ]
        self._places.append(_Place(track.label, box, track.track_id, now_mono_s))

    def holds(self, track: Track) -> bool:
        """Whether it stands at a settled place."""
        return any(_is_at(track, place) for place in self._places)

    def see(self, track: Track, now_mono_s: float) -> bool:
        """Like ``holds``; and the place is still taken."""
        for place in self._places:
            if _is_at(track, place):
                place.track_id, place.seen_mono_s = track.track_id, now_mono_s
                return True
        return False

    def leave(self, track_id: int, now_mono_s: float) -> None:
        """The object is certainly elsewhere: its place is free, unless another one is seen there at this moment."""
        self._places = [
            place for place in self._places if place.track_id != track_id or place.seen_mono_s >= now_mono_s
        ]

    def forget_old(self, now_mono_s: float) -> None:
        """Let time pass."""
        if self._places:
            self._places = [place for place in self._places if now_mono_s - place.seen_mono_s <= _MEMORY_S]


def _is_at(track: Track, place: _Place) -> bool:
    return track.label == place.label and overlap(track.box_xyxy_norm, place.box) >= _SAME_THING
