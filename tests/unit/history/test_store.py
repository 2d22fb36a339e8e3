"""What the store promises, whatever the database; ``tests/integration/history`` runs the same on PostgreSQL."""

from __future__ import annotations

import itertools
import random
import threading
from dataclasses import replace
from typing import Any

import pytest

from bridge.errors import HistoryError
from bridge.history.store import EventStore
from bridge.model import Event, EventQuery, Letter

_T0 = 1_795_564_800.0
_INVALID: Any = None  # a value that every database refuses where one is needed


def visit(
    began_s: float = 0.0,
    camera_id: str = "door",
    label: str = "person",
    end_s: float | None = None,
    zones: tuple[str, ...] = (),
    *,
    picture: bool = False,
) -> Event:
    """An event that began so many seconds after ``_T0``; the same seconds make the same id."""
    return Event(
        id=f"{round(1000 * (_T0 + began_s)):013d}-00000a",
        camera_id=camera_id,
        label=label,
        score=0.7,
        top_score=0.9,
        box_xyxy_norm=(0.1, 0.2, 0.3, 0.4),
        start_unix_s=_T0 + began_s,
        end_unix_s=None if end_s is None else _T0 + end_s,
        frame_unix_s=_T0 + began_s + 1,
        frame_mono_s=0.0,
        entered_zones=zones,
        has_thumbnail=picture,
    )


def over(began_s: float, **fields: Any) -> Event:  # noqa: ANN401 - those of visit
    """A visit that ended after a second."""
    return visit(began_s, end_s=began_s + 1, **fields)


def letter(text: str = "text", camera_id: str = "door") -> Letter:
    return Letter(0, camera_id, "1795564800000-00000a", f"espcam/{camera_id}/events", text.encode())


def times_of(events: Any) -> list[float]:  # noqa: ANN401 - of events or ids
    """When they began, in seconds after ``_T0``."""
    ids = [getattr(event, "id", event) for event in events]
    return [round(int(event_id[:13]) / 1000 - _T0, 3) for event_id in ids]


def fill(store: EventStore, *events: Event) -> None:
    store.record_many([(event, ()) for event in events])


# --- events ------------------------------------------------------------------------------------------------------


def test_an_event_comes_back_as_it_was_recorded_but_for_a_clock_that_is_gone(store: EventStore) -> None:
    event = replace(
        visit(0.123456, end_s=9.87654321, picture=True),
        score=0.1 + 0.2,
        box_xyxy_norm=(0.0, 1 / 3, 2 / 3, 1.0),
        frame_mono_s=12345.6,
        captured_unix_s=_T0 + 1.5,
        detected_unix_s=_T0 + 1.75,
        zones=("Größe", 'a "b"'),
        entered_zones=('a "b"', "Größe", "street"),
        stationary=True,
        has_snapshot=True,
    )
    store.record(event)
    assert store.get(event.id) == replace(event, frame_mono_s=0.0)


def test_a_later_change_replaces_the_whole_row(store: EventStore) -> None:
    fill(store, visit(zones=("porch",)), replace(visit(zones=("porch", "path"), picture=True), top_score=0.95))
    assert store.get(visit().id) == replace(visit(zones=("porch", "path"), picture=True), top_score=0.95)


def test_a_change_makes_up_for_those_before_that_could_not_be_written(store: EventStore) -> None:
    fill(store, over(0, zones=("porch",)))
    assert store.get(visit().id) == over(0, zones=("porch",))
    assert times_of(store.page(EventQuery(zone="porch")).events) == [0]


def test_an_event_that_has_ended_never_opens_again(store: EventStore) -> None:
    fill(store, over(0), visit(0, label="dog"))
    assert store.get(visit().id) == over(0)
    assert store.open_events() == []


def test_an_end_may_be_written_again(store: EventStore) -> None:
    fill(store, visit(0, end_s=5), visit(0, end_s=6))
    assert store.get(visit().id) == visit(0, end_s=6)


