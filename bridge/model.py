"""Frozen values that the stages hand to each other.

Nothing here does any work. Units are in the names: ``_px`` pixels of the frame as it was sent after
rotation, ``_norm`` fractions of the frame's width and height (0..1), ``_mono_s`` seconds of the monotonic clock (for
durations; it never jumps), ``_unix_s`` seconds since 1970 (for people; it may jump).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from bridge.link.table import FLASH_RANGE, MAX_FPS_RANGE, QUALITY_RANGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    Image: TypeAlias = npt.NDArray[np.uint8]
    """A decoded picture: ``(height, width, 3)`` uint8, BGR, as OpenCV decodes it."""

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom (``xyxy``)."""

ControlValue: TypeAlias = bool | int | float | str
"""What a control is set to; which of these, says ``Control``."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One JPEG picture that passed the integrity gate.

    Attributes:
        camera_id: which camera sent it.
        seq: the bridge's own count for this camera, from 1, without gaps at the door.
        jpeg: SOI to EOI, nothing after it.
        width_px: from the JPEG header (before any rotation).
        height_px: from the JPEG header (before any rotation).
        received_mono_s: when the last byte arrived.
        received_unix_s: the same moment on the wall clock.
        captured_unix_s: the camera's own time stamp when it sent one (``ECF1``), else None.
    """

    camera_id: str
    seq: int
    jpeg: bytes
    width_px: int
    height_px: int
    received_mono_s: float
    received_unix_s: float
    captured_unix_s: float | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """One object that the model sees in one picture."""

    label: str
    score: float
    box_xyxy_px: Box


@dataclass(frozen=True, slots=True)
class Track:
    """One object followed over time in one camera.

    Attributes:
        track_id: unique within the camera for the life of the process.
        label: the model's name for it.
        score: of the newest detection, 0..1.
        box_xyxy_norm: where it was seen last.
        hits: in how many analysed frames it was detected.
        velocity_xyxy_norm_per_s: how fast each edge of the box moves, in frame widths and heights a second; 0 while
            nothing is known.
    """

    track_id: int
    label: str
    score: float
    box_xyxy_norm: Box
    hits: int
    velocity_xyxy_norm_per_s: Box = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known of a camera's picture: the outcome of the newest analysed frame.

    ``brightness`` is its mean grey, 0..255; None where nobody looks for motion.
    """

    camera_id: str
    frame_seq: int
    analysed_mono_s: float
    tracks: tuple[Track, ...] = ()
    motion: bool = False
    brightness: float | None = None


class ChangeType(StrEnum):
    """The steps of an event's life; each id has one NEW, any number of UPDATEs, one END."""

    NEW = "new"
    UPDATE = "update"
    END = "end"


@dataclass(frozen=True, slots=True)
class Event:
    """A visit: one object in one camera from its appearance to its departure.

    Attributes:
        id: ``<unix ms, 13 digits>-<6 hex digits>``: unique, sorts by time.
        camera_id: where.
        label: what.
        score: of the newest detection.
        top_score: the best so far.
        box_xyxy_norm: where it was seen last.
        start_unix_s: when it was first seen (before ``min_hits`` confirmed it).
        end_unix_s: when it was last seen; None while it lasts.
        frame_unix_s: when the frame behind this change was received.
        frame_mono_s: the same on the monotonic clock, for ``latency_ms``.
        captured_unix_s: when the camera says that it took that frame; None when it does not say.
        detected_unix_s: when the model had seen that frame; None when nothing was looked at (an end that time brought,
            or one made up after a crash).
        zones: where it is now, in the configuration's order.
        entered_zones: where it has ever been, in the order of entering.
        stationary: whether it has not moved for a while.
        has_thumbnail: whether a crop of its best view exists.
        has_snapshot: whether an annotated picture of its best view exists.
    """

    id: str
    camera_id: str
    label: str
    score: float
    top_score: float
    box_xyxy_norm: Box
    start_unix_s: float
    end_unix_s: float | None
    frame_unix_s: float
    frame_mono_s: float
    captured_unix_s: float | None = None
    detected_unix_s: float | None = None
    zones: tuple[str, ...] = ()
    entered_zones: tuple[str, ...] = ()
    stationary: bool = False
    has_thumbnail: bool = False
    has_snapshot: bool = False


