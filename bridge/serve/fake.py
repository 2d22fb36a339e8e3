"""A bridge that is only a front, and a history in a list: for tests and benchmarks of the web without the rest."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bridge.errors import AdoptionRefused, ConfigError, ControlRefused, UpdateRefused
from bridge.model import EventPage, Readiness, UpdateStatus, UpdateStep
from bridge.serve.eventquery import is_event_id
from bridge.serve.live import StreamOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bridge.errors import HistoryError
    from bridge.model import Event, EventQuery, PictureKind


@dataclass
class FakeBridge:
    """A ``BridgeView`` whose answers are set by hand.

    Attributes:
        parts: what ``readiness`` gives.
        facts: what ``info`` gives.
        options: stream options by camera; a camera that is not named gets the defaults.
        panels: what ``controls`` gives, by camera; a camera that is not named has what the bridge itself can do.
        refusals: why a control cannot be set, by its name.
        answers_after_s: how long a camera takes to do as it is told.
        told: every control that was set or refused, in order: camera, name and value.
        configured: what the configuration says, by camera.
        wrong: why the configuration cannot be taken up or changed; empty: it can.
        reloads: how often it was taken up.
    """

    parts: Sequence[Readiness] = (Readiness("broker", ready=True, detail="connected"),)
    facts: Mapping[str, object] = field(default_factory=lambda: {"version": "0.0.0"})
    options: dict[str, StreamOptions] = field(default_factory=dict)
    panels: dict[str, dict[str, Any]] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    answers_after_s: float = 0.0
    told: list[tuple[str, str, object]] = field(default_factory=list)
    configured: dict[str, dict[str, Any]] = field(default_factory=dict)
    wrong: str = ""
    reloads: int = 0

    def reload(self) -> Sequence[str]:
        """Count it, unless the configuration is wrong."""
        if self.wrong:
            raise ConfigError((self.wrong,))
        self.reloads += 1
        return ()

    def settings(self, camera_id: str) -> Mapping[str, Any]:
        """What was configured."""
        return self.configured.setdefault(
            camera_id, {"name": camera_id, "labels": ["person"], "zones": {}, "masks": [], "motion": {"masks": []}}
        )

    def change_settings(self, camera_id: str, change: Mapping[str, Any]) -> Sequence[str]:
        """Merge it, unless it is wrong."""
        if self.wrong:
            raise ConfigError((self.wrong,))
        self.configured[camera_id] = _merged(self.settings(camera_id), change)
        return ()

    def readiness(self) -> Sequence[Readiness]:
        """The parts that were set."""
        return self.parts

    def info(self) -> Mapping[str, object]:
        """The facts that were set."""
        return self.facts

    def stream_options(self, camera_id: str) -> StreamOptions:
        """The camera's options, or the defaults."""
        return self.options.get(camera_id, StreamOptions())

    def controls(self, camera_id: str) -> Mapping[str, Any]:
        """The camera's panel, or that of a camera which itself takes no commands."""
        return self.panels.setdefault(
            camera_id,
            {
                "values": {"detect": True, "confidence": 0.25},
                "offers": ["detect", "confidence"],
                "framesizes": [],
                "ranges": {"confidence": {"min": 0.05, "max": 0.95, "step": 0.05}},
            },
        )

    def set_control(self, camera_id: str, name: str, value: object) -> None:
        """Take the value, after a while, unless it is to be refused."""
        self.told.append((camera_id, name, value))
        time.sleep(self.answers_after_s)
        if name in self.refusals:
            raise ControlRefused(self.refusals[name])
        if name != "restart":
            self.controls(camera_id)["values"][name] = value


@dataclass
class FakeUpdates:
    """An ``UpdateView`` that is set by hand.

    Attributes:
        statuses: by camera.
        refusal: why nothing can be installed; empty: it can.
        told: the cameras that were to be updated, in order.
    """

    statuses: dict[str, UpdateStatus] = field(default_factory=dict)
    refusal: str = ""
    told: list[str] = field(default_factory=list)

    def status(self, camera_id: str) -> UpdateStatus | None:
        """What was set."""
        return self.statuses.get(camera_id)

    def install(self, camera_id: str) -> UpdateStatus:
        """Begin to load, unless that is to be refused."""
        self.told.append(camera_id)
        if self.refusal or camera_id not in self.statuses:
            raise UpdateRefused(self.refusal or f"{camera_id} cannot be updated")
        self.statuses[camera_id] = replace(self.statuses[camera_id], step=UpdateStep.LOADING, problem="")
        return self.statuses[camera_id]


