"""Footage for the simulator: a video, an image, a folder of JPEGs or a webcam, as JPEG pictures.

A ``.jpg`` is sent byte for byte, whatever is in it: damaged pictures are footage as well. Everything else is decoded
and encoded again as a board would, at the quality and inside the frame size that the board is set to.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import SourceError
from bridge.frames.codec import encode
from bridge.frames.opencv import cv2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.model import Image

JPEG_QUALITY = 80
"""OpenCV's number; an OV2640 at its usual quality of 12 makes files of about this size."""

STILLS_FPS = 10.0
"""Rate for pictures without a time of their own; SVGA over Wi-Fi was measured at 10.4 fps by others."""

_WEBCAM_FPS = 15.0
_WEBCAM_PREFIX = "webcam:"
_JPEG_SUFFIXES = frozenset({".jpg", ".jpeg"})
_IMAGE_SUFFIXES = frozenset({".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm"})
_FORMATS = "give a video (mp4, avi, mkv, mov), an image (jpg, png, bmp, webp), a folder of .jpg files, or webcam:0"


class Source(ABC):
    """Pictures by number, from 0.

    ``read`` and ``close`` may be called from different threads; a source belongs to one camera.

    Args:
        fps: the rate to play it at, unless the user wants another.
        filmed: whether ``fps`` is the rate it was filmed at, so that it has a speed; otherwise the pictures have no
            time of their own and are read one after the other.
        size_px: width and height of the pictures, or None when they are sent byte for byte.
    """

    def __init__(self, *, fps: float, filmed: bool, size_px: tuple[int, int] | None) -> None:
        self.fps = fps
        self.filmed = filmed
        self.size_px = size_px
        self._lock = threading.Lock()
        self._encoding = (JPEG_QUALITY, size_px)
        self._closed = False

    @property
    def adjustable(self) -> bool:
        """Whether pictures are encoded here, so that size and quality can be chosen."""
        return self.size_px is not None

    def adjust(self, quality: int, box_px: tuple[int, int]) -> None:
        """Encode from now on at this quality (1..100) and no larger than ``box_px``, the shape kept."""
        self._encoding = (quality, box_px)

    def read(self, index: int) -> bytes | None:
        """The JPEG of picture ``index``; never a lower one than before.

        Returns:
            The bytes, or None after the last picture.

        Raises:
            SourceError: it cannot be read any more.
        """
        with self._lock:
            return None if self._closed else self._read(index)

    def close(self) -> None:
        """Let go of files and devices; later reads give None."""
        with self._lock:
            self._closed = True
            self._close()

    @abstractmethod
    def _read(self, index: int) -> bytes | None: ...

    def _close(self) -> None:  # noqa: B027 - most sources hold nothing that must be let go of
        """Let go of what the subclass holds."""

    def _encode(self, image: Image) -> bytes:
        quality, box_px = self._encoding
        return encode(image if box_px is None else _fit(image, box_px), quality)


class JpegFiles(Source):
    """JPEG files, byte for byte, in the order given.

    Args:
        paths: at least one file.
        loop: begin anew after the last.
    """

    def __init__(self, paths: Sequence[Path], *, loop: bool) -> None:
        super().__init__(fps=STILLS_FPS, filmed=False, size_px=None)
        self._paths = tuple(paths)
        self._loop = loop

    def _read(self, index: int) -> bytes | None:
        if index >= len(self._paths) and not self._loop:
            return None
        path = self._paths[index % len(self._paths)]
        try:
            return path.read_bytes()
        except OSError as error:
            raise SourceError(f"cannot read {path}: {error.strerror}") from error


class Still(Source):
    """One decoded image, encoded anew each time.

    Args:
        image: ``(height, width, 3)`` uint8, BGR.
        loop: send it for ever; otherwise once.
    """

    def __init__(self, image: Image, *, loop: bool) -> None:
        super().__init__(fps=STILLS_FPS, filmed=False, size_px=_size_px(image))
        self._image = image
        self._loop = loop

    def _read(self, index: int) -> bytes | None:
        return self._encode(self._image) if self._loop or index == 0 else None