@dataclass(frozen=True, slots=True)
class EventChange:
    """One step in an event's life, in order.

    Attributes:
        type: which step.
        event: the event after the step.
        thumbnail_jpeg: the best view so far when it is better than the last one handed out, else None.
        snapshot_jpeg: the whole annotated picture of that view; comes with a thumbnail, or not at all.
    """

    type: ChangeType
    event: Event
    thumbnail_jpeg: bytes | None = None
    snapshot_jpeg: bytes | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that may not be lost, as it waits on the disk for the broker.

    Attributes:
        number: its place in the queue, from 1, never used twice; 0 before it has one.
        camera_id: letters of one camera are delivered in the order of their numbers.
        event_id: the event it speaks of.
        topic: where to.
        payload: what; complete but for the time of sending.
    """

    number: int
    camera_id: str
    event_id: str
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which past events somebody wants to see, newest first; None for any.

    Attributes:
        camera_id: of this camera.
        label: of this label.
        zone: that were in this zone at any time.
        since_unix_s: that began at this time or later.
        until_unix_s: that began before this time.
        limit: how many at most.
        cursor: only events after this one in the list: ``EventPage.next_cursor`` of the page before. Stable: events
            that come or go meanwhile neither repeat nor hide others.
    """

    camera_id: str | None = None
    label: str | None = None
    zone: str | None = None
    since_unix_s: float | None = None
    until_unix_s: float | None = None
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class EventPage:
    """A part of the history; ``next_cursor`` is None on the last page."""

    events: tuple[Event, ...]
    next_cursor: str | None = None


class PictureKind(StrEnum):
    """The pictures of an event; the value is the file's name in addresses."""

    THUMBNAIL = "thumbnail"  # a crop of the best view
    SNAPSHOT = "snapshot"  # the whole picture, with boxes


@dataclass(frozen=True, slots=True)
class Adaptation:
    """How far a camera is from what its user wants, because its link carries no more.

    Attributes:
        level: steps below that; 0: it is as wanted.
        lowest: the last step that there is.
        reason: why, for people; empty at level 0.
        settings: what it is set to, in words.
    """

    level: int
    lowest: int
    reason: str = ""
    settings: str = ""


class CameraState(StrEnum):
    """What a camera is to the outside; the value is shown on the page and in ``X-Camera-State``."""

    WAITING = "waiting"  # configured, no frame since the bridge started
    ONLINE = "online"
    OFFLINE = "offline"  # no frame for offline_after_s


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """One camera's state and health, frozen at one moment (times relative to it)."""

    camera_id: str
    name: str
    state: CameraState
    last_frame_unix_s: float | None = None
    frame_age_ms: float | None = None
    width_px: int | None = None
    height_px: int | None = None
    fps: float = 0.0
    detect_fps: float = 0.0
    inference_ms: float | None = None
    received: int = 0
    detected: int = 0
    still: int = 0
    dropped: int = 0
    rejected: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    viewers: int = 0
    motion: bool = False
    present: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    hello: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    telemetry: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    eventful: bool = False
    brightness: float | None = None
    adaptation: Adaptation | None = None


