"""Home Assistant's device-based discovery: one message a camera, one for the bridge. Pure and deterministic.

Rules seen on Home Assistant 2025.4, 2026.2 and 2026.11:

- Every component needs ``p`` and ``unique_id``, the root needs ``o.name``; one missing rejects the whole device.
- 2025.4 honours only ``object_id``, 2026.11 only ``default_entity_id``: both are sent.
- ``configuration_url`` without a scheme rejects the device.
- ``fps`` takes no device class; ``ms`` goes with ``duration``.

Names are text of users. They stand only where Home Assistant shows text; all templates are fixed strings of this file.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.publish.messages import LabelSlugs, Message, MessageKind, json_payload, safe_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.publish.settings import PublishedCamera, PublishSettings

_ORIGIN_NAME = "espcam-bridge"
_ORIGIN_URL = "https://github.com/espcam-bridge/espcam-bridge"
_NAME_CHARS = 100  # far more than Home Assistant shows; a bound for what a file may hold


class _Scope(NamedTuple):
    """The device that components belong to.

    Attributes:
        unique: root of their unique ids.
        entity: root of their entity ids.
    """

    unique: str
    entity: str

    def component(self, platform: str, key: str, config: dict[str, Any], entity_key: str = "") -> dict[str, Any]:
        """One component: what all have, and its own part.

        Args:
            platform: ``sensor``, ``camera``, ...
            key: unique within the device; joined by ``-``, which no camera id holds.
            config: its own part.
            entity_key: ends the entity id where ``key`` would not be nice to read.
        """
        object_id = f"{self.entity}_{entity_key or key}".lower().replace("-", "_")
        return {
            "p": platform,
            "unique_id": f"{self.unique}-{key}",
            "object_id": object_id,
            "default_entity_id": f"{platform}.{object_id}",
            **config,
        }


class _Diagnostic(NamedTuple):
    """A figure in ``telemetry`` that becomes a diagnostic sensor."""

    key: str
    name: str
    icon: str
    extra: dict[str, Any]


_RATE = {"unit_of_measurement": "fps", "state_class": "measurement", "suggested_display_precision": 1}
_DURATION = {
    "device_class": "duration",
    "unit_of_measurement": "ms",
    "state_class": "measurement",
    "suggested_display_precision": 0,
}
_TOTAL = {"state_class": "total_increasing"}
_DIAGNOSTICS = (
    _Diagnostic("fps", "Frame rate", "mdi:speedometer", _RATE),
    _Diagnostic("detect_fps", "Detection rate", "mdi:eye-check", _RATE),
    _Diagnostic("inference_ms", "Inference time", "mdi:timer-outline", _DURATION),
    _Diagnostic("frame_age_ms", "Frame age", "mdi:timer-sand", _DURATION),
    _Diagnostic("dropped", "Dropped frames", "mdi:image-minus", _TOTAL),
    _Diagnostic("rejected", "Rejected frames", "mdi:image-broken-variant", _TOTAL),
)


def discovery_messages(settings: PublishSettings, cameras: Iterable[PublishedCamera]) -> list[Message]:
    """All discovery messages, the bridge's own first because the cameras refer to it; none when it is switched off."""
    if not settings.discovery:
        return []
    return [bridge_discovery(settings), *(camera_discovery(settings, camera) for camera in cameras)]


def bridge_discovery(settings: PublishSettings) -> Message:
    """The bridge as a device: whether it is connected, and its version."""
    root = safe_id(settings.client_id)
    scope = _Scope(root, root)
    state_topic = f"{settings.base_topic}/bridge/state"
    # Without availability: it must say "disconnected" when the bridge is gone, not "unavailable".
    connection = {
        "name": "Connection",
        "state_topic": state_topic,
        "payload_on": "online",
        "payload_off": "offline",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
    }
    version = {
        "name": "Version",
        "state_topic": f"{settings.base_topic}/bridge/info",
        "value_template": "{{ value_json.version }}",
        "availability": [{"topic": state_topic}],
        "icon": "mdi:tag",
        "entity_category": "diagnostic",
    }
    payload = {
        "dev": {
            "ids": [root],
            "name": "ESP32-CAM bridge",
            "mf": _ORIGIN_NAME,
            "mdl": "bridge",
            "sw": settings.version,
            **_link(settings),
        },
        "o": _origin(settings),
        "cmps": {
            "connection": scope.component("binary_sensor", "connection", connection),
            "version": scope.component("sensor", "version", version),
        },
        "qos": 1,
    }
    return _message(settings, root, payload)


