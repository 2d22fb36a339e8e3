"""What the event machine knows of one object: a candidate for an event, or an open one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from bridge.events.stillness import STATIONARY_AFTER_S, Stillness
from bridge.model import Event

if TYPE_CHECKING:
    from bridge.model import Box, Track

# So many of the latest scores decide whether an object is there: two seconds at 5 fps. The median of all would hold a
# figure in the distance, faint for a minute, against the person who then stands at the door.
_RECENT_SCORES = 10


@dataclass(frozen=True, slots=True)
class Moment:
    """When a frame came into being, came in, and was understood.

    Attributes:
        mono_s: when it was received.
        unix_s: the same on the wall clock.
        captured_unix_s: when the camera took it, by its own clock; None when it does not say.
        detected_mono_s: when the model's answer was there; None when there was none.
    """

    mono_s: float
    unix_s: float
    captured_unix_s: float | None = None
    detected_mono_s: float | None = None


class Visit:
    """A candidate (``id`` empty) or an open event.

    All wall times of an event count from its start, by the monotonic clock: one that jumps cannot turn it inside out.

    Args:
        track: the first sight.
        at: when.

    Attributes:
        id: of the event; empty for a candidate.
        track: the newest sight.
        seen_mono_s: when that was.
        told_mono_s: when something was said of it last.
        hits: in how many analysed frames it was seen.
        still_s: for how long it has stayed where it is.
        zones: where it is now.
    """

    def __init__(self, track: Track, at: Moment) -> None:
        self.id = ""
        self.track = track
        self.seen_mono_s = at.mono_s
        self.told_mono_s = float("-inf")
        self.hits = 0
        self.still_s = 0.0
        self.zones: tuple[str, ...] = ()
        self._began = at
        self._seen = at
        self._entered_zones: tuple[str, ...] = ()
        self._top_score = 0.0
        self._scores: deque[float] = deque(maxlen=_RECENT_SCORES)
        self._stillness = Stillness(track.box_xyxy_norm, at.mono_s)
        self._told = self._state

    @property
    def start_unix_s(self) -> float:
        """When it was seen first."""
        return self._began.unix_s

    @property
    def stationary(self) -> bool:
        """Whether it has not moved for a while."""
        return self.still_s >= STATIONARY_AFTER_S

    @property
    def place(self) -> Box:
        """Where it stays, without the newest sight's jitter."""
        return self._stillness.place

    @property
    def score(self) -> float:
        """What its latest scores hold: their median."""
        return median(self._scores)

    @property
    def changed(self) -> bool:
        """Whether it is in other zones, or went or stopped, since something was said of it last."""
        return self._state != self._told

    @property
    def _state(self) -> tuple[bool, tuple[str, ...]]:
        return (self.stationary, self.zones)

    def see(self, track: Track, at: Moment, zones: tuple[str, ...]) -> None:
        """Take the next sight."""
        self.track, self._seen, self.seen_mono_s = track, at, at.mono_s
        self.hits += 1
        self.zones = zones
        self._entered_zones += tuple(zone for zone in zones if zone not in self._entered_zones)
        self._top_score = max(self._top_score, track.score)
        self._scores.append(track.score)
        self.still_s = self._stillness.see(track.box_xyxy_norm, at.mono_s)

    def tell(self, camera_id: str, now_mono_s: float, *, ended: bool = False) -> Event:
        """The event as it is now, to be told at this time; for an end, nothing was looked at."""
        self.told_mono_s, self._told = now_mono_s, self._state
        seen, track = self._seen, self.track
        seen_unix_s = self._began.unix_s + (seen.mono_s - self._began.mono_s)
        took_s = None if ended or seen.detected_mono_s is None else max(0.0, seen.detected_mono_s - seen.mono_s)
        return Event(
            id=self.id,
            camera_id=camera_id,
            label=track.label,
            score=track.score,
            top_score=self._top_score,
            box_xyxy_norm=track.box_xyxy_norm,
            start_unix_s=self._began.unix_s,
            end_unix_s=seen_unix_s if ended else None,
            frame_unix_s=seen_unix_s,
            frame_mono_s=now_mono_s,
            captured_unix_s=seen.captured_unix_s,
            detected_unix_s=None if took_s is None else seen_unix_s + took_s,
            zones=self.zones,
            entered_zones=self._entered_zones,
            stationary=self.stationary,
        )