class Control(StrEnum):
    """What can be set for a camera while the bridge runs; the value is its name in topics, in the API and on the link.

    The bridge itself takes care of DETECT and CONFIDENCE; the others are the camera's, and only where it offers them.
    """

    DETECT = "detect"  # bool: whether anything is looked for
    CONFIDENCE = "confidence"  # float, 0..1: lowest score that counts
    FLASH = "flash"  # int, 0 (off) to 255: the lamp's brightness
    FRAMESIZE = "framesize"  # str: one of the camera's own names, such as VGA
    QUALITY = "quality"  # int, 4 (best) to 63: the sensor's number for its JPEGs
    MAX_FPS = "max_fps"  # float: pictures a second that the camera sends, at most
    RESTART = "restart"  # bool True: a push, nothing that stays


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a user wants of a camera.

    Attributes:
        values: of the settings that a camera is welcomed with, as far as a user or the configuration says.
        asked: how often users have set each control since the bridge began; 0 where it is missing.
    """

    values: Mapping[Control, ControlValue] = field(default_factory=dict)
    asked: Mapping[Control, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers that a control takes: ``low`` to ``high``, both included; a slider moves by ``step``."""

    low: float
    high: float
    step: float


@dataclass(frozen=True, slots=True)
class Guest:
    """A camera that came to the door and is not let in until somebody approves it.

    Attributes:
        camera_id: what it calls itself.
        key_sha256: of the key that it showed, hex; empty when it showed none.
        address: where it came from.
        hello: what it said of itself, checked for types; empty: a legacy camera, or one that said nothing.
        jpeg: a picture of it; None when it sent none.
        known: a camera of that name is at home already, with another key.
    """

    camera_id: str
    key_sha256: str
    address: str
    hello: Mapping[str, Any] = field(default_factory=dict)
    jpeg: bytes | None = field(default=None, repr=False)
    known: bool = False


CONTROL_RANGES: Mapping[Control, Range] = MappingProxyType(
    {
        Control.CONFIDENCE: Range(0.05, 0.95, 0.05),  # 0 takes every shadow for a person, 1 nothing at all
        Control.FLASH: Range(*FLASH_RANGE, 1),
        Control.QUALITY: Range(*QUALITY_RANGE, 1),
        Control.MAX_FPS: Range(*MAX_FPS_RANGE, 0.5),
    }
)
"""What the controls with numbers take; those with a step of 1 take whole numbers only. The others take no numbers."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a camera says that it is and can; the default is one that says nothing, as the first sketch.

    Attributes:
        controls: what can be set, in the order of ``Control``; what the bridge itself does is always there.
        framesizes: the names that FRAMESIZE takes, smallest first.
        reports_health: whether it sends telemetry (memory, signal, temperature).
        board: the board's name; empty = unknown.
        firmware: name and version of what runs on it; empty = unknown.
        mac: its hardware address, ``aa:bb:cc:dd:ee:ff``; empty = unknown.
        takes_updates: whether its firmware can be updated over the link.
    """

    controls: tuple[Control, ...] = (Control.DETECT, Control.CONFIDENCE)
    framesizes: tuple[str, ...] = ()
    reports_health: bool = False
    board: str = ""
    firmware: str = ""
    mac: str = ""
    takes_updates: bool = False


@dataclass(frozen=True, slots=True)
class UpdateOrder:
    """What a camera is told of a firmware image.

    Attributes:
        ticket: under which the image is handed out to it; nobody else knows it.
        sha256: of the image, hex.
        size_bytes: of the image.
        version: of the image.
    """

    ticket: str = field(repr=False)
    sha256: str
    size_bytes: int
    version: str


class UpdateStep(StrEnum):
    """What happens with a camera's firmware now."""

    NONE = "none"
    LOADING = "loading"  # the camera fetches the image
    RESTARTING = "restarting"  # it has it, and starts with it


@dataclass(frozen=True, slots=True)
class UpdateStatus:
    """How it stands with a camera's firmware.

    Attributes:
        installed: the version that runs.
        latest: the newest that there is for its board; the same as ``installed`` when there is none.
        step: what happens now.
        percent: how much of the image the camera has, 0..100, while one is fetched.
        problem: why the last try failed; empty: it did not, or there was none.
    """

    installed: str
    latest: str
    step: UpdateStep = UpdateStep.NONE
    percent: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Readiness:
    """One line of ``/readyz``: a part of the bridge, whether it works, and if not why and what mends it."""

    part: str
    ready: bool
    detail: str
