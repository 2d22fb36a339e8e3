"""Events as lines that a person reads while they happen."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

from bridge.model import ChangeType

if TYPE_CHECKING:
    from bridge.model import EventChange


def line(change: EventChange, camera_name: str, now_unix_s: float, zone: tzinfo | None = None) -> str | None:
    """A step in an event's life in words: ``03:14:05  front_door  person arrived (87 %)``.

    Args:
        change: the step.
        camera_name: where.
        now_unix_s: when it is told (an end is told a while after the last sighting).
        zone: for the time of day; None: this machine's own.

    Returns:
        The line, or None for an update, which is of no news to a person.
    """
    event = change.event
    moment = datetime.fromtimestamp(now_unix_s, UTC).astimezone(zone)
    beginning = f"{moment:%H:%M:%S}  {camera_name}  {event.label}"
    match change.type:
        case ChangeType.NEW:
            return f"{beginning} arrived ({event.score * 100:.0f} %)"
        case ChangeType.END:
            stayed_s = (event.end_unix_s or event.frame_unix_s) - event.start_unix_s
            return f"{beginning} left after {_duration(stayed_s)}"
        case ChangeType.UPDATE:
            return None


def _duration(seconds: float) -> str:
    whole_s = max(1, round(seconds))
    minutes, rest_s = divmod(whole_s, 60)
    return f"{minutes} min {rest_s} s" if minutes else f"{rest_s} s"