class Video(Source):
    """A video file, through OpenCV.

    Args:
        path: of the file.
        loop: begin anew after the last picture.
        start: where to begin, as a fraction of the length (0..1).

    Raises:
        SourceError: not even one picture can be read.
    """

    def __init__(self, path: Path, *, loop: bool, start: float = 0.0) -> None:
        self._path = path
        self._capture = cv2.VideoCapture(str(path))
        self._loop = loop
        if start:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, int(start * self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        self._newest = _first_picture(self._capture, str(path))
        self._index = 0
        # A few containers name no rate.
        fps = self._capture.get(cv2.CAP_PROP_FPS) or STILLS_FPS
        super().__init__(fps=fps, filmed=True, size_px=_size_px(self._newest))

    def _read(self, index: int) -> bytes | None:
        if index > self._index:
            while self._index < index:
                if not self._advance():
                    return None
                self._index += 1
            self._newest = self._picture()
        return self._encode(self._newest)

    def _advance(self) -> bool:
        if self._capture.grab():
            return True
        if not self._loop:
            return False
        self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
        if not self._capture.grab():
            raise SourceError(f"{self._path} cannot be read a second time; play it with --no-loop")
        return True

    def _picture(self) -> Image:
        ok, image = self._capture.retrieve()
        return np.asarray(image, np.uint8) if ok else self._newest

    def _close(self) -> None:
        self._capture.release()


class Webcam(Source):
    """A camera of this computer, through OpenCV.

    Args:
        capture: the device; this object lets go of it.
        name: for error messages.

    Raises:
        SourceError: it is not there, is in use, or gives no picture.
    """

    def __init__(self, capture: cv2.VideoCapture, name: str) -> None:
        self._name = name
        self._capture = capture
        if not capture.isOpened():
            raise SourceError(f"{name} cannot be opened; is it plugged in, and not in use by another program?")
        # Otherwise four pictures wait in the driver: nearly a second of age at 5 pictures a second.
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        image = _first_picture(capture, name)
        fps = capture.get(cv2.CAP_PROP_FPS)
        # Not "filmed": in the dark a webcam is slower than it claims, and pictures must not be waited for.
        super().__init__(fps=fps if fps > 0 else _WEBCAM_FPS, filmed=False, size_px=_size_px(image))

    def _read(self, index: int) -> bytes | None:  # noqa: ARG002 - a camera has only the present
        ok, image = self._capture.read()
        if not ok:
            raise SourceError(f"{self._name} gives no more pictures")
        return self._encode(np.asarray(image, np.uint8))

    def _close(self) -> None:
        self._capture.release()


def open_source(spec: str, *, loop: bool = True, start: float = 0.0) -> Source:
    """Open the footage that ``--source`` names.

    Args:
        spec: path of a video, an image or a folder of ``.jpg`` files, or ``webcam:N``.
        loop: begin anew at the end.
        start: where to begin in a video or folder, as a fraction of its length (0..1).

    Raises:
        SourceError: it is not there, or cannot be read; says which formats work.
    """
    if spec.startswith(_WEBCAM_PREFIX):
        return _open_webcam(spec)
    path = Path(spec)
    suffix = path.suffix.lower()
    if path.is_dir():
        return _open_folder(path, loop=loop, start=start)
    if not path.is_file():
        raise SourceError(f"{spec} does not exist; {_FORMATS}")
    if suffix in _JPEG_SUFFIXES:
        return JpegFiles([path], loop=loop)
    if suffix in _IMAGE_SUFFIXES:
        return Still(_read_image(path), loop=loop)
    return Video(path, loop=loop, start=start)


def is_webcam(spec: str) -> bool:
    """Whether it is a device that only one camera can use at a time."""
    return spec.startswith(_WEBCAM_PREFIX)


def _open_webcam(spec: str) -> Source:
    number = spec.removeprefix(_WEBCAM_PREFIX)
    if not number.isdecimal():
        raise SourceError(f"{spec} is no webcam; write webcam:0 for the first one")
    return Webcam(cv2.VideoCapture(int(number)), f"webcam {number}")


def _open_folder(folder: Path, *, loop: bool, start: float) -> Source:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _JPEG_SUFFIXES and path.is_file())
    if not paths:
        raise SourceError(f"{folder} holds no .jpg file; {_FORMATS}")
    first = int(start * len(paths))
    return JpegFiles([*paths[first:], *paths[:first]], loop=loop)


def _first_picture(capture: cv2.VideoCapture, name: str) -> Image:
    ok, image = capture.read()
    if not ok:
        capture.release()
        raise SourceError(f"{name} holds no picture that can be read; {_FORMATS}")
    return np.asarray(image, np.uint8)


def _read_image(path: Path) -> Image:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError(f"{path} is no image that can be read; {_FORMATS}")
    return np.asarray(image, np.uint8)


def _size_px(image: Image) -> tuple[int, int]:
    height, width = image.shape[:2]
    return width, height


def _fit(image: Image, box_px: tuple[int, int]) -> Image:
    """Shrink to fit the box; a picture that fits already stays as it is."""
    width, height = _size_px(image)
    scale = min(1.0, box_px[0] / width, box_px[1] / height)
    if scale == 1.0:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
