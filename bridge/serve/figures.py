"""The last twenty minutes in figures, for the small charts of the system page."""

from __future__ import annotations

import os
import shutil
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.frames.store import FrameStore
    from bridge.runtime.clock import Clock
    from bridge.runtime.metrics import Metrics

EVERY_S: Final = 5.0
KEPT: Final = 240

SERIES: Final[Mapping[str, str]] = {
    "received_fps": "pictures received, a second, all cameras",
    "detect_fps": "pictures that the detector looked at, a second",
    "inference_ms": "one look of the detector, milliseconds",
    "dropped_per_s": "looks that were promised and not had, a second",
    "rejected_per_s": "damaged pictures, a second",
    "viewers": "open live streams",
    "waiting_for_broker": "messages that wait for the broker",
    "cpu_percent": "processor, percent of one core",
    "memory_mb": "memory, megabytes",
    "disk_free_gb": "room on the disk of the events' pictures, gigabytes",
}
"""What is kept, and what it is in words."""

_STATM: Final = Path("/proc/self/statm")


class Figures:
    """Samples what there is every ``EVERY_S``; ``tick`` and ``read`` may come from different threads.

    Args:
        store: the cameras.
        metrics: for what waits for the broker.
        clock: the time.
        disk: a folder whose disk fills; None: none does.
        cpu_s: processor seconds used so far.
    """

    def __init__(
        self,
        store: FrameStore,
        metrics: Metrics,
        clock: Clock,
        disk: Path | None = None,
        cpu_s: Callable[[], float] = time.process_time,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._disk = disk
        self._cpu_s = cpu_s
        self._due_s = float("-inf")
        self._before: tuple[float, int, int, float] | None = None  # when, dropped, rejected, processor seconds
        self._samples: deque[dict[str, float | None]] = deque(maxlen=KEPT)

    def tick(self) -> None:
        """Let time pass; call it about once a second."""
        now_s = self._clock.mono_s()
        if now_s < self._due_s:
            return
        self._due_s = now_s + EVERY_S
        statuses = self._store.statuses()
        took_ms = [status.inference_ms for status in statuses if status.inference_ms is not None]
        dropped = sum(status.dropped for status in statuses)
        rejected = sum(sum(status.rejected.values()) for status in statuses)
        cpu_s = self._cpu_s()
        was_s, was_dropped, was_rejected, was_cpu_s = self._before or (now_s - EVERY_S, dropped, rejected, cpu_s)
        passed_s = max(0.001, now_s - was_s)
        self._before = (now_s, dropped, rejected, cpu_s)
        self._samples.append(
            {
                "received_fps": sum(status.fps for status in statuses),
                "detect_fps": sum(status.detect_fps for status in statuses),
                "inference_ms": sum(took_ms) / len(took_ms) if took_ms else None,
                # A camera that was removed takes its count along.
                "dropped_per_s": max(0, dropped - was_dropped) / passed_s,
                "rejected_per_s": max(0, rejected - was_rejected) / passed_s,
                "viewers": sum(status.viewers for status in statuses),
                "waiting_for_broker": self._metrics.value("espcam_outbox_messages")
                + self._metrics.value("espcam_letters_waiting"),
                "cpu_percent": 100 * (cpu_s - was_cpu_s) / passed_s,
                "memory_mb": _memory_mb(),
                "disk_free_gb": _free_gb(self._disk),
            }
        )

    def read(self) -> dict[str, Any]:
        """As JSON: ``interval_s``, and for each series ``words`` and ``values``, the oldest first."""
        samples = list(self._samples)
        return {
            "interval_s": EVERY_S,
            "series": {
                name: {"words": words, "values": [_rounded(sample[name]) for sample in samples]}
                for name, words in SERIES.items()
            },
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _free_gb(folder: Path | None) -> float | None:
    if folder is None:
        return None
    try:
        return shutil.disk_usage(folder).free / 1e9
    except OSError:  # not made yet, or its disk went away
        return None


def _memory_mb() -> float | None:
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, ValueError, IndexError):  # no Linux
        return None
