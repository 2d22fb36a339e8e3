"""A file that takes room on the disk until the disk is full, and is then given away.

Events are small (750 bytes with their indexes), pictures are not: after everything else had filled the disk, 4 MB took
5,000 more events with a letter each. SQLite needs that room in two places at once, its log and the file itself.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from bridge.history.disk import explain_disk

if TYPE_CHECKING:
    from pathlib import Path

RESERVE_BYTES = 4 * 1024 * 1024
ROOM_BYTES = 64 * 1024 * 1024
"""The reserve is made again when this much is free: the disk is then full no more, not just relieved for a moment."""


class Reserve:
    """The file, beside the database or the pictures, on the disk that it is for.

    Args:
        file: where.
        size_bytes: how much it holds.
        room_bytes: how much must be free before it is made.
    """

    def __init__(self, file: Path, size_bytes: int = RESERVE_BYTES, room_bytes: int = ROOM_BYTES) -> None:
        self._file = file
        self._size_bytes = size_bytes
        self._room_bytes = room_bytes

    def release(self) -> bool:
        """The disk is full: give the room away.

        Returns:
            Whether there was any to give.

        Raises:
            HistoryError: the file cannot be deleted.
        """
        try:
            self._file.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise explain_disk(error, f"the reserve {self._file}") from error
        return True

    def restore(self) -> bool:
        """Take the room, unless it is taken already or there is not enough yet.

        Returns:
            Whether the reserve is there.

        Raises:
            HistoryError: it cannot be written.
        """
        try:
            if self._is_whole():
                return True
            self._file.parent.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(self._file.parent).free < self._room_bytes:
                return False
            # Noise: of zeros a file system that compresses would make nothing.
            self._file.write_bytes(os.urandom(self._size_bytes))
        except OSError as error:
            raise explain_disk(error, f"the reserve {self._file}") from error
        return True

    def _is_whole(self) -> bool:
        return self._file.is_file() and self._file.stat().st_size >= self._size_bytes
