from __future__ import annotations

import secrets
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.events.ids import IdMaker
from bridge.history.ids import began_unix_s, bound_of, bounds_of_day, day_of, is_event_id

_TIMES = st.floats(0, 9_999_999_999.0)


@given(_TIMES)
def test_what_the_bridge_makes_is_an_id_that_tells_when_the_event_began(start_unix_s: float) -> None:
    event_id = IdMaker(secrets.randbits)(start_unix_s)
    assert is_event_id(event_id)
    assert began_unix_s(event_id) == pytest.approx(start_unix_s, abs=0.0011)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1795564800000",
        "1795564800000-3FA4C1",
        "1795564800000-3fa4c1\n",
        "../5564800000-3fa4c1",
        "1795564800000-3fa4c1/..",
        "١٧٩٥٥٦٤٨٠٠٠٠٠-3fa4c1",
        "1795564800000-3fa4c\0",
    ],
)
def test_anything_else_is_no_id(text: str) -> None:
    assert not is_event_id(text)


def test_the_day_is_that_of_utc_wherever_the_bridge_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    assert day_of("1795564799999-3fa4c1") == "2026-11-24"
    assert day_of("1795564800000-3fa4c1") == "2026-11-25"
    assert day_of("0000000000000-000000") == "1970-01-01"
    assert day_of("9999999999999-ffffff") == "2286-11-20"
    monkeypatch.undo()
    time.tzset()


@given(_TIMES)
def test_an_id_lies_between_the_bounds_of_its_day(start_unix_s: float) -> None:
    event_id = IdMaker(secrets.randbits)(start_unix_s)
    first, end = bounds_of_day(day_of(event_id))
    assert first <= event_id < end
    day_before = bounds_of_day(day_of(bound_of(max(start_unix_s - 86_400, 0)) + "-000000"))
    assert day_before[1] in {first, end}, "days follow each other without a gap"


def test_no_id_lies_in_a_day_that_is_none() -> None:
    assert bounds_of_day("2026-02-30") == ("", "")
    assert len(set(bounds_of_day("1969-12-31"))) == 1


@given(_TIMES, _TIMES)
def test_a_bound_divides_the_ids_as_its_time_divides_the_events(start_unix_s: float, bound_unix_s: float) -> None:
    event_id = IdMaker(lambda _bits: 0)(start_unix_s)
    if round(start_unix_s * 1000) > 0:  # the first id of all is that of the first millisecond
        assert (event_id >= bound_of(bound_unix_s)) == (round(start_unix_s * 1000) >= round(bound_unix_s * 1000))
