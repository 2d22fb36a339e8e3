"""Passes what cameras say of themselves on to the desks that it concerns; it is the ``CameraTalk`` of the bridge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.controls.desk import ControlDesk
    from bridge.updates.desk import UpdateDesk


class TalkRelay:
    """Each desk hears what it may wait for; the numbers of their commands differ, so answers may go to both.

    Args:
        controls: hears of settings and answers, and knows what cameras are welcomed with.
        updates: hears of versions, progress and answers.
    """

    def __init__(self, controls: ControlDesk, updates: UpdateDesk) -> None:
        self._controls = controls
        self._updates = updates

    def welcome_values(self, camera_id: str) -> Mapping[str, Any]:
        """The settings for ``welcome``."""
        return self._controls.welcome_values(camera_id)

    def greeted(self, camera_id: str, hello: Mapping[str, Any]) -> None:
        """A camera connected and said hello."""
        self._controls.greeted(camera_id, hello)
        self._updates.greeted(camera_id, hello)

    def told_state(self, camera_id: str, values: Mapping[str, Any]) -> None:
        """The settings that are in force in a camera."""
        self._controls.told_state(camera_id, values)

    def progressed(self, camera_id: str, command_id: int, written_bytes: int, size_bytes: int) -> None:
        """A camera has so much of an image."""
        self._updates.progressed(camera_id, command_id, written_bytes, size_bytes)

    def acknowledged(self, camera_id: str, command_id: int, error: str) -> None:
        """A camera's answer to a command."""
        self._controls.acknowledged(camera_id, command_id, error)
        self._updates.acknowledged(camera_id, command_id, error)

    def left(self, camera_id: str) -> None:
        """A camera's connection ended."""
        self._controls.left(camera_id)
        self._updates.left(camera_id)
