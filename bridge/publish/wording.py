"""The names that people read in Home Assistant: one table a language, so that a translation is one more table.

Home Assistant puts the device's name before them. ``{label}`` is what is looked for, ``{zone}`` where; both are text of
users, who may write anything: it is put in once and never read as a template.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ENGLISH: Mapping[str, str] = MappingProxyType(
    {
        # a camera
        "snapshot": "Snapshot",
        "motion": "Motion",
        "detected": "Detected",
        "label": "{label}",
        "count": "{label} count",
        "thumbnail": "{label} thumbnail",
        "zone": "{label} in {zone}",
        # its figures
        "fps": "Frame rate",
        "detect_fps": "Detection rate",
        "inference_ms": "Inference time",
        "frame_age_ms": "Frame age",
        "dropped": "Dropped frames",
        "rejected": "Rejected frames",
        # its health, as it tells itself
        "rssi_dbm": "Signal strength",
        "heap_free_bytes": "Free memory",
        "heap_min_bytes": "Least free memory",
        "psram_free_bytes": "Free PSRAM",
        "uptime_s": "Uptime",
        "temperature_c": "Temperature",
        "reconnects": "Reconnects",
        "reset_reason": "Reset reason",
        "adapt": "Adapted to",
        # its controls
        "detect": "Detection",
        "confidence": "Confidence",
        "flash": "Flash",
        "framesize": "Frame size",
        "quality": "JPEG quality (lower is better)",
        "max_fps": "Frame rate limit",
        "restart": "Restart",
        # its firmware
        "update": "Firmware",
        # the bridge
        "bridge": "ESP32-CAM bridge",
        "connection": "Connection",
        "version": "Version",
        "cameras": "Cameras",
        "cameras_online": "Cameras online",
        "waiting": "Cameras waiting",
        "queue": "Waiting messages",
        "reload": "Reload configuration",
    }
)
"""What each kind of entity is called; the key is that of the entity, or its beginning."""


def named(key: str, *, label: str = "", zone: str = "", words: Mapping[str, str] = ENGLISH) -> str:
    """The name of an entity of this kind.

    Args:
        key: a key of ``words``.
        label: put in where the name speaks of what is looked for; begins with a capital where the name does.
        zone: put in where the name speaks of a place.
        words: the language's table.
    """
    return words[key].format(label=label, zone=zone)
