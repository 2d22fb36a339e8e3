from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from bridge.errors import HistoryError
from bridge.history.media import MediaFolder
from bridge.model import PictureKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_THUMBNAIL, _SNAPSHOT = PictureKind
_A, _B, _C = "1795564800000-00000a", "1795564800001-00000b", "1795651200000-00000c"
_NOW_S = 2_000_000_000.0  # after all files
_ESCAPES = ["..", "../../etc/passwd", "/etc/passwd", "1795564800000-00000a/../..", "1795564800000-00000a\0", ""]


@pytest.fixture
def media(tmp_path: Path) -> MediaFolder:
    return MediaFolder(tmp_path / "media")


def _files(tmp_path: Path) -> list[str]:
    root = tmp_path / "media"
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def _known(*event_ids: str) -> Callable[[Sequence[str]], set[str]]:
    return lambda asked: set(asked) & set(event_ids)


def test_a_picture_comes_back_and_lies_in_the_folder_of_its_day(media: MediaFolder, tmp_path: Path) -> None:
    media.write(_A, _THUMBNAIL, b"small")
    media.write(_A, _SNAPSHOT, b"large")
    assert (media.read(_A, _THUMBNAIL), media.read(_A, _SNAPSHOT)) == (b"small", b"large")
    assert _files(tmp_path) == [f"2026-11-25/{_A}-snapshot.jpg", f"2026-11-25/{_A}-thumbnail.jpg"]


def test_there_may_be_no_picture(media: MediaFolder) -> None:
    assert media.read(_A, _THUMBNAIL) is None
    media.write(_A, _THUMBNAIL, b"small")
    assert media.read(_A, _SNAPSHOT) is None
    assert media.read(_B, _THUMBNAIL) is None


@pytest.mark.parametrize("event_id", _ESCAPES)
def test_what_is_no_id_leads_nowhere(media: MediaFolder, tmp_path: Path, event_id: str) -> None:
    assert media.read(event_id, _THUMBNAIL) is None
    for call in (
        lambda: media.write(event_id, _THUMBNAIL, b""),
        lambda: media.path(event_id, _THUMBNAIL),
        lambda: media.remove([event_id]),
    ):
        with pytest.raises(ValueError, match="not an event's id"):
            call()
    assert not (tmp_path / "media").exists()


def test_a_reader_sees_the_old_picture_or_the_new_one(media: MediaFolder) -> None:
    media.write(_A, _THUMBNAIL, b"old")
    with media.path(_A, _THUMBNAIL).open("rb") as reader:
        media.write(_A, _THUMBNAIL, b"newer")
        assert reader.read() == b"old"
    assert media.read(_A, _THUMBNAIL) == b"newer"


def test_the_total_is_counted_once_and_kept_up(media: MediaFolder, tmp_path: Path) -> None:
    assert media.total_bytes() == 0
    media.write(_A, _THUMBNAIL, bytes(100))
    media.write(_A, _SNAPSHOT, bytes(1000))
    media.write(_A, _THUMBNAIL, bytes(50))
    media.write(_C, _THUMBNAIL, bytes(7))
    assert media.total_bytes() == 1057
    again = MediaFolder(tmp_path / "media")
    assert again.total_bytes() == 1057
    assert again.remove([_A]) == 1050
    assert again.total_bytes() == 7


def test_what_others_put_there_does_not_count(media: MediaFolder, tmp_path: Path) -> None:
    media.write(_A, _THUMBNAIL, bytes(100))
    for name in ("note.txt", "2026-11-25/note.txt", f"2026-11-25/{_A}-snapshot.jpg.part", f"{_B}-thumbnail.jpg"):
        (tmp_path / "media" / name).write_bytes(bytes(10))
    assert MediaFolder(tmp_path / "media").total_bytes() == 100


def test_removing_takes_all_pictures_of_an_event_and_no_others(media: MediaFolder) -> None:
    for event_id in (_A, _B):
        for kind in PictureKind:
            media.write(event_id, kind, bytes(10))
    assert media.remove([_A, _C]) == 20
    assert media.remove([_A]) == 0
    assert media.read(_A, _THUMBNAIL) is media.read(_A, _SNAPSHOT) is None
    assert media.read(_B, _THUMBNAIL) == bytes(10)


def test_a_sweep_takes_pictures_without_an_event_unfinished_files_and_empty_folders(
    media: MediaFolder, tmp_path: Path
) -> None:
    for event_id in (_A, _B, _C):
        media.write(event_id, _THUMBNAIL, bytes(10))
    (tmp_path / f"media/2026-11-25/{_A}-snapshot.jpg.part").write_bytes(bytes(3))
    assert media.total_bytes() == 30
    assert not media.sweep(_known(_A), 100, _NOW_S)
    assert _files(tmp_path) == [f"2026-11-25/{_A}-thumbnail.jpg"]
    assert media.total_bytes() == 10
    assert (tmp_path / "media/2026-11-26").exists()
    assert not media.sweep(_known(_A), 100, _NOW_S)
    assert not (tmp_path / "media/2026-11-26").exists()


