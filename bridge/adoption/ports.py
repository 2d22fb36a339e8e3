"""What adoption needs of the rest of the bridge."""

from __future__ import annotations

from typing import Protocol


class Household(Protocol):
    """Who gives a camera its place in the bridge."""

    def move_in(self, camera_id: str) -> None:
        """A camera was approved, perhaps again, under another name; from any thread but one at a time."""

    def strike(self, camera_id: str) -> None:
        """Take an adopted camera out of the configuration, if it stands there as well; it still lives here afterwards.

        Raises:
            AdoptionRefused: that cannot be done; nothing has changed.
        """

    def move_out(self, camera_id: str) -> None:
        """An adopted camera was removed."""
