"""Folders of JPEG frames to send, made from the shared footage: people walking, an empty scene, both in turn."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
from harness import FOOTAGE, Missing

from bridge.frames.codec import encode
from bridge.frames.opencv import cv2

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.model import Image

VGA, SVGA, XGA, HD, UXGA = (640, 480), (800, 600), (1024, 768), (1280, 720), (1600, 1200)
_VISIT_FIRST, _VISIT_LAST = 95, 175  # frames of the first visit that show the person whole
_EMPTY_FRAME = 20
_SENSOR_NOISE = 2.0  # grey levels; an OV2640 in a lit room
_QUALITY = 80


def walking(folder: Path, size: tuple[int, int] = VGA, count: int = 20) -> Path:
    """Somebody walks through the picture: motion and a person in every frame."""
    frames = _footage(range(_VISIT_FIRST, _VISIT_LAST, (_VISIT_LAST - _VISIT_FIRST) // count))
    return _write(folder / "walking", [_at_size(frame, size) for frame in frames])


def still(folder: Path, size: tuple[int, int] = VGA, count: int = 24) -> Path:
    """Nobody is there and nothing moves but the sensor's noise."""
    (empty,) = _footage(range(_EMPTY_FRAME, _EMPTY_FRAME + 1))
    return _write(folder / "still", [_noisy(_at_size(empty, size), number) for number in range(count)])


def blinking(folder: Path, size: tuple[int, int] = VGA, count: int = 20) -> Path:
    """A person and the empty scene in turn: with short rules, an event a second frame. The even ones show somebody."""
    people = [_at_size(frame, size) for frame in _footage(range(_VISIT_FIRST, _VISIT_FIRST + count))]
    (empty,) = _footage(range(_EMPTY_FRAME, _EMPTY_FRAME + 1))
    empties = [_noisy(_at_size(empty, size), number) for number in range(count)]
    return _write(folder / "blinking", [one for pair in zip(people, empties, strict=True) for one in pair])


@functools.cache
def _footage(numbers: range) -> list[Image]:
    if not FOOTAGE.exists():
        raise Missing(f"no footage at {FOOTAGE}")
    video = cv2.VideoCapture(str(FOOTAGE))
    frames = []
    for number in range(numbers.stop):
        grabbed, frame = video.read() if number in numbers else (video.grab(), None)
        if not grabbed:
            raise Missing(f"{FOOTAGE} is shorter than {numbers.stop} frames")
        if frame is not None:
            frames.append(np.asarray(frame, np.uint8))
    return frames


def _at_size(frame: Image, size: tuple[int, int]) -> Image:
    """The middle of the picture in the wanted shape, scaled."""
    height, width = frame.shape[:2]
    scale = min(width / size[0], height / size[1])
    cut_width, cut_height = round(size[0] * scale), round(size[1] * scale)
    left, top = (width - cut_width) // 2, (height - cut_height) // 2
    return np.asarray(cv2.resize(frame[top : top + cut_height, left : left + cut_width], size), np.uint8)


def _noisy(frame: Image, seed: int) -> Image:
    noise = np.random.default_rng(seed).normal(0, _SENSOR_NOISE, frame.shape)
    return np.clip(frame + noise, 0, 255).astype(np.uint8)


def _write(folder: Path, frames: list[Image]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames):
        (folder / f"{number:04}.jpg").write_bytes(encode(frame, _QUALITY))
    return folder
