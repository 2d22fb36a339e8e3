"""How a simulated board takes an update: it fetches the image as the firmware does, and checks it the same way."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from bridge.link.image import read_identity
from bridge.link.table import PROGRESS_INTERVAL_MS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_TIMEOUT_S = 20.0
_CHUNK_BYTES = 4096  # what the firmware writes to its flash at a time


class UpdateManner(StrEnum):
    """What becomes of updates."""

    WORKS = "works"
    FAILS = "fails"  # the flash cannot be written: nothing changes
    ROLLS_BACK = "rolls_back"  # the new version starts and does not reach the bridge: the old one comes back


@dataclass(frozen=True, slots=True)
class UpdateOrder:
    """An ``update`` of the bridge, checked for types.

    Attributes:
        id: of the command, for ``progress`` and ``ack``.
        url: where the image is.
        sha256: of the image, hex.
        size_bytes: of the image.
        version: that the image is said to be.
    """

    id: object
    url: str
    sha256: str
    size_bytes: int
    version: str


class UpdateFailed(Exception):
    """The image cannot be used; the words are for the ``ack``."""


async def fetch(order: UpdateOrder, board: str, manner: UpdateManner) -> AsyncIterator[int]:
    """Fetch and check the image; gives how many bytes are written, at most twice a second.

    Raises:
        UpdateFailed: nothing has changed.
    """
    image = bytearray()
    fetching = asyncio.ensure_future(asyncio.to_thread(_read_all, order, image))
    try:
        while not fetching.done():
            await asyncio.wait([fetching], timeout=PROGRESS_INTERVAL_MS / 1000)
            yield len(image)
        fetching.result()
    finally:
        fetching.cancel()
    check(order, bytes(image), board)
    if manner is UpdateManner.FAILS:
        raise UpdateFailed("the flash cannot be written (simulated)")


def check(order: UpdateOrder, image: bytes, board: str) -> None:
    """Whether the image is the one announced, and for this board; in the firmware's words.

    Raises:
        UpdateFailed: it is not.
    """
    identity = read_identity(image)
    if len(image) != order.size_bytes:
        raise UpdateFailed(f"{len(image)} of {order.size_bytes} bytes came")
    if hashlib.sha256(image).hexdigest() != order.sha256.lower():
        raise UpdateFailed("the SHA-256 is not the one announced")
    if identity is None:
        raise UpdateFailed("the image does not say which board it is for")
    if identity.board != board:
        raise UpdateFailed(f"the image is for {identity.board}, this is {board}")


def _read_all(order: UpdateOrder, image: bytearray) -> None:
    try:
        with urlopen(order.url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - http and https only, see messages.py
            while chunk := answer.read(_CHUNK_BYTES):
                image += chunk
                if len(image) > order.size_bytes:
                    raise UpdateFailed("more bytes than the bridge announced")
    except HTTPError as error:
        error.close()  # it holds the connection, and lives as long as whoever tells of it
        raise UpdateFailed(f"the image cannot be fetched: {error}") from error
    except (URLError, OSError, http.client.HTTPException) as error:
        raise UpdateFailed(f"the image cannot be fetched: {error}") from error
