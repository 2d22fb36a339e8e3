"""The ledger: what is written, and what happens when that cannot be done."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bridge.errors import HistoryError
from bridge.history.ledger import Ledger
from bridge.history.media import MediaFolder
from bridge.history.reserve import Reserve
from bridge.history.retention import Retention
from bridge.history.store import EventStore
from bridge.model import ChangeType, Event, EventChange, Letter, PictureKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

FULL = HistoryError("the disk is full", "make room", full=True)
AWAY = HistoryError("the database is away", "start it")


class FailingStore(EventStore):
    """A real store that cannot write while ``failure`` is set, this many times."""

    failure: HistoryError | None = None
    failures = 1_000_000

    def record_many(self, entries: Iterable[tuple[Event, Sequence[Letter]]]) -> list[int]:
        """Fail, or do it."""
        if self.failure is not None and self.failures > 0:
            self.failures -= 1
            raise self.failure
        return super().record_many(entries)


class FailingMedia(MediaFolder):
    """A real folder that cannot be written while ``failure`` is set."""

    failure: HistoryError | None = None

    def write(self, event_id: str, kind: PictureKind, jpeg: bytes) -> None:
        """Fail, or do it."""
        if self.failure is not None:
            raise self.failure
        super().write(event_id, kind, jpeg)


class Kept:
    """A ledger and what it is made of."""

    def __init__(self, folder: Path) -> None:
        self.store = FailingStore(f"sqlite:///{folder / 'history.db'}")
        self.media = FailingMedia(folder / "media")
        self.reserve = Reserve(folder / "reserve", size_bytes=1000, room_bytes=1000)
        retention = Retention(self.store, self.media, retain_days=14, max_media_bytes=10**9)
        self.one_disk = True
        self.ledger = Ledger(self.store, self.media, self.reserve, retention, lambda: self.one_disk)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    kept = Kept(tmp_path)
    kept.ledger.open(0.0)
    yield kept
    kept.store.failure = None
    kept.ledger.close()


def event(number: int, *, ended: bool = False) -> Event:
    start_s = 1_800_000_000.0 + number
    return Event(
        id=f"{round(start_s * 1000):013d}-{number:06x}",
        camera_id="door",
        label="person",
        score=0.5,
        top_score=0.5,
        box_xyxy_norm=(0.0, 0.0, 0.5, 0.5),
        start_unix_s=start_s,
        end_unix_s=start_s + 5 if ended else None,
        frame_unix_s=start_s + 1,
        frame_mono_s=0.0,
    )


def letter(number: int) -> Letter:
    return Letter(0, "door", event(number).id, "espcam/door/events", b"{}")


def test_letters_get_numbers_entry_by_entry(kept: Kept) -> None:
    numbers = kept.ledger.write([(event(1), [letter(1), letter(1)]), (event(2), []), (event(3), [letter(3)])], 0.0)
    assert [len(own) for own in numbers] == [2, 0, 1]
    flat = [number for own in numbers for number in own]
    assert flat == [one.number for one in kept.ledger.waiting(0, 10, 0.0)]
    assert kept.ledger.waiting_count(0.0) == 3
    assert kept.ledger.delivered(flat, 0.0)
    assert kept.ledger.waiting_count(0.0) == 0


def test_what_could_not_be_written_is_written_as_soon_as_that_works_again(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    kept.store.failure = AWAY
    assert kept.ledger.write([(event(1), [letter(1)])], 0.0) == [[0]]
    assert kept.ledger.write([(event(1, ended=True), [letter(1)]), (event(2), [letter(2)])], 1.0) == [[0], [0]]
    status = kept.ledger.status()
    assert not status.ready
    assert "start it" in status.detail
    kept.ledger.tend(5.0, 1_800_000_010.0)  # too early for another try
    kept.store.failure = None
    kept.ledger.tend(9.0, 1_800_000_010.0)
    assert not kept.ledger.keeps
    kept.ledger.tend(11.0, 1_800_000_010.0)
    assert kept.ledger.keeps
    assert kept.ledger.status().ready
    assert kept.store.get(event(1).id) == replace(event(1, ended=True), frame_mono_s=0.0)
    assert kept.store.get(event(2).id) is not None
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"], "said once, and taken back once"


def test_full_disk_takes_the_reserve_then_the_oldest_pictures_before_an_event_is_not_kept(kept: Kept) -> None:
    for number in range(60):
        change = EventChange(ChangeType.END, replace(event(number, ended=True), has_thumbnail=True), b"jpeg", b"jpeg")
        kept.ledger.write([(kept.ledger.keep_pictures(change, 0.0).event, [])], 0.0)
    kept.store.failure, kept.store.failures = FULL, 2
    assert kept.ledger.write([(event(100), [letter(100)])], 0.0) != [[0]]
    assert not kept.reserve.release(), "the reserve is gone"
    left = [number for number in range(60) if kept.media.read(event(number).id, PictureKind.SNAPSHOT)]
    assert left == list(range(50, 60)), "the oldest pictures are gone"
    gone = kept.store.get(event(0).id)
    assert gone is not None, "their events stay"
    assert not gone.has_thumbnail, "and do not claim a picture"
    assert kept.ledger.keeps
    kept.store.failures = 1_000_000
    assert kept.ledger.write([(event(101), [letter(101)])], 0.0) == [[0]], "nothing is left to give"
    assert not kept.ledger.keeps


def test_reserve_is_made_again_when_there_is_room(kept: Kept) -> None:
    kept.store.failure, kept.store.failures = FULL, 3
    kept.ledger.write([(event(1), [])], 0.0)
    assert not kept.ledger.keeps
    kept.store.failure = None
    kept.ledger.tend(20.0, 1_800_000_000.0)
    assert kept.ledger.keeps
    assert kept.reserve.release()


def test_pictures_on_another_disk_do_not_go_for_a_row_that_they_cannot_help(kept: Kept) -> None:
    change = EventChange(ChangeType.END, replace(event(1, ended=True), has_snapshot=True), None, b"jpeg")
    kept.ledger.write([(kept.ledger.keep_pictures(change, 0.0).event, [])], 0.0)
    kept.store.failure, kept.one_disk = FULL, False
    assert kept.ledger.write([(event(2), [letter(2)])], 0.0) == [[0]]
    assert kept.media.read(event(1).id, PictureKind.SNAPSHOT) == b"jpeg"


def test_reserve_that_was_enough_is_made_again_without_a_failure(kept: Kept) -> None:
    kept.store.failure, kept.store.failures = FULL, 1
    assert kept.ledger.write([(event(1), [letter(1)])], 0.0) != [[0]]
    assert kept.ledger.keeps
    kept.ledger.tend(1.0, 1_800_000_000.0)
    assert kept.reserve.release()


def test_picture_that_cannot_be_kept_is_not_claimed_and_the_event_is_kept(kept: Kept) -> None:
    kept.media.failure = HistoryError("no permission", "chmod")
    change = EventChange(ChangeType.NEW, replace(event(1), has_thumbnail=True, has_snapshot=True), b"jpeg", b"jpeg")
    told = kept.ledger.keep_pictures(change, 0.0)
    assert (told.event.has_thumbnail, told.event.has_snapshot) == (False, False)
    assert told.thumbnail_jpeg == b"jpeg", "it is still published"
    assert "pictures are not kept" in kept.ledger.status().detail
    assert kept.ledger.keeps
    kept.media.failure = None
    assert kept.ledger.keep_pictures(change, 0.0) == change
    assert kept.ledger.status().ready


def test_database_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    (tmp_path / "history.db").write_bytes(b"no database" * 1000)
    kept.ledger.open(0.0)
    assert not kept.ledger.keeps
    assert kept.ledger.write([(event(1), [letter(1)])], 0.0) == [[0]]
    (tmp_path / "history.db").unlink()
    kept.ledger.tend(11.0, 1_800_000_000.0)
    assert kept.ledger.keeps
    assert kept.store.get(event(1).id) is not None
    kept.ledger.close()
