from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bridge.runtime.load import LoadWatch


def _changes(shares_missed: list[float]) -> list[bool]:
    """What is said over half minutes in which this share of 1000 was missed."""
    watch, done, missed, said = LoadWatch(), 0, 0, []
    watch.look(0.0, 0, 0)
    for number, share in enumerate(shares_missed, 1):
        done += round(1000 * (1 - share))
        missed += round(1000 * share)
        change = watch.look(30.0 * number, done, missed)
        if change is not None:
            said.append(change.behind)
            assert round(change.promised_per_s * 30) == 1000
    return said


def test_a_few_misses_are_nothing_to_speak_of() -> None:
    assert _changes([0.0, 0.05, 0.09, 0.0]) == []


def test_falling_behind_is_said_once_and_keeping_up_again_once() -> None:
    assert _changes([0.0, 0.5, 0.6, 0.2, 0.05, 0.01, 0.0]) == [True, False]


def test_a_machine_on_the_edge_does_not_fill_the_log() -> None:
    assert _changes([0.12, 0.08, 0.12, 0.05, 0.11, 0.03] * 20) == [True]


def test_nothing_asked_for_is_kept_up_with() -> None:
    watch = LoadWatch()
    assert [watch.look(float(second), 0, 0) for second in range(0, 300, 10)] == [None] * 30


@given(st.lists(st.floats(0, 1), max_size=30))
def test_what_is_said_alternates_and_begins_with_falling_behind(shares: list[float]) -> None:
    said = _changes(shares)
    assert said == [index % 2 == 0 for index in range(len(said))]
