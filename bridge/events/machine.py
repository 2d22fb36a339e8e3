"""Tracks become events: the rules of a visit, with no I/O and no clock.

The life of an event::

    unseen ──seen──▶ CANDIDATE ──seen in min_hits frames──▶ OPEN ──not seen for end_after_s──▶ ended
                        │                                   │  ▲
                        └──not seen for end_after_s──▶ ∅    └──┘ update

Rules
-----
1. One event a track: it opens when the track was seen in ``min_hits`` analysed frames, counted from its first sight.
2. Each id has exactly one NEW, then any number of UPDATEs, then exactly one END; nothing after END.
3. An UPDATE says that the object is still there: at most one in ``update_interval_s``; a clearly better picture is
   told sooner, but never within ``_MIN_UPDATE_S`` of the last message.
4. END comes when the track was not seen for ``end_after_s``, or at ``close``. Its ``end_unix_s`` is the last sight.
5. A track that comes back after its END is a new visit with a new id.
6. Durations are of the monotonic clock. The wall clock is read once an event, at its start; the end is the start plus
   the duration, so a clock that jumps cannot turn an event inside out.
7. A camera that falls silent ends its events through ``tick``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.model import ChangeType, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from bridge.model import Track

# A picture that gets better with every step towards the camera must not become a message a frame.
_MIN_UPDATE_S = 1.0


@dataclass(frozen=True, slots=True)
class EventRules:
    """One camera's ``events:`` section, as far as it concerns time.

    Attributes:
        min_hits: analysed frames that must show an object before it counts.
        end_after_s: an object unseen for this long has left.
        update_interval_s: the pace of updates while it lasts.
    """

    min_hits: int = 3
    end_after_s: float = 5.0
    update_interval_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an event; ``track_id`` tells whose picture goes with it."""

    type: ChangeType
    event: Event
    track_id: int


@dataclass(slots=True)
class _Visit:
    """A candidate (``id`` empty) or an open event."""

    track: Track
    start_mono_s: float
    start_unix_s: float
    seen_mono_s: float
    seen_unix_s: float
    hits: int = 0
    top_score: float = 0.0
    id: str = ""
    told_mono_s: float = float("-inf")

    def see(self, track: Track, now_mono_s: float, now_unix_s: float) -> None:
        self.track = track
        self.seen_mono_s = now_mono_s
        self.seen_unix_s = now_unix_s
        self.hits += 1
        self.top_score = max(self.top_score, track.score)

    def event(self, camera_id: str, frame_mono_s: float, *, ended: bool = False) -> Event:
        lasted_s = self.seen_mono_s - self.start_mono_s
        return Event(
            id=self.id,
            camera_id=camera_id,
            label=self.track.label,
            score=self.track.score,
            top_score=self.top_score,
            box_xyxy_norm=self.track.box_xyxy_norm,
            start_unix_s=self.start_unix_s,
            end_unix_s=self.start_unix_s + lasted_s if ended else None,
            frame_unix_s=self.seen_unix_s,
            frame_mono_s=frame_mono_s,
        )


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
        self._visits: dict[int, _Visit] = {}

    def update(
        self, tracks: Iterable[Track], now_mono_s: float, now_unix_s: float, better_pictures: Collection[int] = ()
    ) -> list[Step]:
        """Take what one analysed frame shows.

        Args:
            tracks: what was detected in it.
            now_mono_s: when the frame was received.
            now_unix_s: the same on the wall clock.
            better_pictures: ids of the tracks whose best picture became clearly better with this frame.

        Returns:
            What happened, ends first.
        """
        steps = self.tick(now_mono_s)  # first, so that one who comes back after his END begins anew (rule 5)
        for track in tracks:
            visit = self._visits.get(track.track_id)
            if visit is None:
                visit = _Visit(track, now_mono_s, now_unix_s, now_mono_s, now_unix_s)
                self._visits[track.track_id] = visit
            visit.see(track, now_mono_s, now_unix_s)
            step_type = self._due(visit, now_mono_s, better=track.track_id in better_pictures)
            if step_type is not None:
                steps.append(self._tell(step_type, visit, now_mono_s))
        return steps

    def tick(self, now_mono_s: float) -> list[Step]:
        """Let time pass without a frame.

        Returns:
            The ends that it brought.
        """
        return self._end([key for key, visit in self._visits.items() if self._gone(visit, now_mono_s)], now_mono_s)

    def close(self, now_mono_s: float) -> list[Step]:
        """End every open event, because the bridge stops or the camera is removed."""
        return self._end(list(self._visits), now_mono_s)

    def followed(self) -> Collection[int]:
        """Ids of the tracks that have an open event or may still get one."""
        return self._visits.keys()

    def present(self) -> Mapping[str, int]:
        """How many objects of each label are there now (open events)."""
        return Counter(visit.track.label for visit in self._visits.values() if visit.id)

    def _gone(self, visit: _Visit, now_mono_s: float) -> bool:
        return now_mono_s - visit.seen_mono_s > self._rules.end_after_s

    def _due(self, visit: _Visit, now_mono_s: float, *, better: bool) -> ChangeType | None:
        if not visit.id:
            return ChangeType.NEW if visit.hits >= self._rules.min_hits else None
        pause_s = min(_MIN_UPDATE_S, self._rules.update_interval_s) if better else self._rules.update_interval_s
        return ChangeType.UPDATE if now_mono_s - visit.told_mono_s >= pause_s else None

    def _tell(self, step_type: ChangeType, visit: _Visit, now_mono_s: float) -> Step:
        if step_type is ChangeType.NEW:
            visit.id = self._new_id(visit.start_unix_s)
        visit.told_mono_s = now_mono_s
        return Step(step_type, visit.event(self._camera_id, now_mono_s), visit.track.track_id)

    def _end(self, track_ids: Iterable[int], now_mono_s: float) -> list[Step]:
        ended = [(track_id, self._visits.pop(track_id)) for track_id in track_ids]
        return [
            Step(ChangeType.END, visit.event(self._camera_id, now_mono_s, ended=True), track_id)
            for track_id, visit in ended
            if visit.id
        ]
