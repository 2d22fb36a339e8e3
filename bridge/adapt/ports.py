"""What the closed loop needs of the rest of the bridge; none of it may block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bridge.model import Adaptation, CameraStatus, Control, ControlValue, Offer, Wishes


@dataclass(frozen=True, slots=True)
class AdaptPlan:
    """How one camera is to be steered.

    Attributes:
        enabled: False: what was changed is set back, and nothing more is done.
        detect_fps: pictures a second that the detector looks at.
        idle_fps: pictures a second that are enough while nothing happens; None: as many as ever.
        flash_at_night: how bright the lamp helps, 1..255; 0: it does not.
    """

    enabled: bool = True
    detect_fps: float = 5.0
    idle_fps: float | None = None
    flash_at_night: int = 0


class Steering(Protocol):
    """Who sets what cameras can be told (``controls.desk.ControlDesk``)."""

    def offer(self, camera_id: str) -> Offer:
        """What the camera can."""

    def values(self, camera_id: str) -> Mapping[Control, ControlValue]:
        """What is in force, as far as it is known."""

    def wishes(self, camera_id: str) -> Wishes:
        """What the user wants."""

    def adjust(self, camera_id: str, control: Control, value: ControlValue, done: Callable[[str], None]) -> None:
        """Set a control, not as the user's wish; ``done`` hears what went wrong. Raises ControlRefused."""


class Cameras(Protocol):
    """Who knows how cameras are (``frames.store.FrameStore``)."""

    def statuses(self) -> Sequence[CameraStatus]:
        """How every camera is now."""

    def note_adaptation(self, camera_id: str, adaptation: Adaptation) -> None:
        """Keep how far a camera is from what the user wants, for all who show it."""
