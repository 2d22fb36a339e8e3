"""Pictures of events, as files: ``<root>/2026-11-25/1795564800123-3fa4c1-thumbnail.jpg``.

A folder a day keeps folders small. The names come from ids that come from addresses that anybody may type, so every id
is checked before a path is made of it. What is not named like this is not ours, and is never touched.

One thread writes and removes; any thread may read.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bridge.history.disk import explain_disk
from bridge.history.ids import bounds_of_day, day_of, is_event_id
from bridge.model import PictureKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_UNFINISHED = ".part"
_KINDS = "|".join(PictureKind)
_FILE = re.compile(
    rf"(?P<id>\d{{13}}-[0-9a-f]{{6}})-(?:{_KINDS})\.jpg(?P<unfinished>{re.escape(_UNFINISHED)})?", re.ASCII
)


class _Found(NamedTuple):
    entry: os.DirEntry[str]  # it asks for size and time once, and only when they are wanted
    event_id: str
    unfinished: bool


class MediaFolder:
    """The folder of pictures.

    Args:
        root: where; it is made when the first picture comes.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._bytes: int | None = None  # None: not counted yet
        self._walk: Iterator[_Found] | None = None  # the sweep under way

    def path(self, event_id: str, kind: PictureKind) -> Path:
        """Where the picture is, or would be.

        Raises:
            ValueError: that is no event's id.
        """
        if not is_event_id(event_id):
            raise ValueError("not an event's id")
        return self._root / day_of(event_id) / f"{event_id}-{kind.value}.jpg"

    def write(self, event_id: str, kind: PictureKind, jpeg: bytes) -> None:
        """Keep a picture; a reader sees the old one or the new one, never a part.

        It is not waited for the disk: after a power cut the newest pictures may be missing or empty.

        Raises:
            ValueError: that is no event's id.
            HistoryError: it cannot be written; ``full`` when there is no room.
        """
        path = self.path(event_id, kind)
        unfinished = path.with_name(path.name + _UNFINISHED)
        try:
            before = _size_of(path)
            try:
                self._write_to(unfinished, jpeg)
                unfinished.replace(path)
            except OSError:
                with contextlib.suppress(OSError):
                    unfinished.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise explain_disk(error, f"the picture {path}") from error
        if self._bytes is not None:
            self._bytes += len(jpeg) - before

    @staticmethod
    def _write_to(path: Path, jpeg: bytes) -> None:
        try:
            path.write_bytes(jpeg)
        except FileNotFoundError:  # the first picture of the day
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jpeg)

    def read(self, event_id: str, kind: PictureKind) -> bytes | None:
        """The picture (JPEG); None when there is none, or that is no event's id.

        Raises:
            HistoryError: it is there and cannot be read.
        """
        if not is_event_id(event_id):
            return None
        path = self.path(event_id, kind)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise explain_disk(error, f"the picture {path}") from error

    def remove(self, event_ids: Iterable[str]) -> int:
        """Delete all pictures of these events; those that are gone already are fine.

        Returns:
            Bytes freed.

        Raises:
            ValueError: one is no event's id.
            HistoryError: one cannot be deleted; those before it are.
        """
        return sum(self._delete(self.path(event_id, kind)) for event_id in event_ids for kind in PictureKind)

    def total_bytes(self) -> int:
        """What all pictures take: counted once, then kept up.

        To count 70,000 pictures, 2 GB or so, takes 0.6 s of CPU time.

        Raises:
            HistoryError: the folder cannot be read.
        """
        if self._bytes is None:
            with self._explained_walk():
                self._bytes = sum(_stat_of(found)[0] for found in self._ours() if not found.unfinished)
        return self._bytes

    def sweep(self, known: Callable[[Sequence[str]], set[str]], limit: int, before_unix_s: float) -> bool:
        """Go on looking for pictures whose event is gone, for files that were never finished, and for empty folders.

        Such are left by a process that was killed between two steps. A sweep is many calls; the first after the last
        begins anew.

        Args:
            known: which of these events there are.
            limit: how many files to look at in this call.
            before_unix_s: files younger than this stay: their event may not have been recorded yet.

        Returns:
            Whether more is to be looked at.

        Raises:
            HistoryError: the folder cannot be read, a file cannot be deleted, or whatever ``known`` raises; the next
                call begins a new sweep.
        """
        walk, self._walk = self._walk or self._ours(tidy=True), None
        with self._explained_walk():
            looked_at = list(itertools.islice(walk, limit))
            old = [found for found in looked_at if _stat_of(found)[1] < before_unix_s]
        there = known([found.event_id for found in old if not found.unfinished]) if old else set()
        for found in old:
            if found.unfinished or found.event_id not in there:
                self._delete(Path(found.entry.path), counted=not found.unfinished)
        more = len(looked_at) == limit
        self._walk = walk if more else None
        return more

    def _ours(self, *, tidy: bool = False) -> Iterator[_Found]:
        """Every file of ours, day after day; ``tidy`` deletes the folders of days that turn out to be empty."""
        if not self._root.is_dir():
            return
        for folder in sorted(self._folders_of_days()):
            with os.scandir(folder) as entries:
                names = list(entries)  # now: files come and go while somebody looks at those found
            if tidy and not names:
                with contextlib.suppress(OSError):  # a picture came meanwhile
                    folder.rmdir()
            first, end = bounds_of_day(folder.name)
            for entry in names:
                match = _FILE.fullmatch(entry.name)
                if match and first <= match["id"] < end:
                    yield _Found(entry, match["id"], match["unfinished"] is not None)

    def _folders_of_days(self) -> list[Path]:
        with os.scandir(self._root) as entries:
            return [
                self._root / entry.name
                for entry in entries
                if _DAY.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            ]

    def _delete(self, path: Path, *, counted: bool = True) -> int:
        try:
            size = _size_of(path)
            path.unlink(missing_ok=True)
        except OSError as error:
            raise explain_disk(error, f"the picture {path}") from error
        if counted and self._bytes is not None:
            self._bytes -= size
        return size

    @contextlib.contextmanager
    def _explained_walk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise explain_disk(error, f"the folder {self._root} for pictures") from error


def _size_of(path: Path) -> int:
    """In bytes; 0 when it is not there."""
    try:
        return path.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return 0


def _stat_of(found: _Found) -> tuple[int, float]:
    """Size in bytes, and when it was written; 0 and never when it is not there any more."""
    try:
        stat = found.entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return 0, float("inf")
    return stat.st_size, stat.st_mtime
