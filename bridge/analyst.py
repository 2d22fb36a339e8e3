"""One camera's analysis: frames and detections in, tracks, events and pictures out. No threads, no detector."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from bridge.events.machine import EventMachine, EventRules
from bridge.events.thumbnails import BestViews
from bridge.events.visit import Moment
from bridge.frames.codec import decode_grey_eighth, encode
from bridge.model import ChangeType, EventChange, Scene
from bridge.motion.attention import Attention
from bridge.motion.gate import MotionGate, MotionSettings
from bridge.serve.annotate import draw_tracks
from bridge.track.filters import DetectionFilter
from bridge.track.tracker import Tracker
from bridge.track.zones import ZoneWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bridge.events.machine import Step
    from bridge.frames.codec import Rotation
    from bridge.frames.shot import Shot
    from bridge.model import Detection, Frame, Image, Track
    from bridge.track.zones import Zone

_SNAPSHOT_QUALITY = 80
# No frame for this long: what moved has stopped as far as anybody can tell.
_SILENT_S = 3.0


class Sink(Protocol):
    """Who wants to know what the cameras see; called from the inference thread, must not block."""

    def event(self, change: EventChange) -> None:
        """An event began, went on or ended."""

    def presence(self, camera_id: str, counts: Mapping[str, int]) -> None:
        """How many objects of each label are there; labels that are absent are missing."""

    def zone_presence(self, camera_id: str, counts: Mapping[str, Mapping[str, int]]) -> None:
        """How many objects of each label are in each zone, zone → label → count; what is absent is missing."""

    def motion(self, camera_id: str, on: bool) -> None:
        """Whether something moves."""

    def snapshot(self, camera_id: str, jpeg: bytes) -> None:
        """A fresh annotated picture."""


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """What one camera's analysis needs of the settings.

    Attributes:
        camera_id: whose.
        rotate: degrees clockwise that turn the picture upright.
        detect: whether the model looks at it.
        filter: which detections count.
        zones: parts of the picture with states of their own.
        motion: how motion is found; None for not at all.
        rules: when an object becomes an event.
        thumbnail_px: the longer side of a thumbnail.
        snapshot_interval_s: longest time between snapshots; 0 for at events only.
    """

    camera_id: str
    rotate: Rotation = 0
    detect: bool = True
    filter: DetectionFilter = field(default_factory=DetectionFilter)
    zones: tuple[Zone, ...] = ()
    motion: MotionSettings | None = field(default_factory=MotionSettings)
    rules: EventRules = field(default_factory=EventRules)
    thumbnail_px: int = 480
    snapshot_interval_s: float = 10.0


class CameraAnalyst:
    """Everything the inference thread knows of one camera."""

    def __init__(self, plan: CameraPlan, new_id: Callable[[float], str], sinks: Sequence[Sink]) -> None:
        self.plan = plan
        self._sinks = sinks
        # A track must live as long as its event may pause, else one visit would become two.
        self._tracker = Tracker(confidence=plan.filter.confidence, lost_after_s=plan.rules.remember_s)
        self._machine = EventMachine(plan.camera_id, plan.rules, new_id)
        self._zones = ZoneWatch(plan.zones)
        self._views = BestViews(plan.thumbnail_px, draw_tracks, plan.rotate)
        self._gate = MotionGate(plan.motion) if plan.motion else None
        self._attention = Attention()
        self._present: Mapping[str, int] = {}
        self._present_in_zones: Mapping[str, Mapping[str, int]] = {}
        self._drawn: tuple[Frame, bytes] | None = None  # the newest event's snapshot, for the camera's own
        self._moving = False
        self._brightness: float | None = None
        self._frame_mono_s = float("-inf")
        self._snapshot_mono_s = float("-inf")
        self._snapshot_wanted = True  # the first picture is shown at once

    @property
    def eventful(self) -> bool:
        """Whether somebody is followed: an event is open, or may soon be."""
        return bool(self._machine.followed())

    def take_up(self, plan: CameraPlan, now_mono_s: float) -> None:
        """Go on with changed settings.

        What is open goes on, unless detection is off now or the picture is turned otherwise: then it ends, for nobody
        could be found again.
        """
        before, self.plan = self.plan, plan
        if plan.rotate != before.rotate or not plan.detect:
            self.close(now_mono_s)
        if plan.rotate != before.rotate:
            self._tracker = Tracker(confidence=plan.filter.confidence, lost_after_s=plan.rules.remember_s)
            self._views = BestViews(plan.thumbnail_px, draw_tracks, plan.rotate)
        self._tracker.set_confidence(plan.filter.confidence)
        self._tracker.set_lost_after(plan.rules.remember_s)
        self._machine.set_rules(plan.rules)
        self._views.longest_px = plan.thumbnail_px
        if plan.zones != before.zones:
            self._zones = ZoneWatch(plan.zones)
        if (plan.motion, plan.rotate) != (before.motion, before.rotate):
            self._gate = MotionGate(plan.motion) if plan.motion else None
        if plan.motion is None:
            self._set_moving(moving=False)

    def set_detect(self, *, on: bool, now_mono_s: float) -> None:
        """Switch detection on or off; off ends what is open: nobody would see it leave."""
        self.plan = replace(self.plan, detect=on)
        if not on:
            self.close(now_mono_s)

    def set_confidence(self, confidence: float) -> None:
        """Change the lowest score that counts; what is open goes on."""
        plan = self.plan
        self.plan = replace(
            plan,
            filter=replace(plan.filter, confidence=confidence),
            rules=replace(plan.rules, confidence=confidence),
        )
        self._tracker.set_confidence(confidence)
        self._machine.set_rules(self.plan.rules)

    def watch(self, frame: Frame) -> bool:
        """Look for motion.

        Returns:
            Whether the model shall look at the frame; always without the motion gate.

        Raises:
            FrameRejected: the frame cannot be decoded.
        """
        now_s, tracked = frame.received_mono_s, self.eventful
        wanted = True
        if self._gate is not None:
            # Turned like the picture that people see: the masks are drawn on that one.
            grey = decode_grey_eighth(frame.jpeg, self.plan.rotate)
            self._brightness = float(grey.mean())
            motion = self._gate.update(grey, now_s, tracked=tracked)
            self._set_moving(motion.moving)
            wanted = self._attention.wants(motion, tracked=tracked, now_mono_s=now_s)
        self._frame_mono_s = now_s
        return wanted

    def snapshot_due(self, now_mono_s: float) -> bool:
        """Whether the next picture is to be published: after an event began or ended, and at the interval."""
        interval_s = self.plan.snapshot_interval_s
        return self._snapshot_wanted or 0 < interval_s <= now_mono_s - self._snapshot_mono_s

    def unseen(self, frame: Frame) -> Scene:
        """What is known of a frame that the model does not look at."""
        return Scene(self.plan.camera_id, frame.seq, frame.received_mono_s, (), self._moving, self._brightness)

    def conclude(self, shot: Shot, detections: Sequence[Detection], detected_mono_s: float) -> Scene:
        """Turn one frame's detections into tracks, events and pictures, and tell the sinks.

        Args:
            shot: the frame; its pixels may be drawn on.
            detections: what the model saw in ``shot.image``.
            detected_mono_s: when its answer was there.

        Raises:
            FrameRejected: a snapshot is due and the frame cannot be decoded whole.
        """
        frame, now_s, (height, width) = shot.frame, shot.frame.received_mono_s, shot.image.shape[:2]
        wanted = self.plan.filter.keep(detections, width, height)
        tracks = self._tracker.update(wanted, width, height, now_s)
        self._tell(self._machine.tick(now_s))  # first, so that nobody gets the pictures of the visit before
        visitors = [track for track in tracks if not self._machine.belongs_to_scene(track)]
        at = Moment(now_s, frame.received_unix_s, frame.captured_unix_s, detected_mono_s)
        zones, better = self._zones.update(visitors), self._views.consider(shot, tracks, visitors)
        self._tell(self._machine.update(tracks, at, zones=zones, better_pictures=better), shot)
        if self.snapshot_due(now_s):
            if self._drawn is not None and self._drawn[0] is frame:
                self._publish_snapshot(self._drawn[1], now_s)
            else:
                self.send_snapshot(shot.whole(), tracks, now_s)
        self._drawn = None
        return Scene(self.plan.camera_id, frame.seq, now_s, tracks, self._moving, self._brightness)

    def send_snapshot(self, image: Image, tracks: Sequence[Track], now_mono_s: float) -> None:
        """Draw the tracks into the picture and publish it."""
        draw_tracks(image, tracks)
        self._publish_snapshot(encode(image, _SNAPSHOT_QUALITY), now_mono_s)

    def _publish_snapshot(self, jpeg: bytes, now_mono_s: float) -> None:
        self._snapshot_mono_s, self._snapshot_wanted = now_mono_s, False
        for sink in self._sinks:
            sink.snapshot(self.plan.camera_id, jpeg)

    def tick(self, now_mono_s: float) -> None:
        """Let time pass: a camera that fell silent shows no motion, and its events end."""
        if now_mono_s - self._frame_mono_s > _SILENT_S:
            self._set_moving(moving=False)
        self._tell(self._machine.tick(now_mono_s))

    def close(self, now_mono_s: float) -> None:
        """End what is open."""
        self._tell(self._machine.close(now_mono_s))

    def _tell(self, steps: Sequence[Step], shot: Shot | None = None) -> None:
        for step in steps:
            change = self._with_pictures(step, shot)
            for sink in self._sinks:
                sink.event(change)
        # Most ends come with the time, without a picture: the next one that arrives shows that nobody is there.
        self._snapshot_wanted |= any(step.type is not ChangeType.UPDATE for step in steps)
        self._views.keep_only(self._machine.followed())
        self._zones.keep_only(self._machine.followed())
        self._tell_presence()

    def _with_pictures(self, step: Step, shot: Shot | None) -> EventChange:
        pictures = self._views.hand_out(step.track_id, step.event.id, shot)
        has_pictures = self._views.handed_out(step.track_id)
        event = replace(step.event, has_thumbnail=has_pictures, has_snapshot=has_pictures)
        if pictures is None:
            return EventChange(step.type, event)
        self._drawn = (pictures.frame, pictures.snapshot_jpeg)
        return EventChange(step.type, event, pictures.thumbnail_jpeg, pictures.snapshot_jpeg)

    def _tell_presence(self) -> None:
        present = self._machine.present()
        if present != self._present:
            self._present = dict(present)
            for sink in self._sinks:
                sink.presence(self.plan.camera_id, present)
        in_zones = self._machine.present_in_zones()
        if in_zones != self._present_in_zones:
            self._present_in_zones = in_zones
            for sink in self._sinks:
                sink.zone_presence(self.plan.camera_id, in_zones)

    def _set_moving(self, moving: bool) -> None:
        if moving != self._moving:
            self._moving = moving
            for sink in self._sinks:
                sink.motion(self.plan.camera_id, moving)
