"""What the camera link tells the rest of the bridge about a camera besides its pictures, and asks of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class CameraTalk(Protocol):
    """Who hears what cameras say about themselves; called in ingest's thread, must neither block nor raise.

    Of a camera that is not configured nothing is said before it was admitted. ``greeted`` and ``left`` take turns, but
    for the ``greeted`` of a further hello; what a camera says between the two belongs to that one connection.
    """

    def welcome_values(self, camera_id: str) -> Mapping[str, Any]:
        """The settings for ``welcome``: ``framesize``, ``quality``, ``max_fps``, as far as the bridge has an opinion.

        Asked at each hello, after ``greeted``; None values are left out.
        """

    def greeted(self, camera_id: str, hello: Mapping[str, Any]) -> None:
        """A camera connected and said hello (again, perhaps); empty: it is a legacy camera, which takes no commands.

        A command that is given from here on reaches a modern camera after its ``welcome``.
        """

    def told_state(self, camera_id: str, values: Mapping[str, Any]) -> None:
        """The settings that are in force in the camera: known names with values of the right types only."""

    def progressed(self, camera_id: str, command_id: int, written_bytes: int, size_bytes: int) -> None:
        """How much of an image the camera has, not more than there is of it; as for the id, see ``acknowledged``."""

    def acknowledged(self, camera_id: str, command_id: int, error: str) -> None:
        """The answer to a command; ``error`` is empty when it was carried out.

        The id is what the camera says: it may be one that was never given, or was answered before.
        """

    def left(self, camera_id: str) -> None:
        """The connection that greeted ended, or a newer one takes its place; no answer will come on it any more."""
