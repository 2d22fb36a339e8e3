"""Past events as JSON and CSV: complete, harmless, and never more of them in memory than a piece."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import HistoryError
from bridge.model import Event
from bridge.serve.eventforms import CSV_COLUMNS, csv_chunks, event_json, json_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    MakeEvent = Callable[..., Event]

EVENING_S = 1_764_095_400.0  # 2025-11-25T18:30:00Z


def _csv_rows(events: Iterable[Event]) -> list[dict[str, str]]:
    text = b"".join(csv_chunks(events)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _json(events: Iterable[Event]) -> Any:  # noqa: ANN401 - that is what JSON is
    return json.loads(b"".join(json_chunks(events)))


def test_an_event_shows_everything_with_times_in_iso_and_numbers_rounded(make_event: MakeEvent) -> None:
    event = make_event(
        EVENING_S,
        captured_unix_s=EVENING_S + 17.25,
        detected_unix_s=EVENING_S + 17.75,
        zones=("porch",),
        entered_zones=("drive", "porch"),
        stationary=True,
        has_thumbnail=True,
        has_snapshot=True,
    )
    shown = event_json(event)
    assert shown == {
        "id": "1764095400000-000001",
        "camera": "door",
        "label": "person",
        "score": 0.712,
        "top_score": 0.9,
        "box": [0.25, 0.1235, 0.75, 1.0],
        "zones": ["porch"],
        "entered_zones": ["drive", "porch"],
        "start_time": "2025-11-25T18:30:00.000Z",
        "end_time": "2025-11-25T18:30:12.500Z",
        "duration_s": 12.5,
        "stationary": True,
        "has_thumbnail": True,
        "has_snapshot": True,
        "thumbnail_path": "/api/events/1764095400000-000001/thumbnail.jpg",
        "snapshot_path": "/api/events/1764095400000-000001/snapshot.jpg",
        "captured_time": "2025-11-25T18:30:17.250Z",
        "frame_time": "2025-11-25T18:30:17.500Z",
        "detected_time": "2025-11-25T18:30:17.750Z",
    }
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown


def test_an_event_that_lasts_has_no_end_and_without_pictures_no_paths(make_event: MakeEvent) -> None:
    shown = event_json(make_event(end_unix_s=None))
    nothing = ("end_time", "duration_s", "thumbnail_path", "snapshot_path", "captured_time", "detected_time")
    assert {key for key, value in shown.items() if value is None} == set(nothing)
    assert (shown["has_thumbnail"], shown["has_snapshot"], shown["zones"]) == (False, False, [])


def test_a_csv_has_one_header_and_rows_that_end_as_rfc_4180_says(make_event: MakeEvent) -> None:
    data = b"".join(csv_chunks([make_event(number=number) for number in range(3)]))
    lines = data.split(b"\r\n")
    assert lines[0].decode() == ",".join(CSV_COLUMNS)
    assert len(lines) == 5
    assert lines[-1] == b""
    assert b"\n" not in data.replace(b"\r\n", b"")


def test_a_csv_of_nothing_is_its_header() -> None:
    assert b"".join(csv_chunks([])) == ",".join(CSV_COLUMNS).encode() + b"\r\n"


def test_a_csv_row_holds_what_the_json_holds(make_event: MakeEvent) -> None:
    event = make_event(zones=("porch", "drive"), has_thumbnail=True)
    (row,) = _csv_rows([event])
    shown = event_json(event)
    box = [float(row[f"box_{edge}"]) for edge in ("left", "top", "right", "bottom")]
    assert box == shown.pop("box")
    assert row["zones"].split(" ") == shown.pop("zones")
    assert row["entered_zones"] == ""
    assert (row["stationary"], row["has_thumbnail"], row["has_snapshot"]) == ("false", "true", "false")
    for name in ("id", "camera", "label", "start_time", "end_time", "frame_time", "thumbnail_path"):
        assert row[name] == shown[name]
    assert [float(row[name]) for name in ("score", "top_score", "duration_s")] == [0.712, 0.9, 12.5]
    assert (row["snapshot_path"], row["captured_time"], row["detected_time"]) == ("", "", "")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_name_is_a_formula_to_a_spreadsheet(make_event: MakeEvent, start: str) -> None:
    evil = f'{start}HYPERLINK("http://evil.example","x")'
    (row,) = _csv_rows([make_event(label=evil, camera_id=evil, zones=("porch", evil), entered_zones=(evil,))])
    assert (row["label"], row["camera"]) == (f"'{evil}", f"'{evil}")
    assert (row["zones"], row["entered_zones"]) == (f"porch '{evil}", f"'{evil}")


def test_a_name_that_holds_such_a_letter_inside_stays_as_it_is(make_event: MakeEvent) -> None:
    (row,) = _csv_rows([make_event(label="t-shirt", camera_id="a=b")])
    assert (row["label"], row["camera"]) == ("t-shirt", "a=b")


_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda name: name[0] not in "=+-@\t\r\n")


@given(st.lists(st.tuples(_NAMES, _NAMES), max_size=4))
def test_any_name_comes_back_from_csv_and_json(names: list[tuple[str, str]]) -> None:
    box = (0.0, 0.0, 1.0, 1.0)
    events = [
        Event(f"1764095400000-{n:06x}", camera, label, 0.5, 0.5, box, EVENING_S, None, EVENING_S, 0.0)
        for n, (camera, label) in enumerate(names)
    ]
    assert [(row["camera"], row["label"]) for row in _csv_rows(events)] == names
    assert [(entry["camera"], entry["label"]) for entry in _json(events)] == names


def test_letters_that_utf8_cannot_hold_harm_no_export(make_event: MakeEvent) -> None:
    event = make_event(label="a\udcffb")
    assert _csv_rows([event])[0]["label"] == "a?b"
    assert _json([event])[0]["id"] == event.id


@pytest.mark.parametrize("count", [0, 1, 2, 500])
def test_a_json_export_is_one_array_however_many_there_are(make_event: MakeEvent, count: int) -> None:
    events = [make_event(number=number) for number in range(count)]
    assert _json(events) == [event_json(event) for event in events]


@pytest.mark.parametrize("form", [csv_chunks, json_chunks])
def test_a_piece_goes_out_every_few_hundred_events(
    make_event: MakeEvent, form: Callable[[Iterable[Event]], Iterator[bytes]]
) -> None:
    read = 0

    def events() -> Iterator[Event]:
        nonlocal read
        for read in range(1, 10_000):
            yield make_event(number=read)

    chunks = form(events())
    for piece in range(1, 6):
        assert len(next(chunks)) < 34_000
        assert read < piece * 250


def test_an_array_that_breaks_off_is_never_closed(make_event: MakeEvent) -> None:
    def events() -> Iterator[Event]:
        for number in range(300):
            yield make_event(number=number)
        raise HistoryError("the database is locked", "wait")

    sent: list[bytes] = []
    with pytest.raises(HistoryError):
        sent.extend(json_chunks(events()))
    assert sent
    assert not b"".join(sent).rstrip().endswith(b"]")
