"""What the API answers with, as schemas with names. Pure."""

from __future__ import annotations

from typing import Any, Final

from bridge.serve.figures import SERIES
from bridge.serve.jsonschema import list_of, map_of, number, object_with, or_none, ref, text

CAMERA_ID_PATTERN: Final = "^[a-z0-9_]{1,32}$"
EVENT_ID_PATTERN: Final = "^[0-9]{13}-[0-9a-f]{6}$"


def schemas() -> dict[str, Any]:
    """All of them, by name."""
    return {**_bridge_schemas(), **_update_schema(), **_camera_schemas(), **_guest_schema(), **_event_schemas()}


def _bridge_schemas() -> dict[str, Any]:
    return {
        "Error": object_with({"error": text(), "detail": text()}),
        "BeginsAnewFor": list_of(
            text(), description="Keys for which the bridge begins anew within a second; empty: all is in force."
        ),
        "Part": object_with({"part": text(), "ready": {"type": "boolean"}, "detail": text()}),
        "Bridge": object_with({"version": text(), "ready": {"type": "boolean"}, "parts": list_of(ref("Part"))}),
        "Series": object_with(
            {name: object_with({"words": text(), "values": list_of(or_none(number()))}) for name in SERIES}
        ),
    }


def _update_schema() -> dict[str, Any]:
    return {
        "Update": object_with(
            {
                "installed": text(),
                "latest": text(),
                "step": text(enum=["none", "loading", "restarting"]),
                "percent": {"type": "integer"},
                "problem": text(),
            }
        ),
    }


def _camera_schemas() -> dict[str, Any]:
    whole, any_json = {"type": "integer"}, {"type": "object"}
    return {
        "Camera": object_with(
            {
                "id": text(pattern=CAMERA_ID_PATTERN),
                "name": text(),
                "state": text(enum=["waiting", "online", "offline"]),
                "last_frame_time": or_none(text(format="date-time")),
                "frame_age_ms": or_none(number()),
                "width_px": or_none(whole),
                "height_px": or_none(whole),
                "fps": number(),
                "detect_fps": number(),
                "inference_ms": or_none(number()),
                "received": whole,
                "detected": whole,
                "dropped": whole,
                "rejected": map_of(whole),
                "viewers": whole,
                "motion": {"type": "boolean"},
                "present": map_of(whole),
                "hello": any_json,
                "telemetry": any_json,
                "stream_path": text(),
                "snapshot_path": text(),
                "controls": any_json,
                "offers": list_of(text()),
                "framesizes": list_of(text()),
                "ranges": map_of(object_with({"min": number(), "max": number(), "step": number()})),
                "adaptation": or_none(
                    object_with({"level": whole, "lowest": whole, "settings": text(), "reason": text()})
                ),
                "update": {"anyOf": [ref("Update"), {"type": "null"}]},
            }
        ),
        "CameraSettings": {
            "type": "object",
            "description": "Keys of a camera as in the configuration; 'espcam-bridge schema' describes each.",
        },
    }


def _guest_schema() -> dict[str, Any]:
    return {
        "Guest": object_with(
            {
                "id": text(pattern=CAMERA_ID_PATTERN),
                "address": text(),
                "has_key": {"type": "boolean"},
                "another_key": {"type": "boolean"},
                "has_picture": {"type": "boolean"},
                "last_seen_s": number(),
            }
        ),
    }


def _event_schemas() -> dict[str, Any]:
    box = list_of(number(), minItems=4, maxItems=4)
    return {
        "Event": object_with(
            {
                "id": text(pattern=EVENT_ID_PATTERN),
                "camera": text(),
                "label": text(),
                "score": number(minimum=0, maximum=1),
                "top_score": number(minimum=0, maximum=1),
                "box": box,
                "zones": list_of(text()),
                "entered_zones": list_of(text()),
                "start_time": text(format="date-time"),
                "end_time": or_none(text(format="date-time")),
                "duration_s": or_none(number()),
                "stationary": {"type": "boolean"},
                "has_thumbnail": {"type": "boolean"},
                "has_snapshot": {"type": "boolean"},
                "thumbnail_path": or_none(text()),
                "snapshot_path": or_none(text()),
            }
        ),
    }