def test_there_is_no_event_of_an_unknown_id_nor_of_one_that_is_no_id(store: EventStore) -> None:
    fill(store, visit())
    assert store.get("1795564800000-ffffff") is None
    assert store.get("../../etc/passwd") is None
    assert store.get("1795564800000-00000a\n") is None


def test_open_events_are_those_that_began_and_did_not_end_oldest_first(store: EventStore) -> None:
    fill(store, visit(3), over(2), visit(1), visit(0, end_s=0))
    assert times_of(store.open_events()) == [1, 3]


def test_known_tells_which_events_there_are(store: EventStore) -> None:
    fill(store, visit(1), over(2))
    many = [visit(second).id for second in range(1, 1300)]
    assert store.known(many) == {visit(1).id, visit(2).id}
    assert store.known([]) == set()


# --- letters -----------------------------------------------------------------------------------------------------


def test_letters_come_back_as_they_were_in_the_order_of_their_numbers(store: EventStore) -> None:
    first = store.record(visit(), [letter("a"), letter("b", "yard")])
    second = store.record_many([(visit(), [letter("c")]), (visit(1), ()), (visit(2), [letter("d\0\xff")])])
    numbers = first + second
    assert numbers == sorted(set(numbers))
    assert numbers[0] >= 1
    sent = [letter("a"), letter("b", "yard"), letter("c"), letter("d\0\xff")]
    assert store.waiting() == [replace(one, number=number) for one, number in zip(sent, numbers, strict=True)]


def test_an_event_and_its_letters_are_written_together_or_not_at_all(store: EventStore) -> None:
    with pytest.raises(HistoryError):
        store.record(over(0, zones=("porch",)), [letter(), replace(letter(), topic=_INVALID)])
    assert store.get(visit().id) is None
    assert store.page(EventQuery(zone="porch")).events == ()
    assert store.count_waiting() == 0


def test_several_changes_are_written_together_or_not_at_all(store: EventStore) -> None:
    with pytest.raises(HistoryError):
        store.record_many([(visit(0), [letter()]), (replace(visit(1), label=_INVALID), [letter()])])
    assert store.page(EventQuery()).events == ()
    assert store.count_waiting() == 0


def test_delivered_letters_are_gone_and_the_others_stay(store: EventStore) -> None:
    numbers = store.record(visit(), [letter(text) for text in "abcd"])
    store.delivered([numbers[1], numbers[3], 10_000])
    store.delivered({numbers[1]})
    store.delivered([])
    assert [one.payload for one in store.waiting()] == [b"a", b"c"]
    assert store.count_waiting() == 2


def test_any_number_of_letters_is_delivered_at_once(store: EventStore) -> None:
    numbers = store.record(visit(), [letter()] * 1200)
    store.delivered(numbers[:-1])
    assert [one.number for one in store.waiting()] == numbers[-1:]


def test_waiting_letters_are_read_in_portions(store: EventStore) -> None:
    numbers = store.record(visit(), [letter(text) for text in "abcde"])
    assert [one.payload for one in store.waiting(limit=2)] == [b"a", b"b"]
    assert [one.payload for one in store.waiting(after=numbers[1], limit=2)] == [b"c", b"d"]
    assert store.waiting(after=numbers[4]) == []


def test_a_number_never_comes_again(store: EventStore, url: str) -> None:
    (first,) = store.record(visit(), [letter()])
    store.delivered([first])
    again = EventStore(url)
    again.open()
    try:
        (second,) = again.record(visit(), [letter()])
    finally:
        again.close()
    assert second > first


def test_everything_outlives_the_process(store: EventStore, url: str) -> None:
    numbers = store.record(visit(), [letter()])
    store.close()
    store = EventStore(url)
    store.open()
    try:
        assert store.open_events() == [visit()]
        assert [one.number for one in store.waiting()] == numbers
    finally:
        store.close()


# --- queries -----------------------------------------------------------------------------------------------------


