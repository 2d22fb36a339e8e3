"""JPEG to pixels and back: OpenCV, and simplejpeg where it is faster.

simplejpeg (libjpeg-turbo's own interface) decodes to the same pixels in a third of OpenCV's time; encoding and the
decoding at 1/8 cost the same in both (``benchmarks/codec.py``). Where it is not installed, or refuses a picture,
OpenCV decodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from bridge.errors import FrameRejected, RejectReason
from bridge.frames.opencv import cv2

try:
    import simplejpeg
except ImportError:  # no wheel for this platform
    simplejpeg = None

if TYPE_CHECKING:
    from bridge.model import Image

Rotation = Literal[0, 90, 180, 270]

_ROTATE_CODES = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_HALVES = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4}


def decode(jpeg: bytes, rotate: Rotation = 0, *, shrink: Literal[1, 2, 4] = 1) -> Image:
    """Decode a JPEG, turned clockwise by ``rotate`` degrees.

    Args:
        jpeg: the picture.
        rotate: degrees.
        shrink: decode at 1/2 or 1/4 of the width and height (rounded up), which skips most of the work.

    Returns:
        ``(height, width, 3)`` uint8, BGR.

    Raises:
        FrameRejected: the decoder refuses it (``undecodable``).
    """
    image = _decode_fast(jpeg, shrink) if simplejpeg is not None else None
    if image is None:
        image = _imdecode(jpeg, _HALVES[shrink] | cv2.IMREAD_IGNORE_ORIENTATION)
    return _turn(image, rotate)


def shrink_for(width_px: int, height_px: int, longest_px: int) -> Literal[1, 2, 4]:
    """How far a picture may be shrunk while it is decoded and still have ``longest_px`` on its longer side.

    Only powers of two: libjpeg's other scales cost more than they save.
    """
    ratio = max(width_px, height_px) / longest_px
    return 4 if ratio >= 4 else 2 if ratio >= 2 else 1  # noqa: PLR2004 - the powers of two


def decode_grey_eighth(jpeg: bytes, rotate: Rotation = 0) -> Image:
    """Decode at 1/8 of the width and height, in grey, turned; libjpeg skips most of the work (0.2 ms for VGA).

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


def _decode_fast(jpeg: bytes, shrink: int) -> Image | None:
    try:
        if shrink == 1:
            return np.asarray(simplejpeg.decode_jpeg(jpeg, "BGR"), np.uint8)
        height, width, _, _ = simplejpeg.decode_jpeg_header(jpeg)
        # It takes the smallest of libjpeg's sizes that is no smaller than this.
        small = simplejpeg.decode_jpeg(
            jpeg, "BGR", min_factor=shrink, min_height=-(-height // shrink), min_width=-(-width // shrink)
        )
    except ValueError:  # no JPEG, or one with small damage, which OpenCV forgives
        return None
    return np.asarray(small, np.uint8)


def _imdecode(jpeg: bytes, flags: int) -> Image:
    try:
        image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), flags)
    except cv2.error as error:
        raise FrameRejected(RejectReason.UNDECODABLE, str(error).strip()) from error
    if image is None:
        raise FrameRejected(RejectReason.UNDECODABLE)
    return np.asarray(image, np.uint8)
