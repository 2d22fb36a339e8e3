from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from bridge.errors import HistoryError
from bridge.history.media import MediaFolder
from bridge.history.retention import JUMP_S, STEADY_S, Retention
from bridge.model import Event, EventQuery, PictureKind

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.history.store import EventStore

_DAY_S = 86_400.0
_NOW_S = 1_795_564_800.0
_JPEG = bytes(1000)


def over(days_ago: float, number: int = 0) -> Event:
    """An event that has long ended."""
    began_s = _NOW_S - days_ago * _DAY_S
    event_id = f"{round(1000 * began_s):013d}-{number:06x}"
    return Event(event_id, "door", "person", 0.7, 0.9, (0.0, 0.0, 1.0, 1.0), began_s, began_s + 5, began_s, 0.0)


@dataclass
class House:
    """A history that the test lets grow old.

    Attributes:
        now_s: the wall clock.
    """

    store: EventStore
    media: MediaFolder
    retention: Retention
    now_s: float = _NOW_S

    def record(self, *events: Event, picture: bool = False) -> None:
        for event in events:
            if picture:
                self.media.write(event.id, PictureKind.THUMBNAIL, _JPEG)
            self.store.record(replace(event, has_thumbnail=picture))

    def pass_time(self, seconds: float, step_s: float = 60.0) -> None:
        """Step as the bridge does: every so often, and until there is nothing more to do."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.now_s = min(self.now_s + step_s, until_s)
            while self.retention.step(self.now_s):
                pass

    def ids(self) -> list[str]:
        return [event.id for event in self.store.stream(EventQuery())][::-1]

    def pictures(self) -> list[str]:
        """The ids of the events that have one, in the database and in the folder alike."""
        told = [event.id for event in self.store.stream(EventQuery()) if event.has_thumbnail][::-1]
        assert [event_id for event_id in self.ids() if self.media.read(event_id, PictureKind.THUMBNAIL)] == told
        return told


@pytest.fixture
def house(store: EventStore, tmp_path: Path) -> House:
    media = MediaFolder(tmp_path / "media")
    return House(store, media, Retention(store, media, retain_days=14, max_media_bytes=5000))


# --- days --------------------------------------------------------------------------------------------------------


def test_events_that_are_too_old_go_with_their_pictures(house: House) -> None:
    old, young = over(14.5), over(13.5)
    house.record(old, young, picture=True)
    house.pass_time(3600)
    assert house.ids() == house.pictures() == [young.id]
    assert house.media.read(old.id, PictureKind.THUMBNAIL) is None


def test_an_event_goes_when_it_gets_too_old_and_not_before(house: House) -> None:
    event = over(13)
    house.record(event)
    house.pass_time(_DAY_S - 60, step_s=120)
    assert house.ids() == [event.id]
    house.pass_time(300)
    assert house.ids() == []


def test_an_event_that_lasts_stays_however_old_it_is(house: House) -> None:
    lasting = replace(over(30), end_unix_s=None)
    house.record(lasting, over(29))
    house.pass_time(7200)
    assert house.ids() == [lasting.id]


def test_one_step_deletes_only_so_much(house: House) -> None:
    house.record(*(over(20, number) for number in range(130)))
    house.retention.step(house.now_s)
    for _ in range(12):
        house.now_s += 60
        if house.retention.step(house.now_s):
            break
    assert len(house.ids()) == 80
    assert house.retention.step(house.now_s)
    assert not house.retention.step(house.now_s)
    assert house.ids() == []


def test_time_in_which_nothing_happened_is_skipped(house: House) -> None:
    """A clock that began in 1970 leaves events of that year; the years after it need no waiting for."""
    house.record(replace(over(0), id="0000000060000-000000"), over(20), over(1))
    house.pass_time(STEADY_S + 1200)
    assert house.ids() == [over(1).id]


# --- a clock that is not to be trusted ---------------------------------------------------------------------------


def test_a_clock_is_not_believed_before_it_went_steadily_for_a_while(house: House) -> None:
    house.record(over(20))
    house.pass_time(STEADY_S)
    assert house.ids() == [over(20).id]
    house.pass_time(120)
    assert house.ids() == []


def test_a_clock_that_jumps_years_ahead_does_not_take_the_history_with_it(house: House) -> None:
    house.record(*(over(days) for days in range(1, 14)))
    house.pass_time(3600)
    house.now_s += 12 * 365 * _DAY_S
    house.pass_time(STEADY_S)
    assert len(house.ids()) == 13
    house.pass_time(6 * 600)
    assert len(house.ids()) == 13 - 6, "a day for each ten minutes"
    house.now_s -= 12 * 365 * _DAY_S + STEADY_S + 3600
    house.pass_time(7200)
    assert len(house.ids()) == 13 - 6, "the clock is right again"


def test_a_clock_that_was_wrong_from_the_start_does_not_either(house: House) -> None:
    house.record(*(over(days) for days in range(1, 14)))
    house.now_s += 12 * 365 * _DAY_S
    house.pass_time(STEADY_S + 600)
    assert len(house.ids()) >= 12


@pytest.mark.parametrize("jump_s", [JUMP_S + 61, -JUMP_S - 61])
def test_a_jump_either_way_begins_the_waiting_anew(house: House, jump_s: float) -> None:
    house.record(over(20))
    house.pass_time(STEADY_S - 60)
    house.now_s += jump_s
    house.pass_time(STEADY_S)
    assert house.ids() == [over(20).id]
    house.pass_time(180)
    assert house.ids() == []


def test_a_clock_that_is_set_right_by_seconds_has_not_jumped(house: House) -> None:
    house.record(over(20))
    for _ in range(11):
        house.pass_time(60)
        house.now_s -= 2
    house.pass_time(120)
    assert house.ids() == []


def test_a_clock_in_the_past_deletes_nothing(house: House) -> None:
    house.record(over(20), over(1))
    house.now_s = 5000.0
    house.pass_time(7200)
    assert len(house.ids()) == 2


# --- megabytes ---------------------------------------------------------------------------------------------------


def test_when_pictures_take_too_much_the_oldest_go_and_their_events_stay_and_say_so(house: House) -> None:
    events = [over(9 - number) for number in range(8)]
    house.record(*events, picture=True)
    assert not house.retention.step(house.now_s), "at once, whatever the clock says"
    assert house.ids() == [event.id for event in events]
    assert house.pictures() == [event.id for event in events[3:]]
    assert house.media.total_bytes() == 5000


def test_pictures_of_an_event_that_lasts_are_never_taken(house: House) -> None:
    lasting = [replace(over(9 - number), end_unix_s=None) for number in range(8)]
    house.record(*lasting, picture=True)
    assert not house.retention.step(house.now_s)
    assert len(house.pictures()) == 8


def test_a_row_that_names_a_picture_that_is_gone_is_put_right(house: House) -> None:
    events = [over(9 - number) for number in range(8)]
    house.record(*events, picture=True)
    house.media.remove([events[0].id])  # killed between the file and the row
    house.retention.step(house.now_s)
    assert house.pictures() == [event.id for event in events[3:]]


# --- orphans -----------------------------------------------------------------------------------------------------


def _orphan(house: House, event: Event) -> str:
    house.media.write(event.id, PictureKind.THUMBNAIL, _JPEG)
    os.utime(house.media.path(event.id, PictureKind.THUMBNAIL), (_NOW_S - 7200, _NOW_S - 7200))
    return event.id


def _there(house: House, event_id: str) -> bool:
    return house.media.read(event_id, PictureKind.THUMBNAIL) is not None


def test_pictures_without_an_event_go_at_the_start_and_every_hour(house: House) -> None:
    first = _orphan(house, over(1))
    kept = _orphan(house, over(2))
    house.record(over(2))
    house.pass_time(STEADY_S + 60)
    assert not _there(house, first)
    second = _orphan(house, over(1))
    house.pass_time(3000)
    assert _there(house, second)
    house.pass_time(900)
    assert not _there(house, second)
    assert _there(house, kept)


def test_after_a_jump_the_looking_for_them_begins_anew(house: House) -> None:
    house.pass_time(STEADY_S + 7200)
    house.now_s += 2 * JUMP_S
    house.pass_time(60)
    orphan = _orphan(house, over(1))
    house.pass_time(STEADY_S)
    assert not _there(house, orphan)


def test_many_files_are_swept_in_slices(house: House) -> None:
    house.retention = Retention(house.store, house.media, retain_days=14, max_media_bytes=10**9)
    for number in range(150):
        _orphan(house, over(1, number))
    house.retention.step(house.now_s)
    house.now_s += 299
    house.retention.step(house.now_s)
    house.now_s += 299
    assert not house.retention.step(house.now_s)
    house.now_s += 100
    assert house.retention.step(house.now_s)
    assert house.media.total_bytes() == 50 * len(_JPEG)
    assert not house.retention.step(house.now_s)
    assert house.media.total_bytes() == 0


def test_after_an_error_the_next_step_goes_on(house: House, store: EventStore) -> None:
    house.record(over(20))
    house.pass_time(STEADY_S)
    store.close()
    with pytest.raises(HistoryError):
        house.pass_time(60)
    store.open()
    house.pass_time(120)
    assert house.ids() == []