def test_pages_are_newest_first_and_end_with_no_cursor(store: EventStore) -> None:
    fill(store, *(over(second) for second in range(5)))
    first = store.page(EventQuery(limit=2))
    second = store.page(EventQuery(limit=2, cursor=first.next_cursor))
    third = store.page(EventQuery(limit=2, cursor=second.next_cursor))
    assert [times_of(page.events) for page in (first, second, third)] == [[4, 3], [2, 1], [0]]
    assert third.next_cursor is None


def test_a_page_that_takes_all_that_is_left_is_the_last_one(store: EventStore) -> None:
    fill(store, over(0), over(1))
    assert store.page(EventQuery(limit=2)).next_cursor is None
    assert store.page(EventQuery(label="dog")) == replace(store.page(EventQuery(limit=2)), events=())


def test_events_that_come_or_go_between_pages_neither_repeat_nor_hide_others(store: EventStore) -> None:
    fill(store, *(over(second) for second in range(6)))
    first = store.page(EventQuery(limit=3))
    fill(store, over(9))
    assert times_of(store.expire(_T0 + 1, 10)) == [0]
    store.expire(_T0 + 3.5, 1)
    assert times_of(first.events) == [5, 4, 3]
    assert times_of(store.page(EventQuery(limit=3, cursor=first.next_cursor)).events) == [2]


def test_every_combination_of_filters_finds_exactly_what_fits(store: EventStore) -> None:
    chance = random.Random(1)  # noqa: S311 - the same events every time
    zones: list[tuple[str, ...]] = [(), ("porch",), ("porch", "path"), ("path",)]
    known = [
        over(second, camera_id=chance.choice(["a", "b"]), label=chance.choice(["x", "y"]), zones=chance.choice(zones))
        for second in range(60)
    ]
    fill(store, *known)
    choices = itertools.product(["a", "none", None], ["x", None], ["porch", "none", None], [10.0, None], [45.0, None])
    for camera_id, label, zone, since_s, until_s in choices:
        fitting = [
            event
            for event in reversed(known)
            if (camera_id is None or event.camera_id == camera_id)
            and (label is None or event.label == label)
            and (zone is None or zone in event.entered_zones)
            and (since_s is None or event.start_unix_s >= _T0 + since_s)
            and (until_s is None or event.start_unix_s < _T0 + until_s)
        ]
        since, until = (None if bound is None else _T0 + bound for bound in (since_s, until_s))
        query = EventQuery(camera_id, label, zone, since, until, limit=7)
        assert list(store.stream(query)) == fitting
        assert store.count(query) == len(fitting)
        assert store.first_unix_s(query) == (min(event.start_unix_s for event in fitting) if fitting else None)
        pages = [store.page(query)]
        while pages[-1].next_cursor:
            pages.append(store.page(replace(query, cursor=pages[-1].next_cursor)))
        assert [event for page in pages for event in page.events] == fitting


def test_an_event_is_found_by_every_zone_that_it_was_ever_in(store: EventStore) -> None:
    fill(store, visit(0, zones=("path",)), visit(0, zones=("path", "porch")), replace(visit(1), zones=("path",)))
    assert times_of(store.page(EventQuery(zone="path")).events) == [1, 0]
    assert times_of(store.page(EventQuery(zone="porch")).events) == [0]


def test_since_counts_the_moment_itself_and_until_does_not(store: EventStore) -> None:
    fill(store, over(0.25), over(0.5), over(0.75))
    assert times_of(store.page(EventQuery(since_unix_s=_T0 + 0.5)).events) == [0.75, 0.5]
    assert times_of(store.page(EventQuery(until_unix_s=_T0 + 0.5)).events) == [0.25]


