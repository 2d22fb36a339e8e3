"""What an event's id tells: when the event began. Pure.

The id begins with the milliseconds since 1970 in 13 digits, so that ids in the order of the alphabet are events in the
order of time: one index serves both, and a time is a bound on ids.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_EVENT_ID = re.compile(r"[0-9]{13}-[0-9a-f]{6}")
_DAY_S = 86_400
_LAST_MS = 9_999_999_999_999  # the most that 13 digits hold, in the year 2286


def is_event_id(text: str) -> bool:
    """Whether this is an event's id, ``<unix ms, 13 digits>-<6 hex digits>``, and nothing else."""
    return _EVENT_ID.fullmatch(text) is not None


def began_unix_s(event_id: str) -> float:
    """When the event began, to the millisecond; its id must be one."""
    return int(event_id[:13]) / 1000


def day_of(event_id: str) -> str:
    """The day on which the event began, in UTC: ``2026-11-25``; its id must be one."""
    return datetime.fromtimestamp(began_unix_s(event_id), UTC).date().isoformat()


def bounds_of_day(day: str) -> tuple[str, str]:
    """Texts between which the ids of a day lie, see ``bound_of``; the same text twice when there is no such day."""
    try:
        began = datetime.fromisoformat(day).replace(tzinfo=UTC)
    except ValueError:
        return "", ""
    return bound_of(began.timestamp()), bound_of(began.timestamp() + _DAY_S)


def bound_of(unix_s: float) -> str:
    """Text that sorts before the ids of all events that began at this millisecond or later, after all others.

    Args:
        unix_s: any time; one before 1970 or after the year 2286 is held at what an id can say.

    Raises:
        ValueError: it is not a number.
    """
    return f"{round(min(max(unix_s * 1000, 0), _LAST_MS)):013d}"
