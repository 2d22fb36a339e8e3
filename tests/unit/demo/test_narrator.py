"""Events in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta, timezone

import pytest

from bridge.demo.narrator import line
from bridge.model import ChangeType, Event, EventChange

# 2026-03-14 03:14:05 UTC
ARRIVED_UNIX_S = 1_773_458_045.0

EVENT = Event(
    id="1773458045000-a1b2c3",
    camera_id="front_door",
    label="person",
    score=0.873,
    top_score=0.9,
    box_xyxy_norm=(0.1, 0.1, 0.5, 0.9),
    start_unix_s=ARRIVED_UNIX_S,
    end_unix_s=None,
    frame_unix_s=ARRIVED_UNIX_S,
    frame_mono_s=1.0,
)


def left_after(seconds: float) -> str | None:
    event = replace(EVENT, end_unix_s=ARRIVED_UNIX_S + seconds, frame_unix_s=ARRIVED_UNIX_S + seconds + 5)
    return line(EventChange(ChangeType.END, event), "front_door", ARRIVED_UNIX_S + seconds + 5, UTC)


def test_an_arrival_says_when_where_what_and_how_sure() -> None:
    change = EventChange(ChangeType.NEW, EVENT)
    assert line(change, "front_door", ARRIVED_UNIX_S, UTC) == "03:14:05  front_door  person arrived (87 %)"


def test_the_time_is_that_of_the_place() -> None:
    change = EventChange(ChangeType.NEW, EVENT)
    assert (
        line(change, "Front door", ARRIVED_UNIX_S, timezone(timedelta(hours=2)))
        == "05:14:05  Front door  person arrived (87 %)"
    )


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.0, "1 s"), (7.2, "7 s"), (59.4, "59 s"), (60.0, "1 min 0 s"), (754.6, "12 min 35 s")]
)
def test_a_departure_says_how_long_it_was_there_and_not_how_long_the_bridge_waited(seconds: float, words: str) -> None:
    text = left_after(seconds)
    assert text is not None
    assert text.endswith(f"  front_door  person left after {words}")


def test_a_departure_carries_the_time_at_which_it_is_told() -> None:
    text = left_after(7.0)
    assert text is not None
    assert text.startswith("03:14:17  ")


def test_an_update_is_no_news() -> None:
    assert line(EventChange(ChangeType.UPDATE, EVENT), "front_door", ARRIVED_UNIX_S, UTC) is None


def test_without_a_zone_it_is_the_machines_own() -> None:
    text = line(EventChange(ChangeType.NEW, EVENT), "front_door", ARRIVED_UNIX_S)
    assert text is not None
    assert text.endswith(":05  front_door  person arrived (87 %)")
