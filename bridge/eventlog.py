"""A sink that writes events to the log and counts them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bridge.model import ChangeType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bridge.model import EventChange
    from bridge.runtime.metrics import Metrics

log = logging.getLogger(__name__)


class EventLog:
    """Logs each event's beginning and end, counts every change, and passes changes on to listeners.

    Args:
        metrics: ``espcam_events_total`` is counted here.
        listeners: called with each change in the inference thread; must not block.
    """

    def __init__(self, metrics: Metrics, listeners: Sequence[Callable[[EventChange], None]] = ()) -> None:
        self._metrics = metrics
        self._listeners = listeners

    def event(self, change: EventChange) -> None:
        """An event began, went on or ended."""
        event = change.event
        self._metrics.events.labels(event.camera_id, event.label, change.type.value).inc()
        if change.type is ChangeType.NEW:
            log.info("%s: %s arrived (%.0f %%), event %s", event.camera_id, event.label, event.score * 100, event.id)
        elif change.type is ChangeType.END:
            log.info("%s: %s left, event %s", event.camera_id, event.label, event.id)
        for listener in self._listeners:
            listener(change)

    def presence(self, camera_id: str, counts: Mapping[str, int]) -> None:
        """Said by the events already."""

    def zone_presence(self, camera_id: str, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Likewise."""

    def motion(self, camera_id: str, on: bool) -> None:
        """Too often to be logged above debug."""
        log.debug("%s: motion %s", camera_id, "on" if on else "off")

    def snapshot(self, camera_id: str, jpeg: bytes) -> None:
        """Not for the log."""
