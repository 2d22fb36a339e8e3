"""Tracks become events: the rules of a visit, with no I/O and no clock.

The life of an event::

    unseen ──seen──▶ CANDIDATE ──certain──▶ OPEN ──not seen for end_after_s──▶ ended
                         │                  │  ▲ └─stationary for too long──▶ ended, SETTLED ──moves──▶ CANDIDATE
                         │                  └──┘ update
                         └──not seen for end_after_s──▶ ∅

Rules
-----
1. One event a track: it opens when the track was seen in ``min_hits`` analysed frames, counted from its first sight,
   and the median of its latest scores reaches ``confidence``: one lucky frame among faint ones is no visitor.
2. Each id has exactly one NEW, then any number of UPDATEs, then exactly one END; nothing after END.
3. An UPDATE says that the object is still there: at most one in ``update_interval_s``, and far fewer while it is
   stationary. It is told at once when the object comes into a zone or leaves one, stops or moves on; a clearly better
   picture is told sooner, but never within ``_MIN_UPDATE_S`` of the last message.
4. END comes when the track was not seen for ``end_after_s``, or at ``close``. Its ``end_unix_s`` is the last sight.
   Nobody has left while nobody looked: without a frame since the last sight, END waits for ``BLIND_S`` at least. A
   camera whose pictures stall for two seconds would else split a visit at an ``end_after_s`` of 1.5.
5. A track that comes back after its END is a new visit with a new id.
6. Durations are of the monotonic clock. The wall clock is read once an event, at its start; all its other times are the
   start plus a duration, so a clock that jumps cannot turn an event inside out.
7. A camera that falls silent ends its events through ``tick``.
8. An object that stays where it is (``bridge.events.stillness``) is stationary: its event goes on, but quietly.
9. No event lasts for ever: what is stationary for ``stationary_end_after_s`` has its END and is settled. What stands at
   a settled place is part of the scene, under whatever track id: no candidate, no event, nobody present. A candidate
   that stood there for that long, too faint for an event, settles likewise, without a word.
10. A settled place is given up when nothing was seen there for an hour, or when the track seen there last opens an
    event elsewhere and nothing is there at that moment: a parked car that drives off is a new visit with a new id.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.events.settled import SettledPlaces
from bridge.events.stillness import STATIONARY_AFTER_S
from bridge.events.visit import Moment, Visit
from bridge.model import ChangeType

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from bridge.model import Event, Track

BLIND_S = 3.0
"""For so long somebody may still be there when no frame came since the last sight.

