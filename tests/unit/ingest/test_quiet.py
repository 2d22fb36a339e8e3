from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from bridge.ingest.quiet import OncePerMinute


def test_the_first_line_is_due_at_once_and_the_next_after_a_minute() -> None:
    quiet = OncePerMinute()
    assert quiet.due("door", 0.0) == 0
    assert quiet.due("door", 30.0) is None
    assert quiet.due("door", 59.9) is None
    assert quiet.due("door", 60.0) == 2
    assert quiet.due("door", 119.9) is None
    assert quiet.due("door", 500.0) == 1


def test_one_key_does_not_silence_another() -> None:
    quiet = OncePerMinute()
    assert quiet.due("door", 0.0) == 0
    assert quiet.due("yard", 0.0) == 0


def test_the_interval_can_be_chosen() -> None:
    quiet = OncePerMinute(interval_s=5.0)
    assert [quiet.due("door", at) for at in (0.0, 4.0, 5.0)] == [0, None, 1]


def test_ever_new_keys_do_not_fill_the_memory() -> None:
    quiet = OncePerMinute()
    for number in range(5000):
        quiet.due(f"10.0.{number // 256}.{number % 256}", number / 100)
    assert len(quiet._last) <= 1000


def test_old_keys_are_forgotten_before_young_ones() -> None:
    quiet = OncePerMinute()
    for number in range(999):
        quiet.due(f"old {number}", 0.0)
    quiet.due("young", 70.0)
    assert quiet.due("one too many", 80.0) == 0
    assert quiet.due("young", 90.0) is None


@given(st.lists(st.floats(0, 1000), max_size=50))
def test_two_lines_are_never_closer_than_a_minute_and_none_is_lost(times: list[float]) -> None:
    quiet = OncePerMinute()
    lines = [(at, passed_over) for at in sorted(times) if (passed_over := quiet.due("door", at)) is not None]
    assert all(later[0] - earlier[0] >= 60 for earlier, later in itertools.pairwise(lines))
    assert sum(passed_over + 1 for _, passed_over in lines) <= len(times)
    assert not times or lines
