"""The folder with firmware images: which there are, for which board and of which version.

An image says itself what it is (``link.image``); its file may have any name that ends in ``.bin``, in any folder below.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.errors import UpdateRefused
from bridge.link.image import read_identity
from bridge.updates.appimage import app_bytes
from bridge.updates.versions import is_newer, is_version

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

log = logging.getLogger(__name__)

MAX_IMAGE_BYTES: Final = 16_777_216
"""The largest flash that these boards have; a longer file is no firmware."""

MAX_FILES: Final = 1000
"""Looked at in the folder; more are no collection of firmware."""

_Stamp = tuple[int, int]  # when the file was changed, in ns, and its length


@dataclass(frozen=True, slots=True)
class FirmwareImage:
    """One image that is ready to be sent."""

    path: Path
    board: str
    version: str


class ImageLibrary:
    """What is in the folder, as of the last ``refresh``; thread-safe.

    Args:
        folder: need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[Path, _Stamp] = {}
        self._read: dict[Path, tuple[_Stamp, FirmwareImage | None]] = {}
        self._newest: Mapping[str, FirmwareImage] = {}
        self._looking = threading.Lock()
        self._complained = ""

    def refresh(self) -> bool:
        """Look into the folder again; takes a few milliseconds, and a file is read only when it is new.

        A file is taken when two looks find it the same: the first may have come while it was being copied.

        Returns:
            Whether another image is the newest of some board now.
        """
        with self._looking:
            found = self._stamps()
            settled = {path: stamp for path, stamp in found.items() if self._seen.get(path) == stamp}
            self._seen = found
            self._read = {path: self._known(path, stamp) for path, stamp in settled.items()}
            before, self._newest = self._newest, _newest([image for _, image in self._read.values() if image])
            return before != self._newest

    def newest(self, board: str) -> FirmwareImage | None:
        """The newest image for a board; None when there is none."""
        return self._newest.get(board)

    def content(self, image: FirmwareImage) -> bytes:
        """The image itself, which may be gone or another one by now.

        Raises:
            UpdateRefused: it is.
        """
        try:
            content = image.path.read_bytes()
        except OSError as error:
            raise UpdateRefused(f"{image.path} cannot be read: {error.strerror}") from error
        if _identified(image.path, content) != image:
            raise UpdateRefused(f"{image.path} has just been changed: try again in ten seconds")
        return content

    def _stamps(self) -> dict[Path, _Stamp]:
        found: dict[Path, _Stamp] = {}
        try:
            for path in sorted(self._folder.rglob("*.bin"))[:MAX_FILES]:
                stat = path.stat()
                if path.is_file() and stat.st_size <= MAX_IMAGE_BYTES:
                    found[path] = (stat.st_mtime_ns, stat.st_size)
            self._complained = ""
        except OSError as error:  # a file may go between two calls, and a folder may be forbidden
            if self._complained != str(error):
                self._complained = str(error)
                log.warning("firmware.dir cannot be read: %s", error)
        return found

    def _known(self, path: Path, stamp: _Stamp) -> tuple[_Stamp, FirmwareImage | None]:
        known = self._read.get(path)
        if known is not None and known[0] == stamp:
            return known
        try:
            return stamp, _accepted(path, path.read_bytes())
        except OSError as error:
            log.warning("%s cannot be read: %s", path, error.strerror)
            return stamp, None


def _accepted(path: Path, content: bytes) -> FirmwareImage | None:
    image = _identified(path, content)
    if image is None:
        log.warning("%s is no firmware for cameras: it needs the application image that the build leaves", path)
    elif not is_version(image.version):
        log.warning("%s is not offered: its version %s cannot be compared", path, image.version)
        return None
    else:
        log.info("firmware %s for %s: %s", image.version, image.board, path)
    return image


def _identified(path: Path, content: bytes) -> FirmwareImage | None:
    """What the file is; None for no firmware, for a part of one, and for what a cable takes with the boot loader."""
    length = app_bytes(content)
    identity = read_identity(content[:length]) if length is not None else None
    return FirmwareImage(path, identity.board, identity.version) if identity else None


def _newest(images: list[FirmwareImage]) -> dict[str, FirmwareImage]:
    best: dict[str, FirmwareImage] = {}
    for image in images:
        if image.board not in best or is_newer(image.version, best[image.board].version):
            best[image.board] = image
    return best
