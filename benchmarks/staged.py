"""The bridge, with a stop watch at the door of each stage; called by ``hotpath.py``.

    python benchmarks/staged.py FILE run -c CONFIG

SIGUSR1 writes to FILE what was used since the start, in CPU seconds: by stage, by thread, by the process. The watches
read the thread's own CPU clock (1 us a look), so waiting costs nothing, and a stage inside another is counted once.
A sampling profiler would not have to know the stages, but ``py-spy`` needs 200 ms a sample under some hypervisors.
"""

from __future__ import annotations

import functools
import importlib
import json
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# In the order in which modules import each other, so that each name is replaced before another module takes it.
DOORS = (
    ("bridge.frames.jpeg", "Gate.inspect", "integrity gate"),
    ("bridge.frames.codec", "decode", "decoding"),
    ("bridge.frames.codec", "decode_grey_eighth", "motion gate"),
    ("bridge.frames.codec", "encode", "drawing and encoding"),
    ("bridge.frames.store", "FrameStore.put", "hand-over"),
    ("bridge.frames.store", "FrameStore.take", "hand-over"),
    ("bridge.frames.store", "FrameStore.set_scene", "hand-over"),
    ("bridge.motion.gate", "MotionGate.update", "motion gate"),
    ("bridge.track.tracker", "Tracker.update", "tracking"),
    ("bridge.events.thumbnails", "BestViews.consider", "drawing and encoding"),
    ("bridge.events.machine", "EventMachine.update", "events"),
    ("bridge.events.machine", "EventMachine.tick", "events"),
    ("bridge.detect.yolo", "decode", "boxes out of the answer"),
    ("bridge.detect.yolo", "to_detections", "boxes out of the answer"),
    ("bridge.detect.openvino", "_Request.start", "letterbox"),
    ("bridge.serve.annotate", "draw_tracks", "drawing and encoding"),
    ("bridge.publish.publisher", "Publisher.event", "MQTT"),
    ("bridge.publish.publisher", "Publisher.presence", "MQTT"),
    ("bridge.publish.publisher", "Publisher.motion", "MQTT"),
    ("bridge.publish.publisher", "Publisher.snapshot", "MQTT"),
)

_totals_ns: Counter[tuple[int, str]] = Counter()  # by thread and stage
_inside = threading.local()
_missing: list[str] = []


def watched(function: Callable[..., Any], stage: str) -> Callable[..., Any]:
    """The function with a stop watch; what stages inside it take is theirs."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any function
        outer_ns = getattr(_inside, "ns", 0)
        _inside.ns = 0
        began_ns = time.thread_time_ns()
        try:
            return function(*args, **kwargs)
        finally:
            took_ns = time.thread_time_ns() - began_ns
            _totals_ns[threading.get_ident(), stage] += took_ns - _inside.ns
            _inside.ns = outer_ns + took_ns

    return run


def hang() -> None:
    """Put a watch at each door; a door that is not there any more is reported, not fatal."""
    for module_name, path, stage in DOORS:
        try:
            owner: Any = importlib.import_module(module_name)
            *parents, name = path.split(".")
            for parent in parents:
                owner = getattr(owner, parent)
            setattr(owner, name, watched(getattr(owner, name), stage))
        except (ImportError, AttributeError):
            _missing.append(f"{module_name}.{path}")


def write(file: Path) -> None:
    """What was used so far."""
    threads = {
        thread.ident: {"name": thread.name, "cpu_s": time.clock_gettime(time.pthread_getcpuclockid(thread.ident))}
        for thread in threading.enumerate()
        if thread.ident is not None
    }
    for (ident, stage), ns in list(_totals_ns.items()):
        thread = threads.setdefault(ident, {"name": "", "cpu_s": None})  # it ended, or is none of Python's
        thread.setdefault("stages", {})[stage] = ns / 1e9
    told = {"process_cpu_s": time.process_time(), "threads": list(threads.values()), "missing": _missing}
    new = file.with_suffix(".new")
    new.write_text(json.dumps(told))
    new.replace(file)


def main() -> int:
    file, sys.argv[1:] = Path(sys.argv[1]), sys.argv[2:]
    hang()
    signal.signal(signal.SIGUSR1, lambda *_: write(file))
    from bridge.cli import main as bridge

    return bridge(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
