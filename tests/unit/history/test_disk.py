from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from bridge.errors import HistoryError
from bridge.history.disk import explain_disk
from bridge.history.reserve import Reserve

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("number", "full", "text"),
    [
        (errno.ENOSPC, True, "no room for the file: No space left on device; make room on that disk"),
        (errno.EDQUOT, True, "no room for the file"),
        (errno.EACCES, False, "no access to the file: Permission denied; let the bridge's user write there"),
        (errno.EROFS, False, "may only be read; mount it for writing"),
        (errno.EIO, False, "the disk of the file fails"),
        (errno.ENOTDIR, False, "the file cannot be used: Not a directory; see that the path"),
    ],
)
def test_what_the_operating_system_says(number: int, full: bool, text: str) -> None:
    explained = explain_disk(OSError(number, os.strerror(number)), "the file")
    assert text in str(explained)
    assert explained.full is full


def test_the_reserve_takes_room_and_gives_it_away_once(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "folder/reserve", size_bytes=1000, room_bytes=0)
    assert not reserve.release()
    assert reserve.restore()
    assert (tmp_path / "folder/reserve").stat().st_size == 1000
    assert reserve.release()
    assert not (tmp_path / "folder/reserve").exists()
    assert not reserve.release()
    assert reserve.restore()


def test_the_reserve_is_made_only_once_and_again_when_it_is_not_whole(tmp_path: Path) -> None:
    file = tmp_path / "reserve"
    reserve = Reserve(file, size_bytes=1000, room_bytes=0)
    file.write_bytes(b"cut short")
    assert reserve.restore()
    before = file.stat().st_mtime_ns
    assert reserve.restore()
    assert file.stat().st_mtime_ns == before
    assert file.stat().st_size == 1000


def test_the_reserve_waits_until_there_is_room(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", size_bytes=1000, room_bytes=2**62)
    assert not reserve.restore()
    assert not (tmp_path / "reserve").exists()


def test_a_reserve_that_cannot_be_made_or_deleted_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HistoryError, match="the reserve"):
        Reserve(tmp_path / "file/reserve", room_bytes=0).restore()
    with pytest.raises(HistoryError, match="the reserve"):
        Reserve(tmp_path / "file/reserve", room_bytes=0).release()
