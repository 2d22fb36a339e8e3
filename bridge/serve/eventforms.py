"""Past events as others read them: JSON and CSV, one or as many as there are. Pure.

What goes on for long is made piece by piece: an export of a million events holds some 32 KB of them in memory.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from bridge.model import PictureKind
from bridge.serve.times import iso_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.model import Event

_CHUNK_CHARS = 32_768  # one system call for about a hundred events

# RFC 4180 knows no lists: a box becomes four columns, and the names of zones, which hold no spaces, one text.
CSV_COLUMNS = (
    *("id", "camera", "label", "score", "top_score"),
    *("box_left", "box_top", "box_right", "box_bottom", "zones", "entered_zones"),
    *("start_time", "end_time", "duration_s", "stationary", "has_thumbnail", "has_snapshot"),
    *("thumbnail_path", "snapshot_path", "captured_time", "frame_time", "detected_time"),
)

# What makes a spreadsheet take a cell for a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def event_json(event: Event) -> dict[str, Any]:
    """One event as the API shows it; numbers are rounded as in its MQTT messages."""
    end_unix_s = event.end_unix_s
    return {
        "id": event.id,
        "camera": event.camera_id,
        "label": event.label,
        "score": round(event.score, 3),
        "top_score": round(event.top_score, 3),
        "box": [round(edge, 4) for edge in event.box_xyxy_norm],
        "zones": list(event.zones),
        "entered_zones": list(event.entered_zones),
        "start_time": iso_time(event.start_unix_s),
        "end_time": iso_time(end_unix_s),
        "duration_s": None if end_unix_s is None else round(end_unix_s - event.start_unix_s, 3),
        "stationary": event.stationary,
        "has_thumbnail": event.has_thumbnail,
        "has_snapshot": event.has_snapshot,
        "thumbnail_path": _picture_path(event, PictureKind.THUMBNAIL) if event.has_thumbnail else None,
        "snapshot_path": _picture_path(event, PictureKind.SNAPSHOT) if event.has_snapshot else None,
        "captured_time": iso_time(event.captured_unix_s),
        "frame_time": iso_time(event.frame_unix_s),
        "detected_time": iso_time(event.detected_unix_s),
    }


def json_chunks(events: Iterable[Event]) -> Iterator[bytes]:
    """One JSON array, an event a line; its closing bracket comes only after the last event."""
    return _chunks(_json_lines(events))


def csv_chunks(events: Iterable[Event]) -> Iterator[bytes]:
    """A header row and a row for each event (RFC 4180, UTF-8); ``CSV_COLUMNS`` are its columns."""
    return _chunks(_csv_lines(events))


def _picture_path(event: Event, kind: PictureKind) -> str:
    return f"/api/events/{event.id}/{kind.value}.jpg"


def _json_lines(events: Iterable[Event]) -> Iterator[str]:
    before = "[\n"
    for event in events:
        yield before + json.dumps(event_json(event), separators=(",", ":"))
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _csv_lines(events: Iterable[Event]) -> Iterator[str]:
    yield _csv_line(CSV_COLUMNS)
    for event in events:
        values = event_json(event)
        values["box_left"], values["box_top"], values["box_right"], values["box_bottom"] = values["box"]
        yield _csv_line([_cell(values[column]) for column in CSV_COLUMNS])


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"  # as in the JSON
        case list():
            return " ".join(_harmless(str(name)) for name in value)
        case str():
            return _harmless(value)
        case _:
            return str(value)


def _harmless(text: str) -> str:
    """The text as a spreadsheet will show it: an apostrophe keeps it from being a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _chunks(lines: Iterable[str]) -> Iterator[bytes]:
    waiting: list[str] = []
    chars = 0
    for line in lines:
        waiting.append(line)
        chars += len(line)
        if chars >= _CHUNK_CHARS:
            yield _encoded(waiting)
            waiting, chars = [], 0
    yield _encoded(waiting)


def _encoded(lines: list[str]) -> bytes:
    return "".join(lines).encode("utf-8", "replace")  # a lone surrogate, which no reader takes, becomes "?"
