"""The desk where controls are set: takes requests, sends commands, answers each once, and knows what is in force.

Rules
=====
1. A request that can never work (unknown camera, a control that is not offered, a value out of range) is refused at
   once with ControlRefused. Every other one is answered exactly once: "" = carried out, else why not and the mend.
2. DETECT and CONFIDENCE are carried out by the bridge, whether the camera is there or not; the others by the camera,
   which acknowledges. A camera that is not connected is sent nothing, and the answer says so at once.
3. A command waits ``ANSWER_WITHIN_S`` for its answer. An error, the end of the connection or of that time changes
   nothing: not what is in force, not what is remembered.
4. What was carried out is in force, is told, and is remembered for the next run; but not FLASH (a lamp that lights by
   itself after a power cut helps nobody) and RESTART (nothing that stays).
5. A newer request supersedes none: both are sent and answered, in order.
6. What a camera says of its own settings is the truth: it is told, but it does not change what users want. What a
   control cannot show (a size that is not offered, a configured confidence of 0.99) is not told.
7. RESTART is carried out when the camera says so, goes away, or says hello anew: some boards are quicker than their
   answer.
8. What a user set wins over the configuration, until the configuration says something else about it than it did then.
9. A camera that says hello is welcomed with what users want of it, else with what is configured.
10. When the bridge itself takes a value over too late for an answer, it is in force all the same: told, remembered.
11. An adjustment (``adjust``) is carried out like a request and is no wish: it is not remembered, and goes when a user
    sets the control. A camera that comes back is welcomed with it before all else.

Any thread may call anything. Nothing here waits: neither for the disk nor for a camera. The line, the loop, the
audience and whoever asked are called outside the lock, in order, by whichever thread is at it; they must be quick.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from bridge.controls.catalogue import BRIDGE_CONTROLS, checked, offer_from_hello, usable
from bridge.controls.remembered import (
    OFFERS,
    WISHES,
    offer_from_json,
    offer_to_json,
    wishes_from_json,
    wishes_to_json,
)
from bridge.errors import ControlRefused
from bridge.model import Control, ControlValue, Offer, Wishes
from bridge.runtime.errands import Errands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bridge.controls.ports import Apply, Audience, CameraLine
    from bridge.runtime.clock import Clock
    from bridge.runtime.memory import Memory

log = logging.getLogger(__name__)

ANSWER_WITHIN_S: Final = 5.0
"""How long a command waits: boards stall for up to 4.4 s over Wi-Fi, and a person waits no longer."""

MAX_WAITING: Final = 32
"""Commands of one camera that may wait for their answers: ten a second would not come from a person at a slider."""

_NOT_REMEMBERED: Final = frozenset({Control.FLASH, Control.RESTART})
_WELCOME: Final = (Control.FRAMESIZE, Control.QUALITY, Control.MAX_FPS)
_REPORTED: Final = (*_WELCOME, Control.FLASH)  # the settings that a camera says it has


@dataclass(eq=False, slots=True)
class _Camera:
    configured: Mapping[Control, ControlValue] = field(default_factory=dict)
    offer: Offer = field(default_factory=Offer)
    wishes: dict[Control, ControlValue] = field(default_factory=dict)  # what users set and is remembered
    adjusted: dict[Control, ControlValue] = field(default_factory=dict)  # what is set instead, for the time being
    asked: Counter[Control] = field(default_factory=Counter)  # how often users set each
    values: dict[Control, ControlValue] = field(default_factory=dict)  # what is in force, as far as it is known


@dataclass(eq=False, slots=True)
class _Command:
    number: int
    camera_id: str
    camera: _Camera
    control: Control
    value: ControlValue
    done: Callable[[str], None]
    deadline_mono_s: float
    is_wish: bool = True  # a user's, to be remembered
    begun: bool = False  # handed to the line or the loop
    took: bool = False  # the loop has called back

    @property
    def is_the_cameras(self) -> bool:
        return self.control not in BRIDGE_CONTROLS


class ControlDesk:
    """Sets controls and remembers them; the camera link speaks with it (``CameraTalk``).

    Args:
        line: sends commands to cameras.
        apply: has DETECT and CONFIDENCE carried out.
        audience: told what is in force and what cameras offer.
        memory: keeps what users set and what cameras offer.
        clock: for the time-outs.
        numbers: gives each command its number; shared with whoever else sends commands.
    """

    def __init__(
        self,
        *,
        line: CameraLine,
        apply: Apply,
        audience: Audience,
        memory: Memory,
        clock: Clock,
        numbers: Iterator[int] | None = None,
    ) -> None:
        self._line = line
        self._apply = apply
        self._audience = audience
        self._memory = memory
        self._clock = clock
        self._lock = threading.Lock()  # guards all below
        self._errands = Errands(self._lock)
        self._cameras: dict[str, _Camera] = {}
        self._pending: dict[int, _Command] = {}  # by number, in the order of the requests, so of their deadlines
        self._numbers = numbers if numbers is not None else itertools.count(1)

    def add_camera(self, camera_id: str, configured: Mapping[Control, ControlValue]) -> Offer:
        """Take up a camera, or its new configuration.

        What the bridge does for it is told at once, and applied where users set it otherwise than it is configured.

        Args:
            camera_id: which.
            configured: what the configuration says, and the inference loop begins with.

        Returns:
            What it offered when it was last here.
        """
        with self._lock:
            camera = self._cameras.setdefault(camera_id, _Camera())
            before, camera.configured = camera.configured, dict(configured)
            camera.offer = offer_from_json(self._memory.section(OFFERS).get(camera_id))
            camera.wishes = wishes_from_json(self._memory.section(WISHES).get(camera_id), configured)
            self._remember_wishes(camera_id, camera)
            for control in Control:
                if control in BRIDGE_CONTROLS:
                    self._begin_with(camera_id, camera, control)
            changed = {
                control.value: value
                for control, value in configured.items()
                if before and control in _WELCOME and before.get(control) != value and control not in camera.wishes
            }
            if changed:  # one that is connected was welcomed with what was configured then; what it takes, it tells
                for control in _WELCOME:
                    if control.value in changed:
                        camera.adjusted.pop(control, None)
                self._errands.add(partial(self._tell_camera, camera_id, changed))
        self._errands.run()
        return camera.offer

    def request(self, camera_id: str, control: Control, value: object, done: Callable[[str], None]) -> None:
        """Ask for a control to be set.

        Args:
            camera_id: whose.
            control: which.
            value: to what; checked here.
            done: called exactly once with "" or with what went wrong, from any thread, perhaps before this returns.

        Raises:
            ControlRefused: this can never work; ``done`` is not called.
        """
        self._ask(camera_id, control, value, done, is_wish=True)

    def adjust(self, camera_id: str, control: Control, value: ControlValue, done: Callable[[str], None]) -> None:
        """Set a control as ``request`` does, but not as a user's wish: until a user sets it, or this is called again.

        A camera that connects again is welcomed with it; nothing of it outlives the bridge.
        """
        self._ask(camera_id, control, value, done, is_wish=False)

    def wishes(self, camera_id: str) -> Wishes:
        """What users want of a camera, by what they set or configured; nothing for a camera that is not known."""
        with self._lock:
            camera = self._cameras.get(camera_id)
            if camera is None:
                return Wishes()
            return Wishes(self._wanted(camera), dict(camera.asked))

    def _ask(
        self, camera_id: str, control: Control, value: object, done: Callable[[str], None], *, is_wish: bool
    ) -> None:
        with self._lock:
            camera = self._cameras.get(camera_id)
            if camera is None:
                raise ControlRefused(f"there is no camera {camera_id}: add it to the configuration")
            wanted = checked(control, value, camera.offer)
            if sum(command.camera is camera for command in self._pending.values()) >= MAX_WAITING:
                error = f"{camera_id} has {MAX_WAITING} commands to answer already; try again in {ANSWER_WITHIN_S:g} s"
                self._errands.add(partial(done, error))
            else:
                deadline_mono_s = self._clock.mono_s() + ANSWER_WITHIN_S
                number = next(self._numbers)
                command = _Command(number, camera_id, camera, control, wanted, done, deadline_mono_s, is_wish)
                self._pending[number] = command
                self._errands.add(partial(self._carry_out, command))
        self._errands.run()

    def values(self, camera_id: str) -> Mapping[Control, ControlValue]:
        """What is in force, as far as it is known; empty for a camera that is not."""
        with self._lock:
            camera = self._cameras.get(camera_id)
            return dict(camera.values) if camera is not None else {}

    def offer(self, camera_id: str) -> Offer:
        """What the camera offers; that of a silent one for a camera that is not known."""
        with self._lock:
            camera = self._cameras.get(camera_id)
            return camera.offer if camera is not None else Offer()

    def forget(self, camera_id: str) -> None:
        """Drop a camera that was removed, and all that is remembered of it."""
        with self._lock:
            self._memory.put(OFFERS, camera_id, None)
            self._memory.put(WISHES, camera_id, None)
        self.drop(camera_id)

    def drop(self, camera_id: str) -> None:
        """Let a camera go; what users set is remembered, for when it is back."""
        with self._lock:
            self._cameras.pop(camera_id, None)
            for command in self._waiting_for(camera_id):
                self._settle(command, f"{camera_id} was removed from the bridge")
        self._errands.run()

    def tick(self) -> None:
        """Answer what has waited too long; call it about ten times a second."""
        with self._lock:
            now_mono_s = self._clock.mono_s()
            for command in list(self._pending.values()):
                if now_mono_s >= command.deadline_mono_s:
                    self._settle(command, _too_late(command))
        self._errands.run()

    # --- CameraTalk ---------------------------------------------------------------------------------------------------

    def welcome_values(self, camera_id: str) -> Mapping[str, Any]:
        """The settings for ``welcome``: what users set and this camera can take, else what is configured."""
        with self._lock:
            camera = self._cameras.get(camera_id)
            if camera is None:
                return {}
            adjusted = {
                control: value
                for control in _WELCOME
                if (value := usable(control, camera.adjusted.get(control), camera.offer)) is not None
            }
            return {control.value: value for control, value in (self._wanted(camera) | adjusted).items()}

    def greeted(self, camera_id: str, hello: Mapping[str, Any]) -> None:
        """A camera said hello; what it offers is remembered, and told when it differs from before."""
        offer = offer_from_hello(hello)
        with self._lock:
            camera = self._cameras.get(camera_id)
            if camera is None:
                return
            for command in self._waiting_for(camera_id):
                if command.control is Control.RESTART and command.begun:
                    self._settle(command, "")
            if offer != camera.offer:
                self._take_offer(camera_id, camera, offer)
        self._errands.run()

    def told_state(self, camera_id: str, values: Mapping[str, Any]) -> None:
        """The settings that are in force in the camera."""
        with self._lock:
            camera = self._cameras.get(camera_id)
            if camera is None:
                return
            for control in _REPORTED:
                value = usable(control, values.get(control.value), camera.offer)
                if value is not None:
                    self._in_force(camera_id, camera, control, value)
        self._errands.run()

    def acknowledged(self, camera_id: str, command_id: int, error: str) -> None:
        """A camera's answer to a command; one that came too late, or is another camera's, is passed over."""
        with self._lock:
            command = self._pending.get(command_id)
            if command is None or command.camera_id != camera_id or not command.is_the_cameras:
                return
            if not error:
                self._carried_out(command)
            self._settle(command, f"{camera_id} refused: {error}" if error else "")
        self._errands.run()

    def left(self, camera_id: str) -> None:
        """A camera's connection ended: what waits for it will not be answered."""
        with self._lock:
            for command in self._waiting_for(camera_id):
                if command.is_the_cameras:
                    gone = f"{camera_id} went away before it answered; try again when it is back"
                    restarted = command.control is Control.RESTART and command.begun
                    self._settle(command, "" if restarted else gone)
        self._errands.run()

    # --- Outside the lock, as errands ---------------------------------------------------------------------------------

    def _carry_out(self, command: _Command) -> None:
        with self._lock:
            if command.number not in self._pending:
                return  # answered while it waited for its turn
            command.begun = True
        if not command.is_the_cameras:
            self._apply(command.camera_id, command.control, command.value, partial(self._took, command))
        elif not self._send(command):
            with self._lock:
                self._settle(command, _not_there(command.camera_id))

    def _tell_camera(self, camera_id: str, values: Mapping[str, ControlValue]) -> None:
        self._line.set_values(camera_id, next(self._numbers), values)

    def _send(self, command: _Command) -> bool:
        if command.control is Control.RESTART:
            return self._line.restart(command.camera_id, command.number)
        return self._line.set_values(command.camera_id, command.number, {command.control.value: command.value})

    def _took(self, command: _Command) -> None:
        with self._lock:
            if command.took:
                return
            command.took = True
            if self._cameras.get(command.camera_id) is command.camera:
                self._carried_out(command)
            self._settle(command, "")
        self._errands.run()

    # --- With the lock held -------------------------------------------------------------------------------------------

    def _wanted(self, camera: _Camera) -> dict[Control, ControlValue]:
        """What a camera is to be welcomed with, as far as a user or the configuration says."""
        wanted = {
            control: usable(control, camera.wishes.get(control), camera.offer) or camera.configured.get(control)
            for control in _WELCOME
        }
        return {control: value for control, value in wanted.items() if value is not None}

    def _begin_with(self, camera_id: str, camera: _Camera, control: Control) -> None:
        value = usable(control, camera.wishes.get(control), camera.offer)
        if value is not None:
            log.info("%s: %s is %s, as it was set while the bridge ran", camera_id, control, value)
            self._errands.add(partial(self._apply, camera_id, control, value, _nobody_waits))
        else:
            value = usable(control, camera.configured.get(control), camera.offer)
        if value is not None:
            self._in_force(camera_id, camera, control, value)

    def _take_offer(self, camera_id: str, camera: _Camera, offer: Offer) -> None:
        camera.offer = offer
        camera.values = {control: value for control, value in camera.values.items() if control in offer.controls}
        self._memory.put(OFFERS, camera_id, offer_to_json(offer))
        self._errands.add(partial(self._audience.offer_changed, camera_id, offer))

    def _carried_out(self, command: _Command) -> None:
        if command.control is not Control.RESTART:
            log.info("%s: %s is %s now", command.camera_id, command.control, command.value)
            self._in_force(command.camera_id, command.camera, command.control, command.value)
        if not command.is_wish:
            command.camera.adjusted[command.control] = command.value
            return
        command.camera.asked[command.control] += 1
        command.camera.adjusted.pop(command.control, None)
        if command.control not in _NOT_REMEMBERED:
            command.camera.wishes[command.control] = command.value
            self._remember_wishes(command.camera_id, command.camera)

    def _in_force(self, camera_id: str, camera: _Camera, control: Control, value: ControlValue) -> None:
        camera.values[control] = value
        self._errands.add(partial(self._audience.control_state, camera_id, control, value))

    def _remember_wishes(self, camera_id: str, camera: _Camera) -> None:
        self._memory.put(WISHES, camera_id, wishes_to_json(camera.wishes, camera.configured))

    def _waiting_for(self, camera_id: str) -> list[_Command]:
        return [command for command in self._pending.values() if command.camera_id == camera_id]

    def _settle(self, command: _Command, error: str) -> None:
        """Have the one who asked answered, unless that was done."""
        if self._pending.pop(command.number, None) is not None:
            self._errands.add(partial(command.done, error))


def _nobody_waits() -> None:
    """What was remembered is applied before the first picture; it was told already."""


def _not_there(camera_id: str) -> str:
    return f"{camera_id} is offline, or takes no commands: see that it has power and Wi-Fi, and try again"


def _too_late(command: _Command) -> str:
    within = f"within {ANSWER_WITHIN_S:g} s"
    if command.is_the_cameras:
        return f"{command.camera_id} did not answer {within}: its Wi-Fi may be weak; try again, or restart it"
    return f"the detector did not take {command.control} over {within}: it is busy or still loading, and will"
