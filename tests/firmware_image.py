"""Firmware images as a build makes them, without a compiler: header, segments, checksum, and the words inside."""

from __future__ import annotations

import random
import struct

_HEADER_BYTES = 24
_SEGMENT_HEADER_BYTES = 8
_HASH_BYTES = 32


def app_image(board: str, version: str, size_bytes: int = 300_000) -> bytes:
    """An application image of about this size; the same for the same board and version."""
    noise = random.Random(f"{board} {version}").randbytes(size_bytes)  # noqa: S311 - the same at every call
    words = f"ESPCAM-FIRMWARE;board={board};version={version};".encode() + b"\0"
    rodata = noise[: size_bytes // 4] + words
    text = noise[size_bytes // 4 :]
    header = bytearray(_HEADER_BYTES)
    header[0], header[1], header[23] = 0xE9, 2, 1
    body = b"".join(struct.pack("<II", 0x3F400020, len(part)) + part for part in (rodata, text))
    padding = 16 - (_HEADER_BYTES + len(body)) % 16
    return bytes(header) + body + bytes(padding) + noise[:_HASH_BYTES]
