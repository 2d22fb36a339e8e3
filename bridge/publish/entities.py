"""What Home Assistant is shown of the bridge and of a camera: devices and their entities. Pure and deterministic.

Nothing here knows how they are announced; that is ``discovery``. An entity's key never changes: its unique id, and with
it all that a user has set for it in Home Assistant, hangs on the key.

Rules seen on Home Assistant 2025.4, 2026.2 and 2026.11:

- 2025.4 honours only ``object_id``, 2026.11 only ``default_entity_id``: both are given.
- ``configuration_url`` without a scheme rejects the device.
- ``fps`` takes no device class; ``ms`` and ``s`` go with ``duration``, ``B`` with ``data_size``.
- A sensor may be ``diagnostic``, never ``config``.
- Defaults of ``availability`` and ``dev`` are written out (``payload_available``, ``cns``, ...). 2025.4 checks payloads
  while another thread loads the modules of further platforms. These share the checking objects (``vol.All``), which are
  empty for a moment then: what is checked meanwhile passes unchecked and without defaults, and an entity is lost with
  ``KeyError: 'payload_available'``. With nothing left to default, that moment does no harm.
- A figure that a camera does not tell: ``default(none)`` makes the entity ``unknown``, anything else a warning.

Names are text of users. They stand only where Home Assistant shows text; all templates are fixed strings of this file.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.publish import controls
from bridge.publish.commands import INSTALL
from bridge.publish.messages import LabelSlugs, safe_id
from bridge.publish.wording import named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bridge.publish.settings import PublishedCamera, PublishSettings

MAKER = "espcam-bridge"
_NAME_CHARS = 100  # far more than Home Assistant shows; a bound for what a file may hold
_READ_KEYS = ("state_topic", "topic", "image_topic")
# One with the broadcast bit is no board's, and one of zeros is every broken board's: Home Assistant would take all
# devices with the same address for one.
_MAC = re.compile(r"(?!(?:00:){5}00)[0-9a-f][02468ace](?::[0-9a-f]{2}){5}")


class Entity(NamedTuple):
    """One entity, as Home Assistant is told of it.

    Attributes:
        key: unique within the device, ``[A-Za-z0-9_-]``.
        platform: ``sensor``, ``camera``, ...
        config: the rest.
    """

    key: str
    platform: str
    config: Mapping[str, Any]

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that its state, or its picture, lies on."""
        return tuple(self.config[key] for key in _READ_KEYS if key in self.config)


@dataclass(frozen=True, slots=True)
class Device:
    """A device and all that it has.

    Attributes:
        node: its name in discovery topics.
        about: what Home Assistant's device page shows, and how it knows the device again.
        entities: in the order in which they are announced.
        availability: topics that all must say ``online`` for its entities to be there; empty = its entities say so
            themselves.
    """

    node: str
    about: Mapping[str, Any]
    entities: tuple[Entity, ...]
    availability: tuple[str, ...] = ()


class _Scope(NamedTuple):
    """The device that entities belong to.

    Attributes:
        unique: root of their unique ids.
        entity: root of their entity ids.
        topic: root of their topics.
    """

    unique: str
    entity: str
    topic: str

    def made(self, platform: str, key: str, config: Mapping[str, Any], entity_key: str = "") -> Entity:
        """One entity: what all have, and its own part.

        Args:
            platform: ``sensor``, ``camera``, ...
            key: unique within the device; joined by ``-``, which no camera id holds.
            config: its own part.
            entity_key: ends the entity id where ``key`` would not be nice to read.
        """
        object_id = f"{self.entity}_{entity_key or key}".lower().replace("-", "_")
        common = {
            "unique_id": f"{self.unique}-{key}",
            "object_id": object_id,
            "default_entity_id": f"{platform}.{object_id}",
        }
        return Entity(key, platform, {**common, **config})

    def figure(self, figure: _Figure, availability: Mapping[str, Any]) -> Entity:
        """A diagnostic sensor for a figure of the device's telemetry."""
        config = {
            "name": named(figure.key),
            "state_topic": f"{self.topic}/telemetry",
            "value_template": f"{{{{ value_json.{figure.key} | default(none) }}}}",
            "icon": figure.icon,
            "entity_category": "diagnostic",
            **figure.extra,
            **availability,
        }
        return self.made("sensor", figure.key, config)


class _Figure(NamedTuple):
    """A figure in ``telemetry`` that becomes a diagnostic sensor."""

    key: str
    icon: str
    extra: Mapping[str, Any]


def _measured(unit: str = "", device_class: str = "", digits: int = 0) -> dict[str, Any]:
    return {
        **({"device_class": device_class} if device_class else {}),
        **({"unit_of_measurement": unit} if unit else {}),
        "state_class": "measurement",
        "suggested_display_precision": digits,
    }


