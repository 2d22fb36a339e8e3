"""Values in, MQTT messages out: every topic of the contract that this path fills. Pure.

================================ ======== === =======================================================
topic (``B`` = base topic)       retained QoS payload
================================ ======== === =======================================================
``B/bridge/state``               yes      1   ``online`` / ``offline`` (also the last will)
``B/bridge/info``                yes      1   JSON
``B/<cam>/availability``         yes      1   ``online`` / ``offline``
``B/<cam>/events``               no       1   JSON, one a change
``B/<cam>/detected``             no       1   JSON for Home Assistant's ``event`` platform, one a ``new``
``B/<cam>/<label>``              yes      1   ``ON`` / ``OFF``
``B/<cam>/<label>/count``        yes      1   integer
``B/<cam>/<label>/thumbnail``    yes      0   JPEG
``B/<cam>/zones/<zone>/<label>`` yes      1   ``ON`` / ``OFF``
``B/<cam>/motion``               yes      1   ``ON`` / ``OFF``
``B/<cam>/snapshot``             yes      0   JPEG
``B/<cam>/telemetry``            yes      0   JSON
``B/<cam>/<control>/state``      yes      1   the value in force (``controls``)
``B/<cam>/update/state``         yes      1   JSON for Home Assistant's ``update`` platform
``B/bridge/telemetry``           yes      0   JSON
``B/bridge/response/<name>``     no       1   JSON
================================ ======== === =======================================================
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from bridge.model import PictureKind, UpdateStep

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bridge.model import Adaptation, CameraStatus, EventChange, UpdateStatus


class MessageKind(IntEnum):
    """How a message is treated while it waits; the order is the order in which a new connection is filled.

    ``ONLINE`` comes after all states, so that whoever waits for ``online`` finds them right, and before the pictures,
    which take long.
    """

    DISCOVERY = 0  # newest of its topic wins
    STATE = 1  # newest of its topic wins
    TELEMETRY = 2  # newest of its topic wins; QoS 0
    ONLINE = 3  # the bridge's own state
    PICTURE = 4  # newest of its topic (and event) wins, oldest dropped; QoS 0
    EVENT = 5  # never dropped before the others, never reordered


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message.

    Attributes:
        topic: where to.
        payload: the bytes.
        kind: how it is treated while it waits.
        qos: 0 or 1.
        retain: whether the broker keeps it for those who come later.
        event_id: of a thumbnail: whose picture it is; None for all else.
        frame_mono_s: of an event's step: when this process received the frame behind it, for its latency.
        frame_unix_s: of an event's step: the same on the wall clock; all that is known of one from the disk.
        number: of the letter that holds it on the disk until the broker has it; 0: it is not on the disk.
    """

    topic: str
    payload: bytes
    kind: MessageKind
    qos: int = 1
    retain: bool = True
    event_id: str | None = None
    frame_mono_s: float | None = None
    frame_unix_s: float | None = None
    number: int = 0


_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")

# Siblings of a label's topic, now and with the controls of the contract, and what stands below a label.
RESERVED_WORDS = frozenset(
    {"availability", "events", "detected", "motion", "snapshot", "telemetry", "zones", "bridge"}
    | {"detect", "flash", "framesize", "quality", "max_fps", "confidence", "restart", "update"}
    | {"count", "thumbnail", "state", "set"}
)

# What a camera may tell of itself (contract, "telemetry"). Its own fps is renamed: ours counts what arrived.
_HEALTH_KEYS = {
    "rssi_dbm": "rssi_dbm",
    "heap_free_bytes": "heap_free_bytes",
    "heap_min_bytes": "heap_min_bytes",
    "psram_free_bytes": "psram_free_bytes",
    "uptime_s": "uptime_s",
    "fps": "camera_fps",
    "send_ms": "send_ms",
    "frames_sent": "frames_sent",
    "frames_failed": "frames_failed",
    "frames_dropped": "frames_dropped",
    "camera_errors": "camera_errors",
    "reconnects": "reconnects",
    "temperature_c": "temperature_c",
}
_REASON_CHARS = 100
_SUMMARY_CHARS = 255  # what Home Assistant takes at most
_SENSIBLE = 1e15


def safe_id(text: str) -> str:
    """The text with all but ``[A-Za-z0-9_-]`` turned into ``_``: fit for a topic level and for Home Assistant's ids."""
    return _UNSAFE.sub("_", text)


