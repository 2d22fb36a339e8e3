"""An event as a row of the database, and back. Pure.

``frame_mono_s`` is not kept: it is a reading of the clock of a process that is gone by the time anybody asks. It comes
back as 0.0.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bridge.model import Event

if TYPE_CHECKING:
    from collections.abc import Mapping

# The columns that are called as the event's own fields.
_SAME = (
    "id",
    "camera_id",
    "label",
    "score",
    "top_score",
    "start_unix_s",
    "end_unix_s",
    "frame_unix_s",
    "captured_unix_s",
    "detected_unix_s",
    "stationary",
    "has_thumbnail",
    "has_snapshot",
)
_text_of = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_BOX = ("box_left_norm", "box_top_norm", "box_right_norm", "box_bottom_norm")


def row_of(event: Event) -> dict[str, Any]:
    """The values of the columns of ``events``."""
    return {
        **{name: getattr(event, name) for name in _SAME},
        **dict(zip(_BOX, event.box_xyxy_norm, strict=True)),
        "zones": _text_of(event.zones),
        "entered_zones": _text_of(event.entered_zones),
    }


def event_of(row: Mapping[Any, Any]) -> Event:
    """The event that a row of ``events`` holds."""
    left, top, right, bottom = (row[name] for name in _BOX)
    return Event(
        **{name: row[name] for name in _SAME},
        box_xyxy_norm=(left, top, right, bottom),
        frame_mono_s=0.0,
        zones=tuple(json.loads(row["zones"])),
        entered_zones=tuple(json.loads(row["entered_zones"])),
    )


def zone_rows_of(event: Event) -> list[dict[str, str]]:
    """The rows of ``event_zones``: one a zone that it has ever been in, however the event names it."""
    zones = dict.fromkeys((*event.entered_zones, *event.zones))
    return [{"event_id": event.id, "zone": zone, "camera_id": event.camera_id, "label": event.label} for zone in zones]