_RATE = _measured("fps", digits=1)
_MILLISECONDS = _measured("ms", "duration")
_BYTES = _measured("B", "data_size")
_TOTAL = {"state_class": "total_increasing"}
# What the bridge knows of every camera.
_ARRIVAL = (
    _Figure("fps", "mdi:speedometer", _RATE),
    _Figure("detect_fps", "mdi:eye-check", _RATE),
    _Figure("inference_ms", "mdi:timer-outline", _MILLISECONDS),
    _Figure("frame_age_ms", "mdi:timer-sand", _MILLISECONDS),
    _Figure("dropped", "mdi:image-minus", _TOTAL),
    _Figure("rejected", "mdi:image-broken-variant", _TOTAL),
)
# What only a camera itself can tell.
_HEALTH = (
    _Figure("rssi_dbm", "mdi:wifi", _measured("dBm", "signal_strength")),
    _Figure("heap_free_bytes", "mdi:memory", _BYTES),
    _Figure("heap_min_bytes", "mdi:memory-arrow-down", _BYTES),
    _Figure("psram_free_bytes", "mdi:memory", _BYTES),
    _Figure("uptime_s", "mdi:clock-start", _measured("s", "duration")),
    _Figure("temperature_c", "mdi:thermometer", _measured("°C", "temperature", digits=1)),
    _Figure("reconnects", "mdi:lan-connect", _TOTAL),
    _Figure("reset_reason", "mdi:restart-alert", {}),
    _Figure("adapt", "mdi:tune-vertical", {}),
)
_BRIDGE = (
    _Figure("cameras", "mdi:cctv", _measured()),
    _Figure("cameras_online", "mdi:cctv", _measured()),
    _Figure("waiting", "mdi:account-clock", _measured()),
    _Figure("inference_ms", "mdi:timer-outline", _MILLISECONDS),
    _Figure("queue", "mdi:tray-full", _measured()),
    _Figure("uptime_s", "mdi:clock-start", _measured("s", "duration")),
)


def availability_list(topics: Iterable[str]) -> list[dict[str, str]]:
    """What Home Assistant calls ``availability``, with its defaults written out."""
    return [{"topic": topic, "payload_available": "online", "payload_not_available": "offline"} for topic in topics]


def bridge_device(settings: PublishSettings) -> Device:
    """The bridge itself: whether it is connected, its figures, and its buttons."""
    root = safe_id(settings.client_id)
    scope = _Scope(root, root, f"{settings.base_topic}/bridge")
    state_topic = f"{scope.topic}/state"
    # Each says for itself when it is there: ``connection`` must say "disconnected" when the bridge is gone, not
    # "unavailable".
    while_online = {"availability": availability_list([state_topic])}
    connection = {
        "name": named("connection"),
        "state_topic": state_topic,
        "payload_on": "online",
        "payload_off": "offline",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
    }
    version = {
        "name": named("version"),
        "state_topic": f"{scope.topic}/info",
        "value_template": "{{ value_json.version | default(none) }}",
        "icon": "mdi:tag",
        "entity_category": "diagnostic",
        **while_online,
    }
    entities = (
        scope.made("binary_sensor", "connection", connection),
        scope.made("sensor", "version", version),
        *(scope.figure(figure, while_online) for figure in _BRIDGE),
        _request(scope, "restart", {"device_class": "restart", **while_online}),
        _request(scope, "reload", {"icon": "mdi:file-refresh", **while_online}),
    )
    about = {
        "ids": [root],
        "cns": [],
        "name": named("bridge"),
        "mf": MAKER,
        "mdl": "bridge",
        "sw": settings.version,
        **_link(settings),
    }
    return Device(root, about, entities)


def camera_device(settings: PublishSettings, camera: PublishedCamera) -> Device:
    """A camera with all that it has and can."""
    root = safe_id(settings.client_id)
    scope = _Scope(f"{root}-{camera.id}", camera.id, f"{settings.base_topic}/{camera.id}")
    offer = camera.offer
    figures = (*_ARRIVAL, *_HEALTH) if offer.reports_health else _ARRIVAL
    entities = (
        *_views(scope, camera.labels),
        *_label_entities(scope, camera),
        *_zone_entities(scope, camera),
        *(scope.figure(figure, {}) for figure in figures),
        *(scope.made(part.platform, part.key, part.config) for part in controls.parts(scope.topic, offer)),
        *((_firmware(scope, settings),) if offer.takes_updates else ()),
    )
    about = {
        "ids": [f"{root}_{camera.id}"],
        "cns": [["mac", offer.mac.lower()]] if _MAC.fullmatch(offer.mac.lower()) else [],
        "name": display_name(camera.name) or camera.id,
        "mf": "Espressif",
        "mdl": display_name(offer.board) or "ESP32-CAM",
        **({"sw": display_name(offer.firmware)} if display_name(offer.firmware) else {}),
        "via_device": root,
        **_link(settings),
    }
    there = (f"{settings.base_topic}/bridge/state", f"{scope.topic}/availability")
    return Device(f"{root}_{camera.id}", about, entities, there)


