"""The history in a list keeps what the port promises, so that tests with it mean something."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import HistoryError
from bridge.model import Event, EventQuery, PictureKind
from bridge.serve.fake import FakePastEvents

if TYPE_CHECKING:
    from collections.abc import Callable

ALL = EventQuery()


@given(st.sets(st.tuples(st.integers(1000, 1020), st.sampled_from("ab")), max_size=30), st.integers(1, 7))
def test_the_pages_together_are_what_the_stream_gives(when_where: set[tuple[int, str]], limit: int) -> None:
    past = FakePastEvents(
        [
            Event(f"{at * 1000:013d}-{number:06x}", camera, "cat", 1, 1, (0, 0, 1, 1), at, None, at, 0)
            for number, (at, camera) in enumerate(when_where)
        ]
    )
    query = EventQuery(camera_id="a", since_unix_s=1003, until_unix_s=1015, limit=limit)
    paged: list[Event] = []
    for _ in range(len(when_where) + 1):
        page = past.page(query)
        assert len(page.events) == limit or page.next_cursor is None
        paged += page.events
        if page.next_cursor is None:
            break
        query = replace(query, cursor=page.next_cursor)
    else:
        pytest.fail("there is always another page")
    assert paged == list(past.stream(query))
    assert [event.id for event in paged] == sorted((event.id for event in paged), reverse=True)
    assert len(paged) == sum(where == "a" and 1003 <= at < 1015 for at, where in when_where)


def test_a_cursor_that_is_none_of_its_own_is_refused() -> None:
    with pytest.raises(ValueError, match="no event's id"):
        FakePastEvents().page(EventQuery(cursor="x"))


def test_a_failure_comes_from_everything_and_from_a_stream_when_it_is_its_turn(
    make_event: Callable[..., Event],
) -> None:
    past = FakePastEvents([make_event(number=number) for number in range(3)], failure=HistoryError("gone", "wait"))
    for ask in (
        lambda: past.page(ALL),
        lambda: past.get("x"),
        lambda: past.picture("x", PictureKind.THUMBNAIL),
        lambda: next(past.stream(ALL)),
    ):
        with pytest.raises(HistoryError, match="gone; wait"):
            ask()
    past.fails_after = 2
    stream = past.stream(ALL)
    assert [next(stream).id, next(stream).id]
    with pytest.raises(HistoryError):
        next(stream)
