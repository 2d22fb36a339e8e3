from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.adapt.evidence import Grade, Verdict
from bridge.adapt.governor import (
    BAD_S,
    FUTILE_S,
    FUTILE_STEPS,
    MOST_PATIENCE_S,
    PATIENCE_S,
    PROBATION_S,
    SETTLE_S,
    Governor,
)

LOWEST = 6


@dataclass
class House:
    """A governor that is asked once a second."""

    governor: Governor = field(default_factory=Governor)
    now_s: float = 1000.0

    def run(
        self,
        seconds: float,
        grade: Grade,
        *,
        eventful: bool = False,
        lowest: int = LOWEST,
        share: float | None = None,
    ) -> list[int]:
        """So long with a link like this; the levels that it went to."""
        levels: list[int] = []
        for _ in range(int(seconds)):
            self.now_s += 1
            if self.governor.decide(Verdict(grade, grade.value, share), lowest, self.now_s, eventful=eventful):
                levels.append(self.governor.level)
        return levels

    def until(self, grade: Grade) -> float:
        """How long it takes with a link like this until the level changes."""
        began_s = self.now_s
        while not self.run(1, grade):
            assert self.now_s - began_s < 5000, "never"
        return self.now_s - began_s


def test_a_bad_link_costs_a_step_after_some_seconds_and_settles() -> None:
    house = House()
    assert house.run(BAD_S, Grade.BAD) == []
    assert house.run(1, Grade.BAD) == [1]
    assert house.governor.reason == "bad"
    assert house.run(SETTLE_S + BAD_S - 1, Grade.BAD) == []
    assert house.run(1, Grade.BAD) == [2]


def test_a_severely_bad_one_costs_two() -> None:
    assert House().run(60, Grade.SEVERE) == [2, 4, 6]


def test_it_never_goes_below_the_last_step() -> None:
    house = House()
    assert house.run(600, Grade.BAD)[-1] == LOWEST
    assert house.run(600, Grade.SEVERE) == []
    assert House().run(600, Grade.BAD, lowest=0) == []
    assert house.run(1, Grade.FAIR, lowest=2) == []
    assert house.governor.level == 2, "there are fewer steps now"


def test_a_short_trouble_costs_nothing() -> None:
    house = House()
    for _ in range(20):
        house.run(BAD_S, Grade.BAD)
        house.run(1, Grade.FAIR)
    assert house.governor.level == 0


def test_while_an_event_is_open_it_is_quicker() -> None:
    assert House().run(3, Grade.BAD, eventful=True) == [1]


def test_a_good_link_wins_the_steps_back_one_by_one() -> None:
    house = House()
    house.run(30, Grade.SEVERE)
    assert house.governor.level == 4
    assert house.run(600, Grade.GOOD) == [3, 2, 1, 0]
    assert house.governor.reason == ""


def test_a_fair_one_leaves_everything_as_it_is() -> None:
    house = House()
    house.run(10, Grade.BAD)
    assert house.run(5000, Grade.FAIR) == []
    house.run(PATIENCE_S - 5, Grade.GOOD)
    house.run(1, Grade.FAIR)
    assert house.run(PATIENCE_S - 5, Grade.GOOD) == [], "good without a break"


def test_a_step_that_does_not_hold_is_tried_ever_more_seldom() -> None:
    house = House()
    house.run(10, Grade.BAD)
    waits_s = []
    for _ in range(7):
        waits_s.append(house.until(Grade.GOOD))
        house.until(Grade.BAD)
    assert waits_s[0] == pytest.approx(PATIENCE_S, abs=SETTLE_S + 2)
    assert all(later > 1.6 * earlier for earlier, later in pairwise(waits_s[:5]))
    assert waits_s[-1] == pytest.approx(MOST_PATIENCE_S, abs=SETTLE_S + 2)


def test_steps_that_hold_make_it_trust_again() -> None:
    house = House()
    house.run(100, Grade.SEVERE)
    for _ in range(3):
        house.until(Grade.GOOD)
        house.until(Grade.BAD)
    slow_s = house.until(Grade.GOOD)
    house.run(PROBATION_S + 1, Grade.FAIR)
    assert house.until(Grade.GOOD) < slow_s


def test_who_sets_something_gets_it_at_once() -> None:
    house = House()
    house.run(60, Grade.SEVERE)
    house.governor.begin_anew(house.now_s)
    assert (house.governor.level, house.governor.reason) == (0, "")
    assert house.run(SETTLE_S - 1, Grade.SEVERE) == [], "and it is given its time"


def test_a_camera_that_was_away_is_judged_anew() -> None:
    house = House()
    house.run(BAD_S, Grade.BAD)
    house.governor.pause()
    assert house.run(BAD_S, Grade.BAD) == []


def test_what_sending_less_does_not_help_is_taken_back_and_left_for_a_while() -> None:
    house = House()
    assert house.run(100, Grade.BAD, share=0.1) == [1, 2, 3, 0]
    assert house.governor.reason == ""
    assert house.run(FUTILE_S - 60, Grade.BAD, share=0.1) == []
    assert house.run(30, Grade.BAD) == [1, 2], "trouble of another kind counts all the same"
    assert house.run(200, Grade.BAD, share=0.1)[:1] == [3], "and after a while it is tried again"


def test_what_it_helps_goes_on() -> None:
    house = House()
    shares = iter((0.4, 0.3, 0.2, 0.15, 0.1, 0.08))
    levels = [level for share in shares for level in house.run(16, Grade.BAD, share=share)]
    assert levels == sorted(levels)
    assert levels[-1] > FUTILE_STEPS


@given(st.lists(st.tuples(st.sampled_from(Grade), st.integers(1, 200), st.booleans()), max_size=30))
def test_whatever_the_link_does_the_level_is_one_that_there_is_and_zero_has_no_reason(
    story: list[tuple[Grade, int, bool]],
) -> None:
    house = House()
    for grade, seconds, eventful in story:
        before = house.governor.level
        levels = house.run(seconds, grade, eventful=eventful)
        assert all(0 <= level <= LOWEST for level in levels)
        if grade is Grade.GOOD:
            assert house.governor.level <= before
        elif grade is Grade.FAIR:
            assert house.governor.level == before
        assert bool(house.governor.level) == bool(house.governor.reason)
