"""The user's own frames for ``models export`` and ``models bench``: from files, or from a bridge that runs."""

from __future__ import annotations

import base64
import http.client
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import FrameRejected, SourceError, UsageError
from bridge.frames.codec import decode, encode
from bridge.frames.opencv import cv2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from bridge.detect.port import Progress

_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm"})
_VIDEOS = frozenset({".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v", ".mjpeg", ".mjpg", ".ts"})
_VIDEO_QUALITY = 95
_TIMEOUT_S = 10.0
_PROGRESS_S = 15.0
_DEFAULT_USER = "admin"


@dataclass(frozen=True, slots=True)
class FootageOptions:
    """Where the frames come from; files go before a bridge.

    Attributes:
        paths: pictures, folders of them, videos.
        bridge_url: of a bridge that runs, ``http://host:8080``; user and password may be part of it.
        token: its ``http.api_token``.
        password: its ``http.password``.
        collect_s: for how long frames are collected from it.
    """

    paths: Sequence[Path] = ()
    bridge_url: str | None = None
    token: str | None = None
    password: str | None = None
    collect_s: float = 60.0


def gather(options: FootageOptions, limit: int, folder: Path, progress: Progress) -> list[Path]:
    """Get up to ``limit`` frames, spread evenly over what there is, as picture files.

    Args:
        options: where from.
        limit: how many at most.
        folder: for frames that are no files of their own.
        progress: told now and then how far it is.

    Raises:
        SourceError: the bridge cannot be asked.
        UsageError: there is nothing at a path.
    """
    if options.paths:
        return from_files(options.paths, limit, folder)
    if options.bridge_url:
        return Collector(options, folder, progress).collect(limit)
    return []


# --- files -----------------------------------------------------------------------------------------------------------


def from_files(paths: Sequence[Path], limit: int, folder: Path) -> list[Path]:
    """Frames from pictures, folders and videos; what cannot be decoded is named on stderr."""
    for path in paths:
        if not path.exists():
            raise UsageError(f"--frames {path} does not exist")
    files = [file for path in paths for file in expand(path)]
    lengths = [_video_length(file) if is_video(file) else 1 for file in files]
    wanted = set(spread(sum(lengths), limit))
    chosen: list[Path] = []
    before = 0
    for file, length in zip(files, lengths, strict=True):
        numbers = {number - before for number in wanted if before <= number < before + length}
        before += length
        if is_video(file):
            chosen += _save_frames(file, numbers, folder)
        elif numbers and _is_picture(file.read_bytes()):
            chosen.append(file)
        elif numbers:
            print(f"{file}: no picture that can be decoded", file=sys.stderr)
    return chosen


def spread(count: int, limit: int) -> list[int]:
    """Up to ``limit`` of the numbers below ``count``, evenly spaced."""
    return [number * count // limit for number in range(limit)] if count > limit else list(range(count))


def expand(path: Path) -> list[Path]:
    """A folder's pictures and videos by name; anything else as it is."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.suffix.lower() in _PICTURES | _VIDEOS)


def is_video(file: Path) -> bool:
    """Whether a file is a video, by its name."""
    return file.suffix.lower() in _VIDEOS


def _is_picture(data: bytes) -> bool:
    try:
        decode(data)
    except FrameRejected:
        return False
    return True


def _video_length(file: Path) -> int:
    video = cv2.VideoCapture(str(file))
    try:
        return max(int(video.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
    finally:
        video.release()


def _save_frames(file: Path, numbers: set[int], folder: Path) -> Iterator[Path]:
    video = cv2.VideoCapture(str(file))
    try:
        for number in range(max(numbers, default=-1) + 1):
            if not video.grab():
                return
            if number in numbers:
                target = folder / f"{file.stem}-{number:06d}.jpg"
                target.write_bytes(encode(np.asarray(video.retrieve()[1], np.uint8), _VIDEO_QUALITY))
                yield target
    finally:
        video.release()


# --- a bridge that runs ----------------------------------------------------------------------------------------------


class Collector:
    """Takes pictures from a running bridge now and then, from all its cameras in turn.

    Args:
        options: the bridge's address and credentials, and for how long.
        folder: where the pictures go.
        progress: told now and then how far it is.
        sleep: waits (tests need not).
    """

    def __init__(
        self,
        options: FootageOptions,
        folder: Path,
        progress: Progress,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._headers = _address(options)
        self._collect_s = options.collect_s
        self._folder = folder
        self._progress = progress
        self._sleep = sleep
        self._clock = clock

    def collect(self, limit: int) -> list[Path]:
        """Take up to ``limit`` pictures, evenly over the time and the cameras.

        Raises:
            SourceError: the bridge cannot be asked, or has no camera.
        """
        found = json.loads(self._get("/api/cameras")[0])
        cameras = [str(camera["id"]) for camera in found["cameras"]]
        if not cameras:
            raise SourceError(f"the bridge at {self._url} has no camera")
        self._progress(f"collecting frames of {', '.join(cameras)} for {self._collect_s:.0f} s")
        begin_s = said_s = self._clock()
        taken: list[Path] = []
        seen: set[bytes] = set()
        for turn in range(limit):
            camera = cameras[turn % len(cameras)]
            jpeg = self._picture(camera)
            if jpeg is not None and jpeg not in seen:
                seen.add(jpeg)
                taken.append(self._folder / f"{camera}-{turn:04d}.jpg")
                taken[-1].write_bytes(jpeg)
            if self._clock() - said_s > _PROGRESS_S:
                said_s = self._clock()
                self._progress(f"{len(taken)} frames after {said_s - begin_s:.0f} s")
            self._sleep(max(begin_s + (turn + 1) * self._collect_s / limit - self._clock(), 0))
        return taken

    def _picture(self, camera: str) -> bytes | None:
        """A camera's newest picture as it sent it; None while it is offline or sends damaged ones."""
        try:
            data, headers = self._get(f"/cameras/{urllib.parse.quote(camera)}/snapshot.jpg?raw=1")
        except SourceError as error:
            self._progress(f"{camera}: {error}")
            return None
        # Of a camera that is offline the bridge shows a notice.
        return data if headers.get("X-Camera-State") == "online" and _is_picture(data) else None

    def _get(self, path: str) -> tuple[bytes, Any]:
        request = urllib.request.Request(self._url + path, headers=self._headers)  # noqa: S310 - http only, see _address
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310 - as above
                return response.read(), response.headers
        except urllib.error.HTTPError as error:
            error.close()
            mend = ": give --token or --password" if error.code == http.HTTPStatus.UNAUTHORIZED else ""
            raise SourceError(f"the bridge at {self._url} answers {error.code} to {path}{mend}") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise SourceError(f"the bridge at {self._url} does not answer: {error}") from error


def _address(options: FootageOptions) -> tuple[str, dict[str, str]]:
    parts = urllib.parse.urlsplit(options.bridge_url or "")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"--bridge {options.bridge_url}: must be the address of its page, such as http://host:8080")
    password = options.password or (urllib.parse.unquote(parts.password) if parts.password else None)
    headers = {}
    if options.token:
        headers["Authorization"] = f"Bearer {options.token}"
    elif password:
        user = urllib.parse.unquote(parts.username) if parts.username else _DEFAULT_USER
        headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}", headers
