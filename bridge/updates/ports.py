"""What updates need of the rest of the bridge; none of it may block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bridge.model import UpdateOrder, UpdateStatus


class UpdateLine(Protocol):
    """Sends orders to cameras."""

    def update(self, camera_id: str, command_id: int, order: UpdateOrder) -> bool:
        """Ask a camera to fetch an image; False = it is not connected, or takes no commands."""


class UpdateAudience(Protocol):
    """Who hears how it stands with a camera's firmware, in order."""

    def update_status(self, camera_id: str, status: UpdateStatus) -> None:
        """This is how it stands now."""
