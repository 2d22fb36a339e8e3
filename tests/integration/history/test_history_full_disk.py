"""A disk that is really full: a file system of a few megabytes, in memory."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from bridge.errors import HistoryError
from bridge.history.media import MediaFolder
from bridge.history.reserve import Reserve
from bridge.history.store import EventStore
from bridge.model import Event, EventQuery, Letter, PictureKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration

_DISK_BYTES = 8 * 1024 * 1024
_RESERVE_BYTES = 2 * 1024 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _event(number: int) -> Event:
    event_id = f"{1_795_564_800_000 + number}-00000a"
    return Event(event_id, "door", "person", 0.7, 0.9, (0.0, 0.0, 1.0, 1.0), 1, None, 1, 0)


def _record(store: EventStore, number: int) -> HistoryError | None:
    try:
        store.record(_event(number), [Letter(0, "door", _event(number).id, "espcam/door/events", bytes(500))])
    except HistoryError as error:
        return error
    return None


def _fill(disk: Path) -> None:
    with (disk / "filler").open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_a_full_disk_is_told_nothing_is_lost_and_the_reserve_takes_more_events(disk: Path) -> None:
    store = EventStore(f"sqlite:///{disk}/history.db")
    store.open()
    reserve = Reserve(disk / "reserve", _RESERVE_BYTES, room_bytes=_RESERVE_BYTES)
    assert reserve.restore()
    recorded = 0
    assert _record(store, recorded) is None
    _fill(disk)
    while (error := _record(store, recorded := recorded + 1)) is None:
        pass
    assert error.full
    assert store.count(EventQuery()) == store.count_waiting() == recorded, "what was recorded can be read"
    assert reserve.release()
    before = recorded
    while _record(store, recorded) is None:
        recorded += 1
    assert recorded - before > 300
    assert not reserve.restore(), "there is no room for it"
    (disk / "filler").unlink()
    assert _record(store, recorded) is None
    assert reserve.restore()
    store.close()
    store.open()
    assert store.count(EventQuery()) == store.count_waiting() == recorded + 1
    store.close()


def test_letters_can_be_thrown_away_on_a_full_disk_once_there_is_a_little_room(disk: Path) -> None:
    store = EventStore(f"sqlite:///{disk}/history.db")
    store.open()
    reserve = Reserve(disk / "reserve", _RESERVE_BYTES, room_bytes=_RESERVE_BYTES)
    reserve.restore()
    numbers = [number for event in range(200) for number in store.record(_event(event), [_letter(event)])]
    _fill(disk)
    reserve.release()
    store.delivered(numbers)
    assert store.count_waiting() == 0
    store.close()


def _letter(number: int) -> Letter:
    return Letter(0, "door", _event(number).id, "espcam/door/events", bytes(500))


def test_no_history_can_begin_on_a_full_disk(disk: Path) -> None:
    _fill(disk)
    with pytest.raises(HistoryError) as caught:
        EventStore(f"sqlite:///{disk}/history.db").open()
    assert caught.value.full


def test_a_picture_that_does_not_fit_is_told_and_leaves_no_part_of_it(disk: Path) -> None:
    media = MediaFolder(disk / "media")
    media.write(_event(0).id, PictureKind.THUMBNAIL, bytes(1000))
    _fill(disk)
    with pytest.raises(HistoryError) as caught:
        media.write(_event(1).id, PictureKind.SNAPSHOT, bytes(100_000))
    assert caught.value.full
    assert [path.name for path in (disk / "media").rglob("*.*")] == [f"{_event(0).id}-thumbnail.jpg"]
    assert media.total_bytes() == 1000
    assert media.read(_event(0).id, PictureKind.THUMBNAIL) == bytes(1000)
