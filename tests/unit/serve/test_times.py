"""Times for others: every form that people write is understood, and none as something else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.serve.times import iso_time, parse_time

EVENING_S = 1_764_095_400.0  # 2025-11-25T18:30:00Z


def test_a_time_is_written_in_utc_with_milliseconds() -> None:
    assert iso_time(EVENING_S + 0.25) == "2025-11-25T18:30:00.250Z"
    assert iso_time(None) is None


@pytest.mark.parametrize(
    "text",
    [
        "2025-11-25T18:30:00Z",
        "2025-11-25t18:30:00z",
        "2025-11-25T18:30:00.000Z",
        "2025-11-25T18:30Z",
        "2025-11-25T18:30",
        "2025-11-25 18:30:00",
        "2025-11-25T20:30:00+02:00",
        "2025-11-25T20:30:00 02:00",  # the + of an address, not written as %2B
        "2025-11-25 20:30:00 0200",
        "2025-11-25T13:30:00-05:00",
        "20251125T183000Z",
        "1764095400",
        "1764095400.0",
    ],
)
def test_every_way_to_write_a_moment_gives_this_moment(text: str) -> None:
    assert parse_time(text) == EVENING_S


def test_a_date_is_its_first_moment_also_without_dashes() -> None:
    midnight_s = datetime(2025, 11, 25, tzinfo=UTC).timestamp()
    assert parse_time("2025-11-25") == midnight_s
    assert parse_time("20251125") == midnight_s, "and not a day in 1970"


def test_an_hour_after_a_date_is_no_zone() -> None:
    assert parse_time("2025-11-25 18:30") == EVENING_S


@pytest.mark.parametrize("text", ["yesterday", "25.11.2025", "2025-13-01", "-5", "nan", "inf", "1e9", "1_000", "٣", ""])
def test_anything_else_is_refused_and_told_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"ISO 8601.*seconds since 1970"):
        parse_time(text)


def test_milliseconds_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="not milliseconds"):
        parse_time("1764095400000")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0001-01-01", 0.0),
        ("1969-12-31T23:59:59Z", 0.0),
        ("9999-12-31T23:59:59-12:00", 9_999_999_999.999),
        ("0001-01-01T00:00:00+14:00", 0.0),
    ],
)
def test_times_at_which_no_event_can_be_become_the_nearest_that_an_id_can_hold(text: str, expected: float) -> None:
    assert parse_time(text) == expected


@given(st.integers(0, 9_999_999_999_999), st.integers(-14 * 60, 14 * 60))
def test_what_is_written_is_read_back_to_the_millisecond_in_any_zone(unix_ms: int, zone_min: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=unix_ms)
    assert parse_time(moment.astimezone(timezone(timedelta(minutes=zone_min))).isoformat()) == unix_ms / 1000


@given(st.text(max_size=30))
def test_no_text_whatever_it_holds_does_more_than_be_refused(text: str) -> None:
    try:
        unix_s = parse_time(text)
    except ValueError as error:
        assert "ISO 8601" in str(error)  # noqa: PT017 - most texts are refused, some are times
    else:
        assert 0 <= unix_s < 1e10
