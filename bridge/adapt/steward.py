"""Steers cameras: looks at each once a second, and sets what its link carries, and its lamp at night.

What a user sets is in force at once and is the ceiling from then on; nothing that is set here is taken for a wish. What
a camera was set to before, where the user never said, is kept in the memory for as long as it is set lower: a restart
must not take the lower setting for what was wanted.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from bridge.adapt.evidence import Evidence
from bridge.adapt.governor import Governor
from bridge.adapt.ladder import Settings, at, rungs
from bridge.adapt.lamp import NightLamp
from bridge.errors import ControlRefused, UnknownCamera
from bridge.model import Adaptation, CameraState, Control

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.adapt.ports import AdaptPlan, Cameras, Steering
    from bridge.model import CameraStatus, ControlValue, Offer
    from bridge.runtime.clock import Clock
    from bridge.runtime.memory import Memory

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0
ACTIVE_FOR_S: Final = 10.0
"""After something was last seen: the rate does not go up and down with every step that somebody takes."""

RETRY_S: Final = 15.0
"""A camera that refused or did not answer is asked again after so long, then after twice as long, and so on."""

_MOST_DOUBLINGS: Final = 6

SECTION: Final = "adapt"
"""Of the memory: ``{camera: {"level": …, "framesize": …, "quality": …}}``, of those that are set lower."""

_STEERED: Final = (Control.FRAMESIZE, Control.QUALITY, Control.MAX_FPS)


@dataclass(frozen=True, slots=True)
class _Try:
    """A setting that was asked for."""

    value: ControlValue
    mono_s: float
    number: int  # of tries with this value, one after another


@dataclass(eq=False, slots=True)
class _Camera:
    plan: AdaptPlan
    evidence: Evidence = field(default_factory=Evidence)
    governor: Governor = field(default_factory=Governor)
    lamp: NightLamp = field(default_factory=NightLamp)
    before: dict[Control, ControlValue] = field(default_factory=dict)  # where the user never said
    asked: Mapping[Control, int] | None = None  # how often the user has, when we last looked
    active_mono_s: float = float("-inf")
    wanted_fps: float | None = None
    lamp_asked: int = 0
    touched: set[Control] = field(default_factory=set)  # set by us, and not yet back
    pending: set[Control] = field(default_factory=set)
    tries: dict[Control, _Try] = field(default_factory=dict)


class Steward:
    """Steers all cameras; ``tick`` happens in one thread, answers come in any.

    Args:
        cameras: how they are.
        steering: sets what they can be told.
        memory: keeps what was set lower.
        clock: where the time comes from.
    """

    def __init__(self, *, cameras: Cameras, steering: Steering, memory: Memory, clock: Clock) -> None:
        self._store = cameras
        self._steering = steering
        self._memory = memory
        self._clock = clock
        self._cameras: dict[str, _Camera] = {}
        self._looked_mono_s = float("-inf")

    def add_camera(self, camera_id: str, plan: AdaptPlan) -> None:
        """Take up a camera; what it was set lower is known from before."""
        camera = _Camera(plan)
        kept = self._memory.section(SECTION).get(camera_id)
        if isinstance(kept, dict):
            camera.before = _settings_from(kept)
            if plan.enabled and isinstance(kept.get("level"), int) and kept["level"] > 0:
                camera.governor.level, camera.governor.reason = kept["level"], "as before the restart"
        self._cameras[camera_id] = camera

    def change_camera(self, camera_id: str, plan: AdaptPlan) -> None:
        """Steer a camera by another plan from now on."""
        if (camera := self._cameras.get(camera_id)) is not None:
            camera.plan = plan

    def drop(self, camera_id: str) -> None:
        """Let a camera go; what it was set lower is remembered, for when it is back."""
        self._cameras.pop(camera_id, None)

    def forget(self, camera_id: str) -> None:
        """Drop a camera that was removed."""
        self.drop(camera_id)
        self._memory.put(SECTION, camera_id, None)

    def tick(self) -> None:
        """Let time pass; call it as often as you like."""
        now_mono_s = self._clock.mono_s()
        if now_mono_s - self._looked_mono_s < LOOK_EVERY_S:
            return
        self._looked_mono_s = now_mono_s
        for status in self._store.statuses():
            camera_id = status.camera_id
            camera = self._cameras.get(camera_id)
            if camera is None:
                continue
            offer = self._steering.offer(camera_id)
            if status.state is not CameraState.ONLINE:
                camera.governor.pause()
                continue
            with contextlib.suppress(UnknownCamera):  # it may go at any moment
                self._steer(camera_id, camera, status, offer, now_mono_s)
                self._light(camera_id, camera, status, offer, now_mono_s)

    # --- the link ------------------------------------------------------------------------------------------------

    def _steer(self, camera_id: str, camera: _Camera, status: CameraStatus, offer: Offer, now_mono_s: float) -> None:
        plan = camera.plan
        if not plan.enabled and not (camera.before or camera.touched):
            return
        ceiling = self._ceiling(camera_id, camera, offer)
        if ceiling == Settings():
            return
        steps = rungs(ceiling, offer.framesizes, plan.detect_fps) if plan.enabled else (ceiling,)
        if status.eventful or status.motion or status.viewers:
            camera.active_mono_s = now_mono_s
        camera.evidence.note(status, camera.wanted_fps, now_mono_s)
        before = camera.governor.level
        verdict = camera.evidence.verdict(now_mono_s)
        if camera.governor.decide(verdict, len(steps) - 1, now_mono_s, eventful=status.eventful):
            camera.evidence.changed(now_mono_s)
            _log(camera_id, camera.governor, steps, before)
        idle = plan.enabled and now_mono_s - camera.active_mono_s > ACTIVE_FOR_S
        target = at(
            steps,
            camera.governor.level,
            eventful=status.eventful,
            detect_fps=plan.detect_fps,
            idle_fps=plan.idle_fps if idle else None,
        )
        camera.wanted_fps = target.max_fps
        self._approach(camera_id, camera, _values(ceiling), _values(target), now_mono_s)
        self._remember(camera_id, camera)
        governor = camera.governor
        self._store.note_adaptation(
            camera_id, Adaptation(governor.level, len(steps) - 1, governor.reason, described(target))
        )

    def _ceiling(self, camera_id: str, camera: _Camera, offer: Offer) -> Settings:
        """What the user wants; where nobody said, what the camera had before we came."""
        wishes = self._steering.wishes(camera_id)
        if camera.asked is not None and any(wishes.asked.get(key, 0) != camera.asked.get(key, 0) for key in _STEERED):
            camera.governor.begin_anew(self._clock.mono_s())
            camera.evidence.changed(self._clock.mono_s())
        camera.asked = wishes.asked
        in_force = self._steering.values(camera_id)
        wanted: dict[str, Any] = {}
        for control in _STEERED:
            if control not in offer.controls:
                continue
            if control in wishes.values:
                camera.before.pop(control, None)
                wanted[control.value] = wishes.values[control]
            elif control in in_force:
                wanted[control.value] = camera.before.setdefault(control, in_force[control])
        return Settings(**wanted)

    def _approach(
        self,
        camera_id: str,
        camera: _Camera,
        ceiling: Mapping[Control, ControlValue],
        target: Mapping[Control, ControlValue],
        now_mono_s: float,
    ) -> None:
        """Set what differs; a control that is as the user wants it, and was never set here, is left alone."""
        in_force = self._steering.values(camera_id)
        for control, value in target.items():
            if value != ceiling[control]:
                camera.touched.add(control)
            elif in_force.get(control) == value:
                camera.touched.discard(control)
            if control in camera.touched or control in camera.before:
                self._set(camera_id, camera, control, value, now_mono_s)

    def _set(self, camera_id: str, camera: _Camera, control: Control, value: ControlValue, now_mono_s: float) -> None:
        if control in camera.pending or self._steering.values(camera_id).get(control) == value:
            return
        last = camera.tries.get(control)
        again = last is not None and last.value == value
        # A camera that refuses, or says that it did and does something else, is asked ever more seldom.
        if last is not None and again and now_mono_s < last.mono_s + RETRY_S * 2 ** min(last.number, _MOST_DOUBLINGS):
            return
        camera.tries[control] = _Try(value, now_mono_s, last.number + 1 if last is not None and again else 0)
        camera.pending.add(control)
        try:
            self._steering.adjust(camera_id, control, value, partial(self._done, camera_id, camera, control, value))
        except ControlRefused as refused:
            self._done(camera_id, camera, control, value, str(refused))

    def _done(self, camera_id: str, camera: _Camera, control: Control, value: ControlValue, problem: str) -> None:
        """In any thread; a set's own methods are atomic."""
        camera.pending.discard(control)
        if problem:
            log.warning("%s: %s was not adapted to %s: %s", camera_id, control, value, problem)

    def _remember(self, camera_id: str, camera: _Camera) -> None:
        in_force = self._steering.values(camera_id)
        is_back = all(in_force.get(control) == value for control, value in camera.before.items())
        kept: dict[str, Any] | None = None
        if camera.governor.level or not is_back:
            kept = {"level": camera.governor.level, **{key.value: value for key, value in camera.before.items()}}
        else:
            camera.before.clear()
        if self._memory.section(SECTION).get(camera_id) != kept:
            self._memory.put(SECTION, camera_id, kept)

    # --- the lamp ------------------------------------------------------------------------------------------------

    def _light(self, camera_id: str, camera: _Camera, status: CameraStatus, offer: Offer, now_mono_s: float) -> None:
        bright = camera.plan.flash_at_night if camera.plan.enabled else 0
        ours = Control.FLASH in camera.touched
        if Control.FLASH not in offer.controls or not (bright or ours):
            return
        asked = self._steering.wishes(camera_id).asked.get(Control.FLASH, 0)
        if asked != camera.lamp_asked:
            camera.lamp_asked = asked
            camera.lamp.set_by_hand(now_mono_s)
            camera.touched.discard(Control.FLASH)
            return
        if self._steering.values(camera_id).get(Control.FLASH, 0) and not ours:
            return  # it was on before we came
        was_on = camera.lamp.is_on
        is_on = camera.lamp.decide(status.brightness, now_mono_s, moving=status.motion, eventful=status.eventful)
        if is_on != was_on:
            log.info("%s: the lamp goes %s", camera_id, "on: it is dark, and something happens" if is_on else "off")
        if is_on:
            camera.touched.add(Control.FLASH)
        if Control.FLASH in camera.touched:
            self._set(camera_id, camera, Control.FLASH, bright if is_on else 0, now_mono_s)
            if not is_on and not self._steering.values(camera_id).get(Control.FLASH, 0):
                camera.touched.discard(Control.FLASH)


