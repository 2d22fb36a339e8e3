from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from bridge.runtime.backoff import Backoff

if TYPE_CHECKING:
    import random


def _longest(_low: float, high: float) -> float:
    return high


def test_the_bound_doubles_from_the_first_wait_up_to_the_longest() -> None:
    backoff = Backoff(first_s=1.0, max_s=60.0, uniform=_longest)
    assert [backoff.next_s() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_success_begins_anew() -> None:
    backoff = Backoff(first_s=0.5, max_s=60.0, uniform=_longest)
    assert [backoff.next_s() for _ in range(3)] == [0.5, 1.0, 2.0]
    backoff.reset()
    assert backoff.next_s() == 0.5


def test_the_first_wait_is_never_longer_than_the_longest() -> None:
    assert Backoff(first_s=10.0, max_s=3.0, uniform=_longest).next_s() == 3.0


def test_days_of_tries_do_not_overflow() -> None:
    backoff = Backoff(uniform=_longest)
    waits = [backoff.next_s() for _ in range(5000)]
    assert waits[-1] == 60.0


@given(st.floats(0.01, 100), st.floats(0.01, 1000), st.integers(1, 40), st.randoms(use_true_random=False))
def test_waits_are_spread_between_a_tenth_of_the_bound_and_the_bound(
    first_s: float, max_s: float, tries: int, chance: random.Random
) -> None:
    backoff = Backoff(first_s, max_s, chance.uniform)
    for tried in range(tries):
        bound_s = min(max_s, first_s * 2**tried)
        assert 0.1 * bound_s * 0.999 <= backoff.next_s() <= bound_s * 1.001


def test_a_herd_does_not_come_back_at_once() -> None:
    waits = [Backoff(first_s=8.0).next_s() for _ in range(50)]
    assert max(waits) - min(waits) > 2.0
