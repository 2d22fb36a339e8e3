from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bridge.eventlog import EventLog
from bridge.model import ChangeType, Event, EventChange
from bridge.runtime.metrics import Metrics

if TYPE_CHECKING:
    import pytest

_EVENT = Event("1-a", "door", "person", 0.874, 0.9, (0, 0, 1, 1), 1.0, None, 1.0, 1.0)
_LIFE = [EventChange(kind, _EVENT) for kind in (ChangeType.NEW, ChangeType.UPDATE, ChangeType.END)]


def test_beginning_and_end_are_logged_and_updates_are_not(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log = EventLog(Metrics())
    for change in _LIFE:
        log.event(change)
    assert [record.getMessage() for record in caplog.records] == [
        "door: person arrived (87 %), event 1-a",
        "door: person left, event 1-a",
    ]


def test_every_change_is_counted_and_passed_on() -> None:
    metrics, heard = Metrics(), list[EventChange]()
    log = EventLog(metrics, [heard.append])
    for change in [*_LIFE, _LIFE[1]]:
        log.event(change)
    assert heard == [*_LIFE, _LIFE[1]]
    exposition = metrics.render().decode()
    assert 'espcam_events_total{camera="door",label="person",type="new"} 1.0' in exposition
    assert 'espcam_events_total{camera="door",label="person",type="update"} 2.0' in exposition
