"""Connects the control desk with who carries settings out (the inference loop, the cameras) and who hears of them."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Protocol

from bridge.controls.desk import ControlDesk
from bridge.controls.ports import CameraLine
from bridge.errors import ControlRefused
from bridge.model import CONTROL_RANGES, Control

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bridge.model import ControlValue, Offer, UpdateOrder
    from bridge.publish.settings import PublishedCamera
    from bridge.runtime.clock import Clock
    from bridge.runtime.memory import Memory

# The desk gives a camera 5 s for its answer; this much more for the way there and back.
_WAIT_S = 6.0


class Detection(Protocol):
    """Who carries out what the bridge itself does for a camera (``pipeline.Pipeline``)."""

    def set_detect(self, camera_id: str, *, on: bool, done: Callable[[], None]) -> None:
        """Switch detection on or off, soon; ``done`` is called when it took effect."""

    def set_confidence(self, camera_id: str, confidence: float, *, done: Callable[[], None]) -> None:
        """Change the lowest score that counts, soon; ``done`` is called when it took effect."""


class Teller(Protocol):
    """Who tells the broker (``publish.publisher.Publisher``)."""

    def control_state(self, camera_id: str, control: Control, value: ControlValue) -> None:
        """A control has this value now."""

    def update_camera(self, camera: PublishedCamera) -> None:
        """A camera can something else than before."""


class Line(CameraLine, Protocol):
    """How cameras are reached (``ingest.server.IngestServer``)."""

    def update(self, camera_id: str, command_id: int, order: UpdateOrder) -> bool:
        """Ask a camera to fetch an image; False = it is not connected, or takes no commands."""


class Switchboard:
    """The desk and its wires; thread-safe.

    Args:
        pipeline: carries out what the bridge itself does (DETECT, CONFIDENCE).
        publisher: tells the broker.
        describe: makes what the broker is told of a camera, from its id and what it offers.
        memory: what users set, and what cameras offered, outlives the bridge there.
        clock: for time-outs.
        numbers: of the commands to cameras.
    """

    def __init__(
        self,
        *,
        pipeline: Detection,
        publisher: Teller,
        describe: Callable[[str, Offer], PublishedCamera],
        memory: Memory,
        clock: Clock,
        numbers: Iterator[int] | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._publisher = publisher
        self._describe = describe
        self._line: Line | None = None
        self.desk = ControlDesk(
            line=self, apply=self._apply, audience=self, memory=memory, clock=clock, numbers=numbers
        )

    def connect(self, line: Line) -> None:
        """Say how cameras are reached."""
        self._line = line

    # --- the desk's wires --------------------------------------------------------------------------------------

    def set_values(self, camera_id: str, command_id: int, values: Mapping[str, ControlValue]) -> bool:
        """Ask a camera to change its settings; False when it cannot be asked."""
        return self._line is not None and self._line.set_values(camera_id, command_id, values)

    def restart(self, camera_id: str, command_id: int) -> bool:
        """Ask a camera to restart; False when it cannot be asked."""
        return self._line is not None and self._line.restart(camera_id, command_id)

    def update(self, camera_id: str, command_id: int, order: UpdateOrder) -> bool:
        """Ask a camera to fetch an image; False when it cannot be asked."""
        return self._line is not None and self._line.update(camera_id, command_id, order)

    def _apply(self, camera_id: str, control: Control, value: ControlValue, done: Callable[[], None]) -> None:
        if control is Control.DETECT:
            self._pipeline.set_detect(camera_id, on=bool(value), done=done)
        else:
            self._pipeline.set_confidence(camera_id, float(value), done=done)

    def control_state(self, camera_id: str, control: Control, value: ControlValue) -> None:
        """Tell the broker what a control is set to."""
        self._publisher.control_state(camera_id, control, value)

    def offer_changed(self, camera_id: str, offer: Offer) -> None:
        """Tell Home Assistant that a camera can do more, or less."""
        self._publisher.update_camera(self._describe(camera_id, offer))

    # --- for the web -------------------------------------------------------------------------------------------

    def controls(self, camera_id: str) -> Mapping[str, Any]:
        """What can be set on a camera and what it is set to, as JSON values."""
        offer, values = self.desk.offer(camera_id), self.desk.values(camera_id)
        return {
            "values": {control.value: value for control, value in values.items()},
            "offers": [control.value for control in offer.controls],
            "framesizes": list(offer.framesizes),
            "ranges": {
                control.value: {"min": limits.low, "max": limits.high, "step": limits.step}
                for control, limits in CONTROL_RANGES.items()
                if control in offer.controls
            },
        }

    def set_control(self, camera_id: str, name: str, value: object) -> None:
        """Set a control and wait until it took effect, 6 s at most.

        Raises:
            ControlRefused: it did not; says why.
        """
        try:
            control = Control(name)
        except ValueError:
            known = ", ".join(control.value for control in self.desk.offer(camera_id).controls)
            raise ControlRefused(f"there is no control {name!r}; this camera has: {known}") from None
        if not isinstance(value, bool | int | float | str):
            raise ControlRefused(f"{name} takes one value, not {type(value).__name__}")
        outcome: Future[str] = Future()
        self.desk.request(camera_id, control, value, outcome.set_result)
        try:
            problem = outcome.result(_WAIT_S)
        except TimeoutError:
            problem = "no answer yet; it may still take effect"
        if problem:
            raise ControlRefused(problem)