@dataclass
class FakeAdoption:
    """An ``AdoptionView`` that is set by hand.

    Attributes:
        guests: what ``waiting`` gives.
        pictures: by camera.
        refusal: why nothing can be changed; empty: it can.
        told: what was done, in order.
    """

    guests: list[dict[str, Any]] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)
    refusal: str = ""
    told: list[tuple[str, ...]] = field(default_factory=list)

    def waiting(self) -> list[dict[str, Any]]:
        """The guests that were set."""
        return self.guests

    def picture(self, camera_id: str) -> bytes | None:
        """The picture that was set."""
        return self.pictures.get(camera_id)

    def approve(self, camera_id: str, name: str = "") -> dict[str, Any]:
        """Note it, unless it is to be refused."""
        self._note("approve", camera_id, name)
        return {"id": camera_id, "name": name, "bound_to_key": True}

    def dismiss(self, camera_id: str) -> None:
        """Note it, unless it is to be refused."""
        self._note("dismiss", camera_id)

    def remove(self, camera_id: str) -> None:
        """Note it, unless it is to be refused."""
        self._note("remove", camera_id)

    def _note(self, *what: str) -> None:
        if self.refusal:
            raise AdoptionRefused(self.refusal)
        self.told.append(what)


@dataclass
class FakePastEvents:
    """``PastEvents`` that are set by hand.

    Attributes:
        events: what happened, in any order; may grow and shrink while pages are read.
        pictures: by event id and kind.
        failure: raised by everything, when set.
        fails_after: ``stream`` raises ``failure`` only after so many events; None: at once, as everything else does.
    """

    events: list[Event] = field(default_factory=list)
    pictures: dict[tuple[str, PictureKind], bytes] = field(default_factory=dict)
    failure: HistoryError | None = None
    fails_after: int | None = None

    def page(self, query: EventQuery) -> EventPage:
        """The events that fit and come after the cursor, which is the id of the last event of the page before."""
        self._check()
        if query.cursor is not None and not is_event_id(query.cursor):
            raise ValueError("it is no event's id")
        left = [event for event in self._fitting(query) if query.cursor is None or event.id < query.cursor]
        events = tuple(left[: query.limit])
        return EventPage(events, events[-1].id if len(left) > len(events) else None)

    def count(self, query: EventQuery) -> int:
        """How many events fit."""
        self._check()
        return len(self._fitting(query))

    def first_unix_s(self, query: EventQuery) -> float | None:
        """When the oldest that fits began."""
        self._check()
        return min((event.start_unix_s for event in self._fitting(query)), default=None)

    def get(self, event_id: str) -> Event | None:
        """The event of this id."""
        self._check()
        return next((event for event in self.events if event.id == event_id), None)

    def stream(self, query: EventQuery) -> Iterator[Event]:
        """The events that fit."""
        for count, event in enumerate(self._fitting(query)):
            if count >= (self.fails_after or 0):
                self._check()
            yield event
        self._check()

    def picture(self, event_id: str, kind: PictureKind) -> bytes | None:
        """The picture that was set."""
        self._check()
        return self.pictures.get((event_id, kind))

    def _check(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _fitting(self, query: EventQuery) -> list[Event]:
        return sorted((event for event in self.events if _fits(event, query)), key=lambda event: event.id, reverse=True)


def _fits(event: Event, query: EventQuery) -> bool:
    return (
        query.camera_id in {None, event.camera_id}
        and query.label in {None, event.label}
        and (query.zone is None or query.zone in event.entered_zones)
        and (query.since_unix_s is None or event.start_unix_s >= query.since_unix_s)
        and (query.until_unix_s is None or event.start_unix_s < query.until_unix_s)
    )


def _merged(before: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """``change`` laid over ``before``; None takes a key out."""
    result = dict(before)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key, {}), value) if isinstance(value, dict) else value
    return result