def camera_discovery(settings: PublishSettings, camera: PublishedCamera) -> Message:
    """A camera as a device with all its entities."""
    root = safe_id(settings.client_id)
    topic = f"{settings.base_topic}/{camera.id}"
    scope = _Scope(f"{root}-{camera.id}", camera.id)
    payload = {
        "dev": {
            "ids": [f"{root}_{camera.id}"],
            "name": display_name(camera.name) or camera.id,
            "mdl": "ESP32-CAM",
            "via_device": root,
            **_link(settings),
        },
        "o": _origin(settings),
        "cmps": {
            **_camera_components(scope, topic, camera.labels),
            **_label_components(scope, topic, camera),
            **_zone_components(scope, topic, camera),
            **_diagnostic_components(scope, topic),
        },
        "availability": [{"topic": f"{settings.base_topic}/bridge/state"}, {"topic": f"{topic}/availability"}],
        "availability_mode": "all",
        "qos": 1,
    }
    return _message(settings, f"{root}_{camera.id}", payload)


def camera_slugs(camera: PublishedCamera) -> LabelSlugs:
    """The topic names of all labels that count anywhere in a camera."""
    return LabelSlugs(itertools.chain(camera.labels, *camera.zones.values()))


def display_name(text: str) -> str:
    """The text on one line without control characters, at most 100 characters."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())[:_NAME_CHARS].rstrip()


def _camera_components(scope: _Scope, topic: str, labels: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    snapshot = {"name": "Snapshot", "topic": f"{topic}/snapshot"}
    motion = {"name": "Motion", "state_topic": f"{topic}/motion", "device_class": "motion"}
    detected = {
        "name": "Detected",
        "state_topic": f"{topic}/detected",
        "event_types": list(dict.fromkeys(labels)),
        "icon": "mdi:cctv",
    }
    return {
        "snapshot": scope.component("camera", "snapshot", snapshot),
        "motion": scope.component("binary_sensor", "motion", motion),
        "detected": scope.component("event", "detected", detected),
    }


def _label_components(scope: _Scope, topic: str, camera: PublishedCamera) -> dict[str, dict[str, Any]]:
    """Three entities a label; keys begin with their kind, so that no label's text can make two keys meet."""
    slugs = camera_slugs(camera)
    components: dict[str, dict[str, Any]] = {}
    for label in dict.fromkeys(camera.labels):
        slug = slugs.slug(label)
        name = _label_name(label, slug)
        there = {"name": name, "state_topic": f"{topic}/{slug}", "device_class": "occupancy"}
        count = {
            "name": f"{name} count",
            "state_topic": f"{topic}/{slug}/count",
            "state_class": "measurement",
            "icon": "mdi:counter",
        }
        thumbnail = {
            "name": f"{name} thumbnail",
            "image_topic": f"{topic}/{slug}/thumbnail",
            "content_type": "image/jpeg",
        }
        components |= {
            f"label-{slug}": scope.component("binary_sensor", f"label-{slug}", there, slug),
            f"count-{slug}": scope.component("sensor", f"count-{slug}", count, f"{slug}_count"),
            f"thumbnail-{slug}": scope.component("image", f"thumbnail-{slug}", thumbnail, f"{slug}_thumbnail"),
        }
    return components


def _zone_components(scope: _Scope, topic: str, camera: PublishedCamera) -> dict[str, dict[str, Any]]:
    """An entity a zone and label; no zone's name holds the ``-`` that ends it in the key."""
    slugs = camera_slugs(camera)
    components: dict[str, dict[str, Any]] = {}
    for zone, labels in camera.zones.items():
        for label in dict.fromkeys(labels):
            slug = slugs.slug(label)
            there = {
                "name": f"{_label_name(label, slug)} in {zone.replace('_', ' ')}",
                "state_topic": f"{topic}/zones/{zone}/{slug}",
                "device_class": "occupancy",
            }
            key = f"zone-{zone}-{slug}"
            components[key] = scope.component("binary_sensor", key, there)
    return components


def _label_name(label: str, slug: str) -> str:
    shown = display_name(label) or slug
    return shown[:1].upper() + shown[1:]


def _diagnostic_components(scope: _Scope, topic: str) -> dict[str, dict[str, Any]]:
    return {
        figure.key: scope.component(
            "sensor",
            figure.key,
            {
                "name": figure.name,
                "state_topic": f"{topic}/telemetry",
                "value_template": f"{{{{ value_json.{figure.key} }}}}",
                "icon": figure.icon,
                "entity_category": "diagnostic",
                **figure.extra,
            },
        )
        for figure in _DIAGNOSTICS
    }


def _origin(settings: PublishSettings) -> dict[str, str]:
    return {"name": _ORIGIN_NAME, "sw": settings.version, "url": _ORIGIN_URL}


def _link(settings: PublishSettings) -> dict[str, str]:
    """The page's address, only when Home Assistant would take it: any other text rejects the whole device."""
    known = settings.public_url.startswith(("http://", "https://"))
    return {"configuration_url": settings.public_url} if known else {}


def _message(settings: PublishSettings, node: str, payload: dict[str, Any]) -> Message:
    return Message(f"{settings.discovery_prefix}/device/{node}/config", json_payload(payload), MessageKind.DISCOVERY)