class LabelSlugs:
    """The topic names of a camera's labels: stable, and never the same for two labels.

    Neither case nor ``-`` for ``_`` tells two apart, because Home Assistant's entity ids know neither.

    Args:
        labels: known from the start; others get their name when first asked for.
    """

    def __init__(self, labels: Iterable[str] = ()) -> None:
        self._slugs: dict[str, str] = {}
        self._taken: set[str] = set()
        for label in labels:
            self.slug(label)

    def slug(self, label: str) -> str:
        """The label's topic name: ``traffic light`` → ``traffic_light``, ``motion`` → ``label_motion``."""
        if label not in self._slugs:
            slug = self._unique(safe_id(label) or "_")
            self._slugs[label] = slug
            self._taken.add(_entity_form(slug))
        return self._slugs[label]

    def _unique(self, plain: str) -> str:
        first = f"label_{plain}" if plain.casefold() in RESERVED_WORDS else plain
        slug, number = first, 1
        while _entity_form(slug) in self._taken:
            number += 1
            slug = f"{first}_{number}"
        return slug


def _entity_form(slug: str) -> str:
    return slug.casefold().replace("-", "_")


def iso_time(unix_s: float) -> str:
    """``2026-11-23T04:05:06.789Z``."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def json_payload(value: Mapping[str, Any]) -> bytes:
    """Compact UTF-8 JSON in the mapping's own order; lone surrogates, which no parser takes, become ``?``."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace")


def bridge_state(base: str, *, online: bool) -> Message:
    """Whether the bridge is there; the offline one is also the last will."""
    return Message(f"{base}/bridge/state", _online(online=online), MessageKind.ONLINE)


def bridge_info(base: str, info: Mapping[str, Any]) -> Message:
    """What the bridge is; the caller sees to it that no secret is in there."""
    return Message(f"{base}/bridge/info", json_payload(info), MessageKind.STATE)


def availability(base: str, camera_id: str, *, online: bool) -> Message:
    """Whether the camera sends frames."""
    return Message(f"{base}/{camera_id}/availability", _online(online=online), MessageKind.STATE)


def motion(base: str, camera_id: str, *, on: bool) -> Message:
    """Whether anything moves in the camera's picture."""
    return Message(f"{base}/{camera_id}/motion", _on(on=on), MessageKind.STATE)


def presence(base: str, camera_id: str, slug: str, count: int) -> tuple[Message, Message]:
    """Whether someone is there now, and how many."""
    topic = f"{base}/{camera_id}/{slug}"
    return (
        Message(topic, _on(on=count > 0), MessageKind.STATE),
        Message(f"{topic}/count", str(count).encode(), MessageKind.STATE),
    )


def zone_presence(base: str, camera_id: str, zone: str, slug: str, count: int) -> Message:
    """Whether someone is in a zone now."""
    return Message(f"{base}/{camera_id}/zones/{zone}/{slug}", _on(on=count > 0), MessageKind.STATE)


def snapshot(base: str, camera_id: str, jpeg: bytes) -> Message:
    """The annotated picture."""
    return Message(f"{base}/{camera_id}/snapshot", jpeg, MessageKind.PICTURE, qos=0)


def thumbnail(base: str, camera_id: str, event_id: str, slug: str, jpeg: bytes) -> Message:
    """An event's best view; its comment segment already holds the event's id."""
    return Message(f"{base}/{camera_id}/{slug}/thumbnail", jpeg, MessageKind.PICTURE, qos=0, event_id=event_id)


def event_change(base: str, change: EventChange, *, public_url: str = "") -> Message:
    """One step in an event's life, complete but for the time of sending (``letters.stamp``).

    Args:
        base: the base topic.
        change: the step.
        public_url: the page that shows past events and their pictures; empty = there is none.
    """
    event = change.event
    payload = {
        "type": change.type.value,
        "id": event.id,
        "camera": event.camera_id,
        "label": event.label,
        "score": round(event.score, 3),
        "top_score": round(event.top_score, 3),
        "box": [round(edge, 4) for edge in event.box_xyxy_norm],
        "zones": event.zones,
        "entered_zones": event.entered_zones,
        "start_time": iso_time(event.start_unix_s),
        "end_time": _iso_time_or_none(event.end_unix_s),
        "frame_time": iso_time(event.frame_unix_s),
        "captured_time": _iso_time_or_none(event.captured_unix_s),
        "received_time": iso_time(event.frame_unix_s),
        "detected_time": _iso_time_or_none(event.detected_unix_s),
        "stationary": event.stationary,
        "has_thumbnail": _has_thumbnail(change),
        **_addresses(change, public_url),
    }
    return Message(
        f"{base}/{event.camera_id}/events",
        json_payload(payload),
        MessageKind.EVENT,
        retain=False,
        frame_mono_s=event.frame_mono_s,
        frame_unix_s=event.frame_unix_s,
    )


