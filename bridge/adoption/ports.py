"""What adoption needs of the rest of the bridge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Memory(Protocol):
    """Keeps JSON values from one run of the bridge to the next, by section and key."""

    def section(self, name: str) -> Mapping[str, Any]:
        """A copy of all that is in a section."""

    def put(self, section: str, key: str, value: Any) -> None:  # noqa: ANN401 - whatever JSON can say
        """Remember a value; None forgets it."""


class Household(Protocol):
    """Who gives a camera its place in the bridge."""

    def move_in(self, camera_id: str) -> None:
        """A camera was approved, perhaps again, under another name; from any thread but one at a time."""

    def move_out(self, camera_id: str) -> None:
        """An adopted camera was removed."""
