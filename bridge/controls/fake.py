"""Stand-ins for what the desk speaks with, for tests without cameras and brokers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.model import Control, ControlValue, Offer


@dataclass
class FakeLine:
    """Notes the commands; ``on_send`` is called with camera and command id of each, as a camera that answers at once.

    Attributes:
        connected: the cameras that take commands.
        sent: camera, command id and values of each; the values of a restart are empty.
    """

    connected: set[str] = field(default_factory=set)
    sent: list[tuple[str, int, dict[str, ControlValue]]] = field(default_factory=list)
    on_send: Callable[[str, int], None] | None = None

    def set_values(self, camera_id: str, command_id: int, values: Mapping[str, ControlValue]) -> bool:
        """Note the settings."""
        return self._send(camera_id, command_id, dict(values))

    def restart(self, camera_id: str, command_id: int) -> bool:
        """Note the restart."""
        return self._send(camera_id, command_id, {})

    def _send(self, camera_id: str, command_id: int, values: dict[str, ControlValue]) -> bool:
        if camera_id not in self.connected:
            return False
        self.sent.append((camera_id, command_id, values))
        if self.on_send is not None:
            self.on_send(camera_id, command_id)
        return True


@dataclass
class FakeLoop:
    """An inference loop that takes values over when the test calls ``turn``."""

    applied: list[tuple[str, Control, ControlValue]] = field(default_factory=list)
    waiting: list[Callable[[], None]] = field(default_factory=list)

    def __call__(self, camera_id: str, control: Control, value: ControlValue, took: Callable[[], None], /) -> None:
        """Note the value."""
        self.applied.append((camera_id, control, value))
        self.waiting.append(took)

    def turn(self) -> None:
        """Take over all that waits, in order."""
        waiting, self.waiting = self.waiting, []
        for took in waiting:
            took()


@dataclass
class FakeAudience:
    """Notes what it is told, in order."""

    states: list[tuple[str, Control, ControlValue]] = field(default_factory=list)
    offers: list[tuple[str, Offer]] = field(default_factory=list)

    def control_state(self, camera_id: str, control: Control, value: ControlValue) -> None:
        """Note the value."""
        self.states.append((camera_id, control, value))

    def offer_changed(self, camera_id: str, offer: Offer) -> None:
        """Note the offer."""
        self.offers.append((camera_id, offer))
