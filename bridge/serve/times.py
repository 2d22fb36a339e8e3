"""Times as they are written for others: ISO 8601 UTC out, ISO 8601 or seconds since 1970 in. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

# Eight digits are a date (20261125): as seconds they lie in 1970 to 1973, before all events, and "since" would match
# everything. More than ten digits are milliseconds, which JavaScript's Date.now() gives: refused.
_UNIX_S = re.compile(r"(?![0-9]{8}$)[0-9]{1,10}(?:\.[0-9]+)?")
_DIGITS = re.compile(r"[0-9]{11,}(?:\.[0-9]+)?")

# A "+" that was not written as %2B arrives as a space: 2026-11-25T10:00:00 02:00.
_LOST_PLUS = re.compile(r"(:[^ ]*) ([0-9]{2}:?[0-9]{2})$")

# Ids of events have 13 digits of milliseconds: no event lies outside, and nobody need think about times that do.
_LAST_S = 9_999_999_999.999

_EXPECTED = "a time is ISO 8601, such as 2026-11-25T18:30:00Z (no zone: UTC), or seconds since 1970"


def iso_time(unix_s: float | None) -> str | None:
    """``2026-11-23T04:05:06.789Z``; None for None."""
    if unix_s is None:
        return None
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> float:
    """The moment that a text names, in seconds since 1970, between 1970 and 2286.

    Args:
        text: ISO 8601 with or without a zone (none: UTC), a date (its first moment), or seconds since 1970.

    Raises:
        ValueError: it is neither; the message says what is allowed.
    """
    if _UNIX_S.fullmatch(text):
        return float(text)
    if _DIGITS.fullmatch(text):
        raise ValueError(f"{_EXPECTED} (seconds, not milliseconds)")
    try:
        moment = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text.strip()).upper())
    except ValueError:
        raise ValueError(_EXPECTED) from None
    unix_s = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return min(max(unix_s, 0.0), _LAST_S)
