"""JPEG to pixels and back (OpenCV)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from bridge.errors import FrameRejected, RejectReason
from bridge.frames.opencv import cv2

if TYPE_CHECKING:
    from bridge.model import Image

Rotation = Literal[0, 90, 180, 270]

_ROTATE_CODES = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def decode(jpeg: bytes, rotate: Rotation = 0) -> Image:
    """Decode a JPEG, turned clockwise by ``rotate`` degrees.

    Returns:
        ``(height, width, 3)`` uint8, BGR.

    Raises:
        FrameRejected: the decoder refuses it (``undecodable``).
    """
    return _turn(_imdecode(jpeg, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION), rotate)


def decode_grey_eighth(jpeg: bytes, rotate: Rotation = 0) -> Image:
    """Decode at 1/8 of the width and height, in grey, turned; libjpeg skips most of the work (0.4 ms for VGA).

    Returns:
        ``(ceil(height / 8), ceil(width / 8))`` uint8, of the height and width after rotation.

    Raises:
        FrameRejected: the decoder refuses it (``undecodable``).
    """
    return _turn(_imdecode(jpeg, cv2.IMREAD_REDUCED_GRAYSCALE_8 | cv2.IMREAD_IGNORE_ORIENTATION), rotate)


def encode(image: Image, quality: int = 80) -> bytes:
    """Encode a BGR or grey picture as JPEG of the given quality (1..100)."""
    ok, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert ok  # noqa: S101 - imencode of an array that numpy accepted fails only without memory
    return bytes(data)


def _turn(image: Image, rotate: Rotation) -> Image:
    return image if rotate == 0 else np.asarray(cv2.rotate(image, _ROTATE_CODES[rotate]), np.uint8)


def _imdecode(jpeg: bytes, flags: int) -> Image:
    try:
        image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), flags)
    except cv2.error as error:
        raise FrameRejected(RejectReason.UNDECODABLE, str(error).strip()) from error
    if image is None:
        raise FrameRejected(RejectReason.UNDECODABLE)
    return np.asarray(image, np.uint8)
