"""Whatever is recorded, delivered and deleted, in whatever order: the store agrees with a few lines of plain Python."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bridge.history.store import EventStore
from bridge.model import Event, EventQuery, Letter

_T0 = 1_795_564_800.0
_SECONDS = st.integers(0, 15)
_CAMERAS = st.sampled_from(["door", "yard"])
_LABELS = st.sampled_from(["person", "dog"])
_ZONES = st.lists(st.sampled_from(["porch", "path", "gate"]), unique=True, max_size=3).map(tuple)
_TEXTS = st.lists(st.binary(max_size=5), max_size=3)


def _maybe(values: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    return st.none() | values


class StoreMachine(RuleBasedStateMachine):
    """The store, and beside it what it should hold."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.store = self._open()
        self.events: dict[str, Event] = {}
        self.zones: dict[str, set[str]] = {}
        self.letters: dict[int, Letter] = {}
        self.last_number = 0

    def _open(self) -> EventStore:
        store = EventStore(f"sqlite:///{Path(self.folder.name)}/history.db")
        store.open()
        return store

    def _event(self, second: int, zones: tuple[str, ...], *, ended: bool) -> Event:
        camera_id, label = ("door", "person") if second % 3 else ("yard", "dog")
        began_s = _T0 + second
        return Event(
            id=f"{round(began_s * 1000):013d}-{second:06x}",
            camera_id=camera_id,
            label=label,
            score=0.5,
            top_score=0.5,
            box_xyxy_norm=(0.0, 0.0, 0.5, 1.0),
            start_unix_s=began_s,
            end_unix_s=began_s + 1 if ended else None,
            frame_unix_s=began_s,
            frame_mono_s=0.0,
            entered_zones=zones,
        )

    @rule(second=_SECONDS, zones=_ZONES, ended=st.booleans(), picture=st.booleans(), texts=_TEXTS)
    def record(self, second: int, zones: tuple[str, ...], ended: bool, picture: bool, texts: list[bytes]) -> None:
        event = replace(self._event(second, zones, ended=ended), has_thumbnail=picture)
        letters = [Letter(0, event.camera_id, event.id, "topic", text) for text in texts]
        numbers = self.store.record(event, letters)
        before = self.events.get(event.id)
        if before is None or before.end_unix_s is None or ended:
            self.events[event.id] = event
        self.zones.setdefault(event.id, set()).update(zones)
        assert numbers == sorted(numbers)
        for number, letter in zip(numbers, letters, strict=True):
            assert number > self.last_number
            self.last_number = number
            self.letters[number] = replace(letter, number=number)

    @rule(numbers=st.sets(st.integers(1, 60)))
    def deliver(self, numbers: set[int]) -> None:
        self.store.delivered(numbers)
        for number in numbers:
            self.letters.pop(number, None)

    @rule(second=_SECONDS, limit=st.integers(1, 4))
    def expire(self, second: int, limit: int) -> None:
        old = [event_id for event_id in self._over() if self.events[event_id].start_unix_s < _T0 + second]
        assert self.store.expire(_T0 + second, limit) == old[:limit]
        for event_id in old[:limit]:
            del self.events[event_id], self.zones[event_id]

    @rule(limit=st.integers(1, 4))
    def forget_pictures(self, limit: int) -> None:
        pictured = [event_id for event_id in self._over() if self.events[event_id].has_thumbnail]
        assert self.store.oldest_with_pictures(limit) == pictured[:limit]
        self.store.forget_pictures(pictured[:limit])
        for event_id in pictured[:limit]:
            self.events[event_id] = replace(self.events[event_id], has_thumbnail=False)

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = self._open()

    @rule(
        camera_id=_maybe(_CAMERAS),
        label=_maybe(_LABELS),
        zone=_maybe(st.sampled_from(["porch", "path", "gate"])),
        since=st.none() | _SECONDS,
        until=st.none() | _SECONDS,
        limit=st.integers(1, 5),
    )
    def look_back(
        self,
        camera_id: str | None,
        label: str | None,
        zone: str | None,
        since: int | None,
        until: int | None,
        limit: int,
    ) -> None:
        fitting = [
            event
            for _, event in sorted(self.events.items(), reverse=True)
            if camera_id in {None, event.camera_id}
            and label in {None, event.label}
            and (zone is None or zone in self.zones[event.id])
            and (since is None or event.start_unix_s >= _T0 + since)
            and (until is None or event.start_unix_s < _T0 + until)
        ]
        bounds = (None if since is None else _T0 + since, None if until is None else _T0 + until)
        query = EventQuery(camera_id, label, zone, *bounds, limit)
        assert self.store.count(query) == len(fitting)
        found: list[Event] = []
        while True:
            page = self.store.page(query)
            assert len(page.events) <= limit
            found += page.events
            if page.next_cursor is None:
                break
            query = replace(query, cursor=page.next_cursor)
        assert found == fitting

    @invariant()
    def what_waits_and_what_lasts_is_as_it_should_be(self) -> None:
        if not hasattr(self, "store"):
            return
        assert self.store.waiting() == [self.letters[number] for number in sorted(self.letters)]
        lasting = [event for _, event in sorted(self.events.items()) if event.end_unix_s is None]
        assert self.store.open_events() == lasting

    def _over(self) -> list[str]:
        return sorted(event_id for event_id, event in self.events.items() if event.end_unix_s is not None)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = hypothesis_settings(stateful_step_count=20)