def detected(base: str, change: EventChange, *, public_url: str = "") -> Message:
    """The same news in the form that Home Assistant's ``event`` platform takes; never retained.

    Args:
        base: the base topic.
        change: the event's beginning.
        public_url: as for ``event_change``.
    """
    event = change.event
    payload = {
        "event_type": event.label,
        "id": event.id,
        "label": event.label,
        "score": round(event.score, 3),
        "zones": event.zones,
        **_addresses(change, public_url),
    }
    return Message(f"{base}/{event.camera_id}/detected", json_payload(payload), MessageKind.EVENT, retain=False)


def telemetry(base: str, status: CameraStatus) -> Message:
    """The camera's own report of its health, and our figures of what arrives from it."""
    payload = {
        **_health(status.telemetry),
        **_reset_reason(status.hello),
        **_adaptation(status.adaptation),
        "fps": round(status.fps, 1),
        "detect_fps": round(status.detect_fps, 1),
        "inference_ms": None if status.inference_ms is None else round(status.inference_ms, 1),
        "frame_age_ms": None if status.frame_age_ms is None else round(status.frame_age_ms),
        "dropped": status.dropped,
        "rejected": sum(status.rejected.values()),
        "rejected_by_reason": dict(sorted(status.rejected.items())),
    }
    return Message(f"{base}/{status.camera_id}/telemetry", json_payload(payload), MessageKind.TELEMETRY, qos=0)


def update_status(base: str, camera_id: str, status: UpdateStatus) -> Message:
    """How it stands with a camera's firmware; Home Assistant takes these keys and no others."""
    under_way = status.step is not UpdateStep.NONE
    payload = {
        "installed_version": status.installed,
        "latest_version": status.latest,
        "in_progress": under_way,
        "update_percentage": status.percent if status.step is UpdateStep.LOADING else None,
        # The one place of its dialogue for words of ours.
        "release_summary": f"The last try failed: {status.problem}."[:_SUMMARY_CHARS] if status.problem else "",
    }
    return Message(f"{base}/{camera_id}/update/state", json_payload(payload), MessageKind.STATE)


def take_back(topic: str) -> Message:
    """Nothing is retained on this topic any more; acknowledged, whatever lay there."""
    return Message(topic, b"", MessageKind.STATE)


def bridge_telemetry(base: str, values: Mapping[str, Any]) -> Message:
    """The bridge's own figures (``cameras``, ``cameras_online``, ``inference_ms``, ``queue``, ``uptime_s``, ...)."""
    return Message(f"{base}/bridge/telemetry", json_payload(values), MessageKind.TELEMETRY, qos=0)


def response(base: str, name: str, payload: Mapping[str, Any]) -> Message:
    """The answer to a request; not retained."""
    return Message(f"{base}/bridge/response/{name}", json_payload(payload), MessageKind.STATE, retain=False)


def _health(told: Mapping[str, Any]) -> dict[str, float]:
    """The known keys with sensible numbers: a camera may send anything, and JSON has neither NaN nor infinity."""
    return {ours: told[theirs] for theirs, ours in _HEALTH_KEYS.items() if _is_sensible(told.get(theirs))}


def _reset_reason(hello: Mapping[str, Any]) -> dict[str, str]:
    """Why the camera started, as it said when it came; one printable line, because a camera may send anything."""
    told = hello.get("reset_reason")
    if not isinstance(told, str):
        return {}
    line = "".join(char for char in told if char.isprintable()).strip()[:_REASON_CHARS]
    return {"reset_reason": line} if line else {}


def _adaptation(adaptation: Adaptation | None) -> dict[str, object]:
    """How far the camera is from what its user wants; nothing of one that takes no settings."""
    if adaptation is None:
        return {}
    why = f": {adaptation.reason}" if adaptation.reason else ""
    return {"adapt_level": adaptation.level, "adapt": f"{adaptation.settings}{why}"[:_SUMMARY_CHARS]}


def _is_sensible(value: object) -> bool:
    # The comparison is exact for integers of any size, and False for NaN.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _SENSIBLE


def _iso_time_or_none(unix_s: float | None) -> str | None:
    return None if unix_s is None else iso_time(unix_s)


def _has_thumbnail(change: EventChange) -> bool:
    return change.event.has_thumbnail or change.thumbnail_jpeg is not None


def _addresses(change: EventChange, public_url: str) -> dict[str, str]:
    """Where a browser finds the event's pictures, for as long as the history keeps them."""
    pictures = {
        PictureKind.THUMBNAIL: _has_thumbnail(change),
        PictureKind.SNAPSHOT: change.event.has_snapshot or change.snapshot_jpeg is not None,
    }
    root = f"{public_url.rstrip('/')}/api/events/{change.event.id}"
    return {f"{kind.value}_url": f"{root}/{kind.value}.jpg" for kind, there in pictures.items() if there and public_url}


def _online(*, online: bool) -> bytes:
    return b"online" if online else b"offline"


def _on(*, on: bool) -> bytes:
    return b"ON" if on else b"OFF"
