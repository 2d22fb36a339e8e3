"""Files that are there for good: a power cut leaves the old one or the new one, never half of one."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_flushed(path: Path, data: bytes) -> None:
    """Write a file that is not there yet, for its owner alone, down to the disk.

    Raises:
        OSError: it is there, or cannot be written.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(handle)  # else a power cut may leave the new name on an empty file


def flush_folder(folder: Path) -> None:
    """Make a renaming itself last; network disks may refuse, and then the old file is as whole as the new one."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
