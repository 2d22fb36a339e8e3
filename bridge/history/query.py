"""What a query asks for, as conditions: which values must be equal, and between which ids. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.history.ids import bound_of, is_event_id

if TYPE_CHECKING:
    from bridge.model import EventQuery


@dataclass(frozen=True, slots=True)
class Conditions:
    """Which events a query means.

    Attributes:
        equal: columns and the values that they must have; those of ``events``, and ``zone``.
        first_id: ids from this one on; None: from the first.
        end_id: ids before this one; None: to the last.
    """

    equal: dict[str, str]
    first_id: str | None
    end_id: str | None


def conditions_of(query: EventQuery) -> Conditions:
    """Which events a query means.

    Raises:
        ValueError: the limit, the cursor or a time makes no sense; the text says why, in words for its sender.
    """
    if query.limit < 1:
        raise ValueError(f"limit must be 1 or more, not {query.limit}")
    asked = {"camera_id": query.camera_id, "label": query.label, "zone": query.zone}
    # Both bounds above in one: a database walks an index from a single end.
    ends = [end for end in (_bound(query.until_unix_s, "until"), _checked(query.cursor)) if end is not None]
    return Conditions(
        {name: value for name, value in asked.items() if value is not None},
        _bound(query.since_unix_s, "since"),
        min(ends, default=None),
    )


def _bound(unix_s: float | None, name: str) -> str | None:
    try:
        return None if unix_s is None else bound_of(unix_s)
    except ValueError:
        raise ValueError(f"{name} must be a time, not {unix_s}") from None


def _checked(cursor: str | None) -> str | None:
    """The cursor is the id of the last event that was seen: it stays true when that event is deleted meanwhile."""
    if cursor is not None and not is_event_id(cursor):
        raise ValueError("cursor must be the next_cursor of another page, unchanged")
    return cursor
