"""Stand-ins for what updates speak with, for tests without cameras and brokers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.model import UpdateOrder, UpdateStatus


@dataclass
class FakeUpdateLine:
    """Notes the orders.

    Attributes:
        connected: the cameras that take commands.
        orders: camera, command id and order of each.
    """

    connected: set[str] = field(default_factory=set)
    orders: list[tuple[str, int, UpdateOrder]] = field(default_factory=list)

    def update(self, camera_id: str, command_id: int, order: UpdateOrder) -> bool:
        """Note the order."""
        if camera_id not in self.connected:
            return False
        self.orders.append((camera_id, command_id, order))
        return True


@dataclass
class FakeUpdateAudience:
    """Notes what it is told, in order."""

    heard: list[tuple[str, UpdateStatus]] = field(default_factory=list)

    def update_status(self, camera_id: str, status: UpdateStatus) -> None:
        """Note it."""
        self.heard.append((camera_id, status))
