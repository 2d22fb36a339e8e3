"""What the desk needs of the rest of the bridge, as protocols: whom it sends to, whom it tells, where it remembers.

None of them may block: the desk calls them in whichever thread has something to say, ingest's included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.model import Control, ControlValue, Offer


class CameraLine(Protocol):
    """Sends commands to cameras; the answer comes through ``CameraTalk.acknowledged``."""

    def set_values(self, camera_id: str, command_id: int, values: Mapping[str, ControlValue]) -> bool:
        """Ask a camera to change settings; False = it is not connected, or takes no commands."""

    def restart(self, camera_id: str, command_id: int) -> bool:
        """Ask a camera to start again; False = it is not connected, or takes no commands."""


class Apply(Protocol):
    """Carries out what the bridge itself does for a camera: DETECT and CONFIDENCE."""

    def __call__(self, camera_id: str, control: Control, value: ControlValue, took: Callable[[], None], /) -> None:
        """Take the value over soon, in the order of the calls, and call ``took`` then, from any thread."""


class Audience(Protocol):
    """Who hears of what is in force; told in the order in which it came about."""

    def control_state(self, camera_id: str, control: Control, value: ControlValue) -> None:
        """This value is in force now, or still."""

    def offer_changed(self, camera_id: str, offer: Offer) -> None:
        """The camera says that it is or can something else than before."""