def _log(camera_id: str, governor: Governor, steps: Sequence[Settings], before: int) -> None:
    level, lowest = governor.level, len(steps) - 1
    now = described(steps[level])
    if level > before:
        log.warning("%s: sends less, %s: %s (step %d of %d)", camera_id, now, governor.reason, level, lowest)
    else:
        log.info("%s: sends more again, %s (step %d of %d)", camera_id, now, level, lowest)
    if level < before - 1:
        log.warning("%s: sending less did not help; see its sensor's cable and its supply", camera_id)


def described(settings: Settings) -> str:
    """The settings in words: ``VGA, quality 18, 10 fps``."""
    words = (
        settings.framesize,
        None if settings.quality is None else f"quality {settings.quality}",
        None if settings.max_fps is None else f"{settings.max_fps:g} fps",
    )
    return ", ".join(word for word in words if word)


def _values(settings: Settings) -> dict[Control, ControlValue]:
    named = {
        Control.FRAMESIZE: settings.framesize,
        Control.QUALITY: settings.quality,
        Control.MAX_FPS: settings.max_fps,
    }
    return {control: value for control, value in named.items() if value is not None}


def _settings_from(kept: Mapping[str, Any]) -> dict[Control, ControlValue]:
    """What was kept; what somebody made of it that cannot be is left out."""
    wanted = {Control.FRAMESIZE: str, Control.QUALITY: int}
    return {control: kept[control.value] for control, kind in wanted.items() if type(kept.get(control.value)) is kind}