def camera_slugs(camera: PublishedCamera) -> LabelSlugs:
    """The topic names of all labels that count anywhere in a camera."""
    return LabelSlugs(itertools.chain(camera.labels, *camera.zones.values()))


def display_name(text: str) -> str:
    """The text on one line without control characters, at most 100 characters."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())[:_NAME_CHARS].rstrip()


def _firmware(scope: _Scope, settings: PublishSettings) -> Entity:
    """Its firmware; there while the bridge is, because a camera that restarts with a new one is away for a while."""
    config = {
        "name": named("update"),
        "state_topic": f"{scope.topic}/update/state",
        "command_topic": f"{scope.topic}/update/set",
        "payload_install": INSTALL,
        "device_class": "firmware",
        "entity_category": "config",
        "availability": availability_list([f"{settings.base_topic}/bridge/state"]),
    }
    return scope.made("update", "update", config, "firmware")


def _request(scope: _Scope, name: str, extra: Mapping[str, Any]) -> Entity:
    config = {
        "name": named(name),
        "command_topic": f"{scope.topic}/request/{name}",
        "entity_category": "config",
        **extra,
    }
    return scope.made("button", name, config)


def _views(scope: _Scope, labels: tuple[str, ...]) -> tuple[Entity, ...]:
    snapshot = {"name": named("snapshot"), "topic": f"{scope.topic}/snapshot"}
    motion = {"name": named("motion"), "state_topic": f"{scope.topic}/motion", "device_class": "motion"}
    detected = {
        "name": named("detected"),
        "state_topic": f"{scope.topic}/detected",
        "event_types": list(dict.fromkeys(labels)),
        "icon": "mdi:cctv",
    }
    return (
        scope.made("camera", "snapshot", snapshot),
        scope.made("binary_sensor", "motion", motion),
        scope.made("event", "detected", detected),
    )


def _label_entities(scope: _Scope, camera: PublishedCamera) -> list[Entity]:
    """Three entities a label; keys begin with their kind, so that no label's text can make two keys meet."""
    slugs = camera_slugs(camera)
    entities: list[Entity] = []
    for label in dict.fromkeys(camera.labels):
        slug = slugs.slug(label)
        name, topic = _label_name(label, slug), f"{scope.topic}/{slug}"
        there = {"name": named("label", label=name), "state_topic": topic, "device_class": "occupancy"}
        count = {
            "name": named("count", label=name),
            "state_topic": f"{topic}/count",
            "state_class": "measurement",
            "icon": "mdi:counter",
        }
        thumbnail = {
            "name": named("thumbnail", label=name),
            "image_topic": f"{topic}/thumbnail",
            "content_type": "image/jpeg",
        }
        entities += [
            scope.made("binary_sensor", f"label-{slug}", there, slug),
            scope.made("sensor", f"count-{slug}", count, f"{slug}_count"),
            scope.made("image", f"thumbnail-{slug}", thumbnail, f"{slug}_thumbnail"),
        ]
    return entities


def _zone_entities(scope: _Scope, camera: PublishedCamera) -> list[Entity]:
    """An entity a zone and label; no zone's name holds the ``-`` that ends it in the key."""
    slugs = camera_slugs(camera)
    entities: list[Entity] = []
    for zone, labels in camera.zones.items():
        for label in dict.fromkeys(labels):
            slug = slugs.slug(label)
            there = {
                "name": named("zone", label=_label_name(label, slug), zone=zone.replace("_", " ")),
                "state_topic": f"{scope.topic}/zones/{zone}/{slug}",
                "device_class": "occupancy",
            }
            entities.append(scope.made("binary_sensor", f"zone-{zone}-{slug}", there))
    return entities


def _label_name(label: str, slug: str) -> str:
    shown = display_name(label) or slug
    return shown[:1].upper() + shown[1:]


def _link(settings: PublishSettings) -> dict[str, str]:
    """The page's address, only when Home Assistant would take it: any other text rejects the whole device."""
    known = settings.public_url.startswith(("http://", "https://"))
    return {"configuration_url": settings.public_url} if known else {}
