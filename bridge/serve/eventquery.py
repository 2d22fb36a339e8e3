"""The filters of ``/api/events``: from an address's parameters to an ``EventQuery``. Pure.

What cannot be meant is refused and never ignored: with a misspelt filter the answer would be everything. An empty value
is the same as none, because forms send what was not filled in.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from bridge.model import EventQuery
from bridge.serve.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FILTERS = ("camera", "label", "zone", "since", "until")
PAGING = ("limit", "cursor")
DIVIDING = ("buckets",)

DEFAULT_LIMIT = 50
MAX_LIMIT = 500  # about 250 KB of JSON
DEFAULT_BUCKETS = 48
MAX_BUCKETS = 200  # a question to the database each, of a millisecond
DEFAULT_SPAN_S = 86_400.0

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


def parse_timeline(
    given: Mapping[str, Sequence[str]], now_unix_s: float, first_unix_s: Callable[[EventQuery], float | None]
) -> tuple[EventQuery, ...]:
    """Which spans of time events are to be counted in: questions of the same length, one after the other.

    Args:
        given: as for ``parse_query``; ``buckets`` is how many.
        now_unix_s: where the last ends, unless ``until`` says otherwise.
        first_unix_s: where the first begins, unless ``since`` says otherwise: with the oldest event that fits, a day
            before the end when there is none.

    Raises:
        ValueError: likewise; or the times are in the wrong order.
    """
    query = parse_query({name: texts for name, texts in given.items() if name not in DIVIDING}, FILTERS)
    text = next(iter(given.get("buckets", ())), "") or str(DEFAULT_BUCKETS)
    buckets = int(text) if _LIMIT.fullmatch(text) else 0
    if not 1 <= buckets <= MAX_BUCKETS:
        raise ValueError(f"buckets: {text!r:.60} is not allowed; a whole number from 1 to {MAX_BUCKETS} is")
    until_unix_s = now_unix_s if query.until_unix_s is None else query.until_unix_s
    since_unix_s = query.since_unix_s
    if since_unix_s is None:
        began_unix_s = first_unix_s(query)
        # A clock that was set back leaves events in the future: they are no reason to show nothing.
        since_unix_s = until_unix_s - DEFAULT_SPAN_S if began_unix_s is None else min(began_unix_s, until_unix_s - 60)
    if since_unix_s >= until_unix_s:
        raise ValueError("since must be before until, which is now unless it is given")
    edges = [since_unix_s + (until_unix_s - since_unix_s) * place / buckets for place in range(buckets + 1)]
    return tuple(replace(query, since_unix_s=begin, until_unix_s=end) for begin, end in pairwise(edges))


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
