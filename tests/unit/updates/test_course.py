from __future__ import annotations

import pytest

from bridge.updates.course import RETURN_S, SILENCE_S, Course, Step


def begun() -> Course:
    """An update to 1.1.0 that began at 1000 s."""
    return Course.begun("1.1.0", 1000.0)


def test_it_goes_from_the_order_to_the_return() -> None:
    course = begun()
    course.progressed(30, 100, 1001.0)
    assert (course.step, course.percent, course.ended) == (Step.LOADING, 30, None)
    course.answered("", 1002.0)
    assert (course.step, course.percent, course.ended) == (Step.RESTARTING, 100, None)
    course.left()
    course.greeted("1.1.0", 1010.0)
    assert course.ended == ""


def test_a_refusal_ends_it() -> None:
    course = begun()
    course.answered("the SHA-256 is not the one announced", 1001.0)
    assert course.ended == "the SHA-256 is not the one announced"


def test_a_connection_that_breaks_while_it_loads_ends_nothing() -> None:
    course = begun()
    course.left()
    course.greeted("1.0.0", 1000.0 + SILENCE_S - 1)
    course.check(1000.0 + SILENCE_S + 1)
    assert course.ended is None
    course.progressed(99, 100, 1000.0 + SILENCE_S + 2)
    course.answered("", 1000.0 + SILENCE_S + 3)
    assert course.step is Step.RESTARTING


def test_an_answer_that_was_lost_is_not_missed() -> None:
    course = begun()
    course.left()
    course.greeted("1.1.0", 1010.0)
    assert course.ended == ""


def test_who_comes_back_with_another_version_took_the_old_one_back() -> None:
    course = begun()
    course.answered("", 1001.0)
    course.greeted("1.0.0", 1001.5)  # on the old connection, before it starts again
    assert course.ended is None
    course.left()
    course.greeted("1.0.0", 1300.0)
    assert course.ended == "version 1.1.0 did not reach the bridge: the camera went back to 1.0.0"


@pytest.mark.parametrize("answered", [False, True])
def test_who_takes_too_long_is_given_up(answered: bool) -> None:
    course = begun()
    patience_s = SILENCE_S
    if answered:
        course.answered("", 1000.0)
        patience_s = RETURN_S
    course.check(1000.0 + patience_s - 0.1)
    assert course.ended is None
    course.check(1000.0 + patience_s)
    assert course.ended
    assert ("has not come back for 7 minutes" if answered else "said nothing for 90 s") in course.ended


def test_an_empty_image_is_no_division_by_nothing() -> None:
    course = begun()
    course.progressed(0, 0, 1001.0)
    assert course.percent == 0