@pytest.mark.parametrize("bound", [-1e300, -1.0, 1e300, float("inf"), float("-inf")])
def test_times_beyond_all_events_are_bounds_as_well(store: EventStore, bound: float) -> None:
    fill(store, over(0))
    assert len(store.page(EventQuery(since_unix_s=bound)).events) == (bound < 0)
    assert len(store.page(EventQuery(until_unix_s=bound)).events) == (bound > 0)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (EventQuery(cursor="17955648"), "cursor must be the next_cursor"),
        (EventQuery(cursor=""), "cursor must be the next_cursor"),
        (EventQuery(cursor="1795564800000-00000A"), "cursor must be the next_cursor"),
        (EventQuery(limit=0), "limit must be 1 or more, not 0"),
        (EventQuery(since_unix_s=float("nan")), "since must be a time"),
        (EventQuery(until_unix_s=float("nan")), "until must be a time"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_in_words(store: EventStore, query: EventQuery, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        store.page(query)


def test_everything_is_streamed_over_the_borders_of_pages(store: EventStore) -> None:
    fill(store, *(over(second) for second in range(1001)))
    assert times_of(store.stream(EventQuery(limit=1))) == list(range(1000, -1, -1))


def test_many_threads_read_while_one_writes(store: EventStore) -> None:
    failed: list[BaseException] = []

    def read() -> None:
        try:
            while not ended.is_set():
                times = times_of(store.page(EventQuery(limit=5)).events)
                assert times == sorted(times, reverse=True)
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    ended = threading.Event()
    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for second in range(20):
        store.record(over(second), [letter()])
    ended.set()
    for thread in threads:
        thread.join()
    assert failed == []


# --- making room -------------------------------------------------------------------------------------------------


def test_the_oldest_events_that_are_over_expire_with_their_zones(store: EventStore) -> None:
    fill(store, visit(0, zones=("porch",)), *(over(second, zones=("porch",)) for second in range(1, 6)))
    assert times_of(store.expire(_T0 + 5, limit=3)) == [1, 2, 3]
    assert times_of(store.expire(_T0 + 5, limit=3)) == [4]
    assert store.expire(_T0 + 5, limit=3) == []
    assert times_of(store.page(EventQuery()).events) == [5, 0]
    assert store.count(EventQuery(zone="porch")) == 2


def test_letters_outlive_the_event_that_they_tell_of(store: EventStore) -> None:
    numbers = store.record(over(0), [letter()])
    store.expire(_T0 + 5, limit=3)
    assert [one.number for one in store.waiting()] == numbers


def test_any_number_of_events_expires_at_once(store: EventStore) -> None:
    fill(store, *(over(second) for second in range(600)))
    assert len(store.expire(_T0 + 1000, 10_000)) == 600


def test_the_oldest_events_with_pictures_are_those_that_are_over(store: EventStore) -> None:
    fill(store, visit(0, picture=True), over(1), over(2, picture=True), replace(over(3), has_snapshot=True))
    assert times_of(store.oldest(2)) == [1, 2]
    assert times_of(store.oldest_with_pictures(5)) == [2, 3]
    assert times_of(store.oldest_with_pictures(1)) == [2]


def test_an_event_whose_pictures_went_stays_and_says_so(store: EventStore) -> None:
    fill(store, replace(over(2, picture=True), has_snapshot=True), over(3, picture=True))
    store.forget_pictures([visit(2).id])
    store.forget_pictures([])
    assert store.get(visit(2).id) == over(2)
    assert times_of(store.oldest_with_pictures(5)) == [3]


# --- opening -----------------------------------------------------------------------------------------------------


def test_before_it_is_open_and_after_it_was_closed_the_history_says_so(store: EventStore, url: str) -> None:
    closed = EventStore(url)
    store.close()
    for one in (closed, store):
        with pytest.raises(HistoryError, match="not open"):
            one.page(EventQuery())
        with pytest.raises(HistoryError, match="not open"):
            one.record(visit())


def test_opening_and_closing_twice_is_fine(store: EventStore) -> None:
    fill(store, visit())
    store.open()
    assert store.get(visit().id) == visit()
    store.close()
    store.close()
    store.open()
    assert store.get(visit().id) == visit()
