"""The filters of ``/api/events``: from an address's parameters to an ``EventQuery``. Pure.

What cannot be meant is refused and never ignored: with a misspelt filter the answer would be everything. An empty value
is the same as none, because forms send what was not filled in.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from bridge.model import EventQuery
from bridge.serve.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FILTERS = ("camera", "label", "zone", "since", "until")
PAGING = ("limit", "cursor")

DEFAULT_LIMIT = 50
MAX_LIMIT = 500  # about 250 KB of JSON

_EVENT_ID = re.compile(r"[0-9]{13}-[0-9a-f]{6}")
_LIMIT = re.compile(r"[0-9]{1,9}")


def is_event_id(text: str) -> bool:
    """Whether this has the form of an event's id; nothing else may reach a database or a folder."""
    return _EVENT_ID.fullmatch(text) is not None


def parse_query(given: Mapping[str, Sequence[str]], allowed: Sequence[str] = FILTERS + PAGING) -> EventQuery:
    """Which events are asked for.

    Args:
        given: the values of each parameter, in the order of the address.
        allowed: the parameters that there are.

    Raises:
        ValueError: a parameter is unknown, given twice or wrong; the message names it, what was given and what is
            allowed.
    """
    values = {name: _single(name, texts, allowed) for name, texts in given.items()}
    return EventQuery(
        camera_id=_name("camera", values),
        label=_name("label", values),
        zone=_name("zone", values),
        since_unix_s=_time("since", values),
        until_unix_s=_time("until", values),
        limit=_limit(values),
        cursor=values.get("cursor") or None,
    )


def _single(name: str, texts: Sequence[str], allowed: Sequence[str]) -> str:
    if name not in allowed:
        near = difflib.get_close_matches(name.lower(), allowed, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ValueError(f"{name:.40}: there is no such parameter here; {hint}allowed are {', '.join(allowed)}")
    if len(texts) > 1:
        raise ValueError(f"{name}: given {len(texts)} times; allowed is one value")
    return texts[0]


def _name(parameter: str, values: Mapping[str, str]) -> str | None:
    text = values.get(parameter) or None
    if text is not None and "\0" in text:  # PostgreSQL refuses it in any text, as an error of the query
        raise ValueError(f"{parameter}: {text!r:.60} holds a NUL, which no name does; allowed is a {parameter}'s name")
    return text


def _time(parameter: str, values: Mapping[str, str]) -> float | None:
    text = values.get(parameter)
    if not text:
        return None
    try:
        return parse_time(text)
    except ValueError as error:
        raise ValueError(f"{parameter}: {text!r:.60} cannot be read; {error}") from None


def _limit(values: Mapping[str, str]) -> int:
    text = values.get("limit")
    if not text:
        return DEFAULT_LIMIT
    limit = int(text) if _LIMIT.fullmatch(text) else 0
    if not 1 <= limit <= MAX_LIMIT:
        raise ValueError(f"limit: {text!r:.60} is not allowed; a whole number from 1 to {MAX_LIMIT} is")
    return limit
