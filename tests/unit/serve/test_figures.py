"""The figures of the last minutes: every five seconds, as many as are shown, and honest about what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import RejectReason
from bridge.frames.store import FrameStore
from bridge.runtime.clock import ManualClock
from bridge.runtime.metrics import Metrics
from bridge.serve.figures import EVERY_S, KEPT, SERIES, Figures

if TYPE_CHECKING:
    from pathlib import Path


def test_figures_are_taken_every_five_seconds_and_the_oldest_go(tmp_path: Path) -> None:
    clock, metrics = ManualClock(), Metrics()
    store = FrameStore(clock, metrics)
    store.add_camera("door")
    used = iter(range(10_000))
    figures = Figures(store, metrics, clock, tmp_path, cpu_s=lambda: float(next(used)))
    metrics.outbox_messages.set(3)
    metrics.letters_waiting.set(4)
    for _ in range(10):
        figures.tick()
        store.reject("door", RejectReason.TRUNCATED)
        clock.advance(1)
    told = figures.read()
    assert told["series"].keys() == SERIES.keys()
    values = {name: entry["values"] for name, entry in told["series"].items()}
    assert [len(one) for one in values.values()] == [2] * len(SERIES)
    assert values["rejected_per_s"] == [0, 1]
    assert values["waiting_for_broker"] == [7, 7]
    assert values["cpu_percent"][1] == 100 / EVERY_S
    assert values["inference_ms"] == [None, None]
    assert values["disk_free_gb"][0] > 0
    assert values["memory_mb"][0] > 10
    for _ in range(KEPT + 10):
        figures.tick()
        clock.advance(EVERY_S)
    assert len(figures.read()["series"]["viewers"]["values"]) == KEPT


def test_a_camera_that_was_removed_takes_its_counts_along_and_nothing_is_negative() -> None:
    clock, metrics = ManualClock(), Metrics()
    store = FrameStore(clock, metrics)
    store.add_camera("door")
    figures = Figures(store, metrics, clock)
    store.reject("door", RejectReason.TRUNCATED)
    figures.tick()
    store.remove_camera("door")
    clock.advance(EVERY_S)
    figures.tick()
    told = figures.read()["series"]
    assert told["rejected_per_s"]["values"] == [0, 0]
    assert told["disk_free_gb"]["values"] == [None, None]