In ``benchmarks/tracking_stalls.py``, with ``end_after_s`` at 1.5, the six visits become six events in 92 % of the
runs instead of in 56 %.
"""

# A picture that gets better with every step towards the camera must not become a message a frame.
_MIN_UPDATE_S = 1.0
# Of what does not move there is little to say: 12 messages an hour tell that it is still there.
_STATIONARY_UPDATE_S = 300.0


@dataclass(frozen=True, slots=True)
class EventRules:
    """One camera's ``events:`` section, as far as it concerns time.

    Attributes:
        min_hits: analysed frames that must show an object before it counts.
        end_after_s: an object unseen for this long has left.
        update_interval_s: the pace of updates while it lasts.
        confidence: what the median of an object's latest scores must reach before it counts.
        stationary_end_after_s: an object that stands still for this long belongs to the scene; 0 for never. Nothing
            below ``STATIONARY_AFTER_S`` is still.
    """

    min_hits: int = 3
    end_after_s: float = 5.0
    update_interval_s: float = 10.0
    confidence: float = 0.0
    stationary_end_after_s: float = 900.0

    @property
    def remember_s(self) -> float:
        """How long an unseen object's track must keep its id, so that one visit does not become two."""
        return max(self.end_after_s, BLIND_S)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an event; ``track_id`` tells whose picture goes with it."""

    type: ChangeType
    event: Event
    track_id: int


class EventMachine:
    """One camera's events.

    Args:
        camera_id: written into every event.
        rules: how long and how often.
        new_id: makes an id from the start time (``bridge.events.ids``); must never repeat itself.
    """

    def __init__(self, camera_id: str, rules: EventRules, new_id: Callable[[float], str]) -> None:
        self._camera_id = camera_id
        self._rules = rules
        self._new_id = new_id
        self._visits: dict[int, Visit] = {}
        self._settled = SettledPlaces()
        self._looked_mono_s = float("-inf")

    def update(
        self,
        tracks: Iterable[Track],
        at: Moment,
        *,
        zones: Mapping[int, tuple[str, ...]] | None = None,
        better_pictures: Collection[int] = (),
    ) -> list[Step]:
        """Take what one analysed frame shows.

        Args:
            tracks: what was detected in it.
            at: when.
            zones: by track id, the zones that the track is in; none for tracks that are missing.
            better_pictures: ids of the tracks whose best picture became clearly better with this frame.

        Returns:
            What happened, ends first.
        """
        ends = self.tick(at.mono_s)  # first, so that one who comes back after his END begins anew (rule 5)
        self._looked_mono_s = at.mono_s
        steps: list[Step] = []
        for track in self._visitors(tracks, at.mono_s):
            visit = self._visits.get(track.track_id)
            if visit is None:
                visit = self._visits[track.track_id] = Visit(track, at)
            visit.see(track, at, (zones or {}).get(track.track_id, ()))
            if self._settles(visit):
                self._settled.settle(track, visit.place, at.mono_s)
                ends += self._end([track.track_id], at.mono_s)
                continue
            step_type = self._due(visit, at.mono_s, better=track.track_id in better_pictures)
            if step_type is not None:
                steps.append(self._tell(step_type, visit, at.mono_s))
        return ends + steps

    def set_rules(self, rules: EventRules) -> None:
        """Go on by other rules; what is open stays open."""
        self._rules = rules

    def tick(self, now_mono_s: float) -> list[Step]:
        """Let time pass without a frame.

        Returns:
            The ends that it brought.
        """
        self._settled.forget_old(now_mono_s)
        return self._end([key for key, visit in self._visits.items() if self._gone(visit, now_mono_s)], now_mono_s)

    def close(self, now_mono_s: float) -> list[Step]:
        """End every open event, because the bridge stops or the camera is removed."""
        return self._end(list(self._visits), now_mono_s)

    def followed(self) -> Collection[int]:
        """Ids of the tracks that have an open event or may still get one."""
        return self._visits.keys()

    def belongs_to_scene(self, track: Track) -> bool:
        """Whether the track has no event and gets none, because it stands at a settled place."""
        return not self._is_open(track) and self._settled.holds(track)

    def present(self) -> Mapping[str, int]:
        """How many objects of each label are there now (open events)."""
        return Counter(visit.track.label for visit in self._visits.values() if visit.id)

    def present_in_zones(self) -> Mapping[str, Mapping[str, int]]:
        """The same by zone; zones that are empty are missing."""
        counts: dict[str, Counter[str]] = {}
        for visit in self._visits.values():
            for zone in visit.zones if visit.id else ():
                counts.setdefault(zone, Counter())[visit.track.label] += 1
        return counts

    def _is_open(self, track: Track) -> bool:
        visit = self._visits.get(track.track_id)
        return visit is not None and bool(visit.id)

    def _visitors(self, tracks: Iterable[Track], now_mono_s: float) -> list[Track]:
        """The tracks that do not belong to the scene; who turns out to belong to it is no candidate any more."""
        visitors = []
        for track in tracks:
            if not self._is_open(track) and self._settled.see(track, now_mono_s):
                self._visits.pop(track.track_id, None)
            else:
                visitors.append(track)
        return visitors

    def _gone(self, visit: Visit, now_mono_s: float) -> bool:
        looked = self._looked_mono_s > visit.seen_mono_s
        return now_mono_s - visit.seen_mono_s > (self._rules.end_after_s if looked else self._rules.remember_s)

    def _settles(self, visit: Visit) -> bool:
        limit_s = self._rules.stationary_end_after_s
        return limit_s > 0 and visit.still_s >= max(limit_s, STATIONARY_AFTER_S)

    def _due(self, visit: Visit, now_mono_s: float, *, better: bool) -> ChangeType | None:
        rules = self._rules
        if not visit.id:
            certain = visit.hits >= rules.min_hits and visit.score >= rules.confidence
            return ChangeType.NEW if certain else None
        pause_s = rules.update_interval_s
        if visit.stationary:
            pause_s = max(pause_s, _STATIONARY_UPDATE_S)
        if better:
            pause_s = min(pause_s, _MIN_UPDATE_S)
        return ChangeType.UPDATE if visit.changed or now_mono_s - visit.told_mono_s >= pause_s else None

    def _tell(self, step_type: ChangeType, visit: Visit, now_mono_s: float) -> Step:
        track_id = visit.track.track_id
        if step_type is ChangeType.NEW:
            visit.id = self._new_id(visit.start_unix_s)
            self._settled.leave(track_id, now_mono_s)
        return Step(step_type, visit.tell(self._camera_id, now_mono_s), track_id)

    def _end(self, track_ids: Iterable[int], now_mono_s: float) -> list[Step]:
        ended = [(track_id, self._visits.pop(track_id)) for track_id in track_ids]
        return [
            Step(ChangeType.END, visit.tell(self._camera_id, now_mono_s, ended=True), track_id)
            for track_id, visit in ended
            if visit.id
        ]
