"""``espcam-bridge detect``: tries the detector on pictures, folders or a video, without broker or cameras."""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

import numpy as np

from bridge.detect.load import load_detector
from bridge.errors import FrameRejected, SourceError, UsageError
from bridge.frames.codec import decode, encode
from bridge.frames.opencv import cv2
from bridge.serve.annotate import draw_boxes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bridge.detect.port import Detector, DetectorSettings
    from bridge.model import Detection, Image

_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm"})
_VIDEOS = frozenset({".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v", ".mjpeg", ".mjpg", ".ts"})
_SAVE_QUALITY = 90


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture to look at.

    Attributes:
        file: where it comes from.
        image: its pixels.
        frame: its number in a video, from 0; None for a picture file.
    """

    file: Path
    image: Image
    frame: int | None = None

    @property
    def name(self) -> str:
        """How it is called in the table."""
        return self.file.name if self.frame is None else f"{self.file.name}#{self.frame}"


@dataclass(frozen=True, slots=True)
class DetectOptions:
    """What the command line asks for.

    Attributes:
        paths: pictures, folders of pictures, videos.
        settings: which model and runtime.
        confidence: lowest score, 0..1.
        iou: overlap that makes two boxes of one label one, 0..1.
        as_json: one JSON object a line instead of a table.
        save_dir: where annotated copies go; None: nowhere.
    """

    paths: Sequence[Path]
    settings: DetectorSettings
    confidence: float
    iou: float
    as_json: bool = False
    save_dir: Path | None = None


def run(options: DetectOptions, out: TextIO, *, detector: Detector | None = None) -> int:
    """Look at every picture and print what is found; files that cannot be read are named on stderr.

    Args:
        options: what to look at, and how.
        out: where the results go.
        detector: instead of the one that the settings name.

    Returns:
        0, or 1 when nothing at all could be read.

    Raises:
        UsageError: ``save_dir`` is where the pictures are.
        BridgeError: no detector can be had.
    """
    files = [file for path in options.paths for file in _expand(path)]
    album = None if options.save_dir is None else _Album(options.save_dir, files)
    detector = detector or load_detector(options.settings, os.environ, _say)
    thresholds = options.confidence, options.iou
    show = _print_json if options.as_json else _Table(out, max((len(file.name) for file in files), default=0)).add
    ticker = _Ticker(len(files), shown=sys.stderr.isatty() and not out.isatty())
    seen = 0
    try:
        # The first inference pays for memory and caches; its time would mislead.
        detector.detect([np.zeros((480, 640, 3), np.uint8)], *thresholds)
        for number, file in enumerate(files):
            for picture in _read(file):
                seen += 1
                started_s = time.perf_counter()
                (found,) = detector.detect([picture.image], *thresholds)
                show(picture, found, (time.perf_counter() - started_s) * 1000, out)
                if album is not None:
                    album.add(picture, found)
                ticker.update(number, picture)
    finally:
        ticker.clear()
        detector.close()
    return 0 if seen else 1


def _expand(path: Path) -> list[Path]:
    """A folder's pictures and videos by name; anything else as it is."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.suffix.lower() in _PICTURES | _VIDEOS)


def _read(file: Path) -> Iterator[Picture]:
    """The pictures in a file; one line on stderr instead, or after those that could be read, when it is broken."""
    try:
        if file.suffix.lower() in _VIDEOS:
            yield from _frames(file)
        else:
            yield Picture(file, decode(file.read_bytes()))
    except OSError as error:
        _say(f"{file}: {error.strerror or error}")
    except FrameRejected:
        _say(f"{file}: no picture that can be decoded")
    except SourceError as error:
        _say(f"{file}: {error}")


def _frames(file: Path) -> Iterator[Picture]:
    with file.open("rb"):  # says why not, which OpenCV does not
        video = cv2.VideoCapture(str(file))
    try:
        number = 0
        while (frame := video.read())[0]:
            yield Picture(file, np.asarray(frame[1], np.uint8), number)
            number += 1
    finally:
        video.release()
    if number == 0:
        raise SourceError("no video that can be decoded")


def _print_json(picture: Picture, found: Sequence[Detection], inference_ms: float, out: TextIO) -> None:
    height, width = picture.image.shape[:2]
    line = {
        "file": str(picture.file),
        **({} if picture.frame is None else {"frame": picture.frame}),
        "width": width,
        "height": height,
        "detections": [
            {
                "label": detection.label,
                "score": round(detection.score, 4),
                "box_xyxy_px": [round(edge, 2) for edge in detection.box_xyxy_px],
            }
            for detection in found
        ],
        "inference_ms": round(inference_ms, 2),
    }
    print(json.dumps(line, ensure_ascii=False), file=out)


class _Table:
    """Plain columns; each picture is printed as soon as it was looked at."""

    def __init__(self, out: TextIO, name_width: int) -> None:
        self._name_width = max(name_width, len("FILE"))
        print(f"{'FILE':{self._name_width}}  {'SIZE':>9}  {'MS':>6}  {'LABEL':14}  SCORE  BOX (px)", file=out)

    def add(self, picture: Picture, found: Sequence[Detection], inference_ms: float, out: TextIO) -> None:
        """Print one picture: a line a detection."""
        height, width = picture.image.shape[:2]
        name, size = picture.name, f"{width}x{height}"
        first = f"{name:{self._name_width}}  {size:>9}  {inference_ms:6.1f}"
        rest = " " * len(first)
        if not found:
            print(f"{first}  -", file=out)
        for index, detection in enumerate(found):
            edges = " ".join(f"{edge:6.1f}" for edge in detection.box_xyxy_px)
            print(f"{rest if index else first}  {detection.label:14}  {detection.score:5.2f}  {edges}", file=out)


class _Album:
    """Where annotated copies go: ``NAME.jpg``, or ``NAME-2.jpg`` when another picture of this run has the name."""

    def __init__(self, folder: Path, files: Sequence[Path]) -> None:
        if any(file.parent.resolve() == folder.resolve() for file in files):
            raise UsageError(f"--save {folder} is where the pictures are: choose another folder")
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._taken: set[str] = set()

    def add(self, picture: Picture, found: Sequence[Detection]) -> None:
        """Draw what was found, into the picture itself, and write it."""
        draw_boxes(picture.image, [(detection.box_xyxy_px, detection.label, detection.score) for detection in found])
        stem = picture.file.stem if picture.frame is None else f"{picture.file.stem}-{picture.frame:06d}"
        names = (stem if number == 1 else f"{stem}-{number}" for number in itertools.count(1))
        name = next(name for name in names if name not in self._taken)
        self._taken.add(name)
        (self._folder / f"{name}.jpg").write_bytes(encode(picture.image, _SAVE_QUALITY))


class _Ticker:
    """How far it is, on stderr; only where the results go elsewhere, else they are the progress."""

    def __init__(self, total: int, *, shown: bool) -> None:
        self._total = total
        self._shown = shown

    def update(self, number: int, picture: Picture) -> None:
        """Show which file and frame it is at."""
        if self._shown:
            sys.stderr.write(f"\r\033[K{number + 1}/{self._total} {picture.name}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Leave an empty line behind."""
        if self._shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def _say(text: str) -> None:
    print(text, file=sys.stderr)
