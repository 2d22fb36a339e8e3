"""The history with a million events on SQLite: how long does a page take, whatever is asked for, and how long a record?

Prints one line of JSON a figure, in ms unless its name says otherwise. Pages of 50, the first one and one that begins
in the middle of the history, for filters that many, few and no events fit; target: 50 ms. Then the time to record an
event with its letter, alone and between the slices in which retention deletes a tenth of the history; what an event
waits at most is one slice.

    python benchmarks/history.py [--events 1000000] [--rounds 40]
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert
from sqlalchemy.dialects import sqlite

from bridge.history.media import MediaFolder
from bridge.history.retention import STEADY_S, Retention
from bridge.history.rows import row_of, zone_rows_of
from bridge.history.store import EventStore
from bridge.history.tables import event_zones, events
from bridge.model import Event, EventQuery, Letter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import Table

_CAMERAS = 30
_LABELS = ("person", "car", "dog", "cat", "bicycle")
_WEIGHTS = (60, 25, 8, 6, 1)
_RARE = "bear"  # five of them, all in the first tenth
_ZONES = ((), ("porch",), ("porch", "path"), ("street",))
_YEAR_S = 365 * 86_400.0
_BEGAN_S = 1_764_028_800.0
_PAYLOAD = bytes(600)
_PORTION = 20_000


def main() -> None:
    """Fill, ask, record, delete."""
    options = argparse.ArgumentParser()
    options.add_argument("--events", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=40)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = EventStore(f"sqlite:///{folder}/history.db")
        store.open()
        store.close()
        tell("fill_s", chosen.events, timed_s(lambda: fill(folder / "history.db", chosen.events)))
        store.open()
        tell("file_mb", chosen.events, sum(file.stat().st_size for file in folder.iterdir()) / 1e6)
        for what, query in queries():
            for place, asked in (("first", query), ("middle", replace(query, cursor=id_at(_BEGAN_S + _YEAR_S / 2)))):
                times_ms = [1000 * timed_s(lambda asked=asked: store.page(asked)) for _ in range(chosen.rounds)]
                tell(f"page, {place}: {what}", len(store.page(asked).events), *spread(times_ms))
        record_and_delete(store, MediaFolder(folder / "media"), chosen.events // 10)
        store.close()


def queries() -> Iterator[tuple[str, EventQuery]]:
    """What is asked for."""
    middle_s = _BEGAN_S + _YEAR_S / 2
    yield "all", EventQuery()
    yield "camera", EventQuery(camera_id="camera_7")
    yield "label", EventQuery(label="person")
    yield "rare label", EventQuery(label=_RARE)
    yield "no such label", EventQuery(label="unicorn")
    yield "camera and label", EventQuery(camera_id="camera_7", label="bicycle")
    yield "camera and a label it never saw", EventQuery(camera_id="camera_7", label=_RARE)
    yield "zone", EventQuery(zone="porch")
    yield "zone of another camera", EventQuery(camera_id="camera_7", zone="garden_8")
    yield "zone and a label that was never there", EventQuery(label=_RARE, zone="garden_8")
    yield "camera, label and zone", EventQuery(camera_id="camera_7", label="dog", zone="porch")
    yield "a day of all", EventQuery(since_unix_s=middle_s - 86_400, until_unix_s=middle_s)
    yield "a day of a camera, label and zone", EventQuery("camera_7", "person", "porch", middle_s - 86_400, middle_s)
    yield "label until the first week", EventQuery(label="person", until_unix_s=_BEGAN_S + 7 * 86_400)
    yield "zone since tomorrow", EventQuery(zone="porch", since_unix_s=_BEGAN_S + _YEAR_S + 86_400)


def fill(file: Path, count: int) -> None:
    """A year of visits, evenly spread; the driver itself writes them, in half the time."""
    chance = random.Random(1)  # noqa: S311 - the same events every time
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode=OFF")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-200000")
    add_event, add_zone = (str(insert(table).compile(dialect=sqlite.dialect())) for table in (events, event_zones))
    for start in range(0, count, _PORTION):
        some = [visit(chance, number, count) for number in range(start, min(start + _PORTION, count))]
        connection.executemany(add_event, (values_of(events, row_of(event)) for event in some))
        zones = (row for event in some for row in zone_rows_of(event))
        connection.executemany(add_zone, (values_of(event_zones, row) for row in zones))
        connection.commit()
    connection.close()


def values_of(table: Table, row: Mapping[str, Any]) -> list[Any]:
    return [row[column.name] for column in table.c]


def visit(chance: random.Random, number: int, count: int) -> Event:
    """One visit of the year."""
    began_s = _BEGAN_S + number * _YEAR_S / count
    rare = number < count / 10 and number % (count // 50) == 0
    camera = 0 if rare else chance.randrange(_CAMERAS)
    zones = chance.choice(_ZONES)
    return Event(
        id=id_at(began_s, number),
        camera_id=f"camera_{camera}",
        label=_RARE if rare else chance.choices(_LABELS, _WEIGHTS)[0],
        score=chance.random(),
        top_score=chance.random(),
        box_xyxy_norm=(chance.random(), chance.random(), chance.random(), chance.random()),
        start_unix_s=began_s,
        end_unix_s=began_s + 12.5,
        frame_unix_s=began_s + 12.5,
        frame_mono_s=0.0,
        captured_unix_s=began_s + 12.4,
        detected_unix_s=began_s + 12.6,
        entered_zones=(*zones, f"garden_{camera}") if zones else (),
        has_thumbnail=True,
        has_snapshot=True,
    )


def id_at(unix_s: float, number: int = 0) -> str:
    return f"{round(1000 * unix_s):013d}-{number % 0xFFFFFF:06x}"


def record_and_delete(store: EventStore, media: MediaFolder, count: int) -> None:
    """Record alone, then in turn with retention until it has deleted ``count`` events."""
    alone_ms = [record(store, number) for number in range(1000)]
    tell("record", len(alone_ms), *spread(alone_ms))
    retained_days = _YEAR_S / 86_400 * 0.9
    retention = Retention(store, media, retained_days, 10**12)
    now_s = _BEGAN_S + _YEAR_S
    before = store.count(EventQuery())
    for _ in range(int(STEADY_S / 60)):
        retention.step(now_s)
        now_s += 60
    recorded_ms: list[float] = []
    slices_ms: list[float] = []
    deleted = 0
    while deleted < count:
        began_s = time.perf_counter()
        more = retention.step(now_s)
        slices_ms.append(1000 * (time.perf_counter() - began_s))
        recorded_ms.append(record(store, 1000 + len(recorded_ms)))
        deleted = before + len(recorded_ms) - store.count(EventQuery()) if len(recorded_ms) % 50 == 0 else deleted
        now_s += 0 if more else 60
        if len(recorded_ms) > count:
            break
    tell("record, while retention deletes", len(recorded_ms), *spread(recorded_ms))
    tell("slice of retention", deleted, *spread(slices_ms))


def record(store: EventStore, number: int) -> float:
    """Milliseconds to record an event with its letter; that it was delivered is not counted."""
    event = visit(random.Random(number), number, 1000)  # noqa: S311
    event = replace(event, id=id_at(_BEGAN_S + _YEAR_S + 10 * number, number))
    letter = Letter(0, event.camera_id, event.id, f"espcam/{event.camera_id}/events", _PAYLOAD)
    began_s = time.perf_counter()
    numbers = store.record(event, [letter])
    took_ms = 1000 * (time.perf_counter() - began_s)
    store.delivered(numbers)
    return took_ms


def timed_s(work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


def spread(times_ms: Sequence[float]) -> tuple[float, float, float]:
    """Median, 99th percentile and the worst."""
    ordered = sorted(times_ms)
    return statistics.median(ordered), ordered[int(0.99 * (len(ordered) - 1))], ordered[-1]


def tell(name: str, count: int, *values: float) -> None:
    keys = ("value",) if len(values) == 1 else ("p50", "p99", "max")
    rounded = {key: round(value, 3) for key, value in zip(keys, values, strict=True)}
    print(json.dumps({"name": name, "count": count, **rounded}), flush=True)


if __name__ == "__main__":
    main()
