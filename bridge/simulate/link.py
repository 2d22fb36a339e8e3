"""What a twin needs of a connection to the bridge."""

from __future__ import annotations

from typing import Protocol


class Link(Protocol):
    """A connection to the bridge."""

    async def send(self, message: str | bytes) -> None:
        """Send a text or binary message; waits while the network cannot take more.

        Raises:
            LinkLost: the link ended.
        """

    async def receive(self) -> str | bytes:
        """Wait for a message.

        Raises:
            LinkLost: the link ended.
        """

    async def close(self) -> None:
        """Say goodbye; doing it twice is harmless."""

    def abort(self) -> None:
        """End without a word, as a board that loses its power does."""