def test_a_sweep_looks_at_no_more_files_at_once_than_asked_for(media: MediaFolder, tmp_path: Path) -> None:
    ids = [f"{1_795_564_800_000 + number}-00000a" for number in range(25)]
    for event_id in ids:
        media.write(event_id, _THUMBNAIL, b"small")
    asked: list[int] = []

    def known(some: Sequence[str]) -> set[str]:
        asked.append(len(some))
        return {event_id for event_id in some if event_id != ids[20]}

    more = [media.sweep(known, 10, _NOW_S) for _ in range(3)]
    assert (more, asked) == ([True, True, False], [10, 10, 5])
    assert len(_files(tmp_path)) == 24
    assert media.sweep(known, 10, _NOW_S), "the next sweep begins anew"
    assert asked[3:] == [10]


def test_a_sweep_leaves_files_that_are_new(media: MediaFolder, tmp_path: Path) -> None:
    media.write(_A, _THUMBNAIL, b"small")
    media.write(_B, _THUMBNAIL, b"small")
    os.utime(media.path(_A, _THUMBNAIL), (1000, 1000))
    assert not media.sweep(_known(), 100, 1001)
    assert _files(tmp_path) == [f"2026-11-25/{_B}-thumbnail.jpg"]


def test_a_sweep_never_touches_what_is_not_ours(media: MediaFolder, tmp_path: Path) -> None:
    root = tmp_path / "media"
    media.write(_A, _THUMBNAIL, b"small")
    theirs = [
        "note.txt",
        f"{_A}-thumbnail.jpg",
        f"2026-11-25/{_A}-thumbnail.png",
        f"2026-11-25/{_A}-portrait.jpg",
        f"2026-11-25/x{_A}-thumbnail.jpg",
        f"2026-11-25/{_C}-thumbnail.jpg",  # of another day
        f"holidays/{_A}-thumbnail.jpg",
        f"2026-02-30/{_A}-thumbnail.jpg",
    ]
    for name in theirs:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    elsewhere = tmp_path / "2026-11-27"
    elsewhere.mkdir()
    (elsewhere / "1795737600000-00000a-thumbnail.jpg").touch()
    (root / "2026-11-27").symlink_to(elsewhere)
    assert not media.sweep(_known(), 100, _NOW_S)
    assert [name for name in _files(tmp_path) if "2026-11-27" not in name] == sorted(theirs)
    assert len(list(elsewhere.iterdir())) == 1


def test_a_folder_that_is_not_there_is_empty(media: MediaFolder, tmp_path: Path) -> None:
    assert media.total_bytes() == 0
    assert not media.sweep(_known(), 100, _NOW_S)
    assert not (tmp_path / "media").exists()


def test_a_sweep_that_failed_begins_anew(media: MediaFolder) -> None:
    for number in range(4):
        media.write(f"{1_795_564_800_000 + number}-00000a", _THUMBNAIL, b"small")

    def locked(_asked: Sequence[str]) -> set[str]:
        raise HistoryError("locked", "wait")

    with pytest.raises(HistoryError):
        media.sweep(locked, 2, _NOW_S)
    assert media.sweep(_known(), 2, _NOW_S)
    assert media.sweep(_known(), 2, _NOW_S)
    assert not media.sweep(_known(), 2, _NOW_S)
    assert media.total_bytes() == 0


def test_a_folder_that_cannot_be_made_is_told_with_a_mend(tmp_path: Path) -> None:
    (tmp_path / "media").touch()
    media = MediaFolder(tmp_path / "media")
    with pytest.raises(HistoryError, match=f"the picture .*{_A}-thumbnail.jpg cannot be used") as caught:
        media.write(_A, _THUMBNAIL, b"small")
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno in {errno.ENOTDIR, errno.EEXIST}
    assert "path in the configuration" in caught.value.mend


def test_a_write_that_failed_leaves_nothing_behind(media: MediaFolder, tmp_path: Path) -> None:
    media.path(_A, _THUMBNAIL).mkdir(parents=True)  # a folder cannot be replaced by a file
    with pytest.raises(HistoryError):
        media.write(_A, _THUMBNAIL, b"small")
    assert _files(tmp_path) == []
    with pytest.raises(HistoryError):
        media.read(_A, _THUMBNAIL)
