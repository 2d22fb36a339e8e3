"""How long an application image for an ESP32 is by its own header. Pure.

Source: ``esp_image_header_t`` and ``esp_image_segment_header_t`` of ESP-IDF 5 (bootloader_support, esp_app_format.h):
24 bytes of header, of which the second counts the segments and the last says whether a SHA-256 follows; each segment is
8 bytes (address, length) and its data; then padding to 16 bytes, the last of which is a checksum.
"""

from __future__ import annotations

import struct
from typing import Final

_HEADER_BYTES: Final = 24
_SEGMENT: Final = struct.Struct("<II")
_SEGMENTS_AT: Final = 1
_HASH_AT: Final = 23
_HASH_BYTES: Final = 32
_MAX_SEGMENTS: Final = 16
_ALIGN_BYTES: Final = 16


def app_bytes(image: bytes) -> int | None:
    """The length that the header and the segments add up to; None when they make no sense or the image ends before."""
    if len(image) < _HEADER_BYTES or not 1 <= image[_SEGMENTS_AT] <= _MAX_SEGMENTS:
        return None
    end = _HEADER_BYTES
    for _ in range(image[_SEGMENTS_AT]):
        if end + _SEGMENT.size > len(image):
            return None
        end += _SEGMENT.size + _SEGMENT.unpack_from(image, end)[1]
    end += _ALIGN_BYTES - end % _ALIGN_BYTES  # one byte of checksum at least
    end += _HASH_BYTES if image[_HASH_AT] else 0
    return end if end <= len(image) else None
