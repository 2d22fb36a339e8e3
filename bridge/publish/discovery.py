"""How Home Assistant is told of devices, changes and removals, in both of its forms. Pure and deterministic.

- Device-based, one message a device (``<prefix>/device/<node>/config``): 2024.11 and newer.
- Single-component, one message an entity (``<prefix>/<platform>/<node>/<key>/config``): any version, and others that
  speak this protocol.

Rules seen on Home Assistant 2025.4, 2026.2 and 2026.11, and read in its ``components/mqtt/discovery.py``:

- Every component needs ``p`` and ``unique_id``, the root needs ``o.name``; one missing rejects the whole device.
- To leave a component out does not remove it. ``{"p": platform}`` does, and for one that is not there it is silent; in
  the single form an empty payload does.
- An empty payload to a device's topic removes the device; when there is none, it is a warning in the log.
- A component is known by the topic that it came on; what comes on another is refused with a warning. To move,
  ``{"migrate_discovery": true}`` goes to each old topic, which unloads the entities and keeps what users have set; then
  comes the new form. The old topics are emptied between the two: the documentation says afterwards, but then every
  entity warns of a conflict, while in between nobody knows these topics. (An emptied device topic warns once.)
- While a component of a device is still being set up, a second message for that device is **cut short** at it: what
  stands behind it is lost (``return`` inside the loop). So a device is told news only some seconds after the last; see
  ``stages``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.publish.entities import MAKER, availability_list, bridge_device, camera_device
from bridge.publish.messages import Message, MessageKind, json_payload
from bridge.publish.settings import DiscoveryFormat

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bridge.publish.entities import Device, Entity
    from bridge.publish.settings import PublishedCamera, PublishSettings

_ORIGIN_URL = "https://github.com/espcam-bridge/espcam-bridge"
_MIGRATE = json_payload({"migrate_discovery": True})


def discovery_messages(settings: PublishSettings, cameras: Iterable[PublishedCamera]) -> list[Message]:
    """All discovery messages, the bridge's own first because the cameras refer to it; none when it is switched off."""
    if not settings.discovery:
        return []
    devices = [bridge_device(settings), *(camera_device(settings, camera) for camera in cameras)]
    return [message for device in devices for message in announcement(settings, device)]


def announcement(
    settings: PublishSettings,
    device: Device,
    gone: Mapping[str, str] | None = None,
    form: DiscoveryFormat | None = None,
) -> list[Message]:
    """A device as it is now.

    Args:
        settings: under which names.
        device: what there is.
        gone: components that were once announced and are not any more, each with its platform.
        form: another form than that of the settings.
    """
    gone = {key: platform for key, platform in (gone or {}).items() if key not in _platforms(device)}
    if (form or settings.discovery_format) is DiscoveryFormat.DEVICE:
        return [_message(_device_topic(settings, device.node), json_payload(_device_payload(settings, device, gone)))]
    told = [
        _message(
            _single_topic(settings, device.node, entity.key, entity.platform), _single_payload(settings, device, entity)
        )
        for entity in device.entities
    ]
    return [*told, *(_message(_single_topic(settings, device.node, *part), b"") for part in gone.items())]


def config_topics(
    settings: PublishSettings, node: str, platforms: Mapping[str, str], form: DiscoveryFormat
) -> list[str]:
    """The topics that a device's announcement lies on.

    Args:
        settings: under which names.
        node: the device's.
        platforms: its components, each with its platform.
        form: of the announcement.
    """
    if form is DiscoveryFormat.DEVICE:
        return [_device_topic(settings, node)]
    return [_single_topic(settings, node, key, platform) for key, platform in platforms.items()]


def migration(topics: Iterable[str]) -> list[Message]:
    """Let Home Assistant let go of what it knows from these topics, and keep what users have set for it.

    Retained: whoever starts in the middle of a move finds nothing of the old form.
    """
    return [_message(topic, _MIGRATE) for topic in topics]


def emptied(topics: Iterable[str]) -> list[Message]:
    """Nothing is left of an announcement on these topics."""
    return [_message(topic, b"") for topic in topics]


def every_config_topic(settings: PublishSettings, node: str) -> tuple[str, ...]:
    """Filters that fit whatever was ever announced of a device, in any form."""
    return _device_topic(settings, node), f"{settings.discovery_prefix}/+/{node}/+/config"


def _platforms(device: Device) -> dict[str, str]:
    return {entity.key: entity.platform for entity in device.entities}


def _device_payload(settings: PublishSettings, device: Device, gone: Mapping[str, str]) -> dict[str, Any]:
    components = {entity.key: {"p": entity.platform, **entity.config} for entity in device.entities}
    return {
        "dev": device.about,
        "o": _origin(settings),
        "cmps": components | {key: {"p": platform} for key, platform in gone.items()},
        **_availability(device),
        "qos": 1,
    }


def _single_payload(settings: PublishSettings, device: Device, entity: Entity) -> bytes:
    common = {"dev": device.about, "o": _origin(settings), **_availability(device), "qos": 1}
    return json_payload({**common, **entity.config})


def _availability(device: Device) -> dict[str, Any]:
    if not device.availability:
        return {}
    return {"availability": availability_list(device.availability), "availability_mode": "all"}


def _origin(settings: PublishSettings) -> dict[str, str]:
    return {"name": MAKER, "sw": settings.version, "url": _ORIGIN_URL}


def _device_topic(settings: PublishSettings, node: str) -> str:
    return f"{settings.discovery_prefix}/device/{node}/config"


def _single_topic(settings: PublishSettings, node: str, key: str, platform: str) -> str:
    return f"{settings.discovery_prefix}/{platform}/{node}/{key}/config"


def _message(topic: str, payload: bytes) -> Message:
    return Message(topic, payload, MessageKind.DISCOVERY)
