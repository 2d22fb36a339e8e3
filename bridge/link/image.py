"""What a firmware image says of itself: which board it is for, and which version it is. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bridge.link.table import (
    IMAGE_BOARD_KEY,
    IMAGE_FIRST_BYTE,
    IMAGE_MARKER,
    IMAGE_SEPARATOR,
    IMAGE_VERSION_KEY,
    MAX_VERSION_BYTES,
)

_MAX_BOARD_BYTES: Final = 48
_WORDS: Final = re.compile(
    re.escape(IMAGE_MARKER + IMAGE_BOARD_KEY)
    + rb"([A-Za-z0-9._-]{1,%d})" % _MAX_BOARD_BYTES
    + re.escape(IMAGE_SEPARATOR + IMAGE_VERSION_KEY)
    + rb"([A-Za-z0-9.+_-]{1,%d})" % MAX_VERSION_BYTES
    + re.escape(IMAGE_SEPARATOR)
    + rb"\0"
)


@dataclass(frozen=True, slots=True)
class ImageIdentity:
    """What an image is.

    Attributes:
        board: as in the ``hello`` of the boards that it is for.
        version: as in their ``hello`` once it runs.
    """

    board: str
    version: str


def read_identity(image: bytes) -> ImageIdentity | None:
    """What the image says of itself; None when it is no image of this firmware.

    The words of the reader itself may be in an image as well, so only a complete marker counts; the first one does.
    """
    if not image or image[0] != IMAGE_FIRST_BYTE:
        return None
    found = _WORDS.search(image)
    return ImageIdentity(found[1].decode(), found[2].decode()) if found else None
