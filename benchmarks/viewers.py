"""What a live viewer costs: CPU seconds a viewer-second, against a bare loop that writes the same bytes to sockets.

    python benchmarks/viewers.py [--viewers 50] [--fps 10] [--seconds 10] [--rounds 3]
    python benchmarks/viewers.py --sweep

The server and the bare loop run in processes of their own, in turns; the viewers, which only read, are in this one.
All send VGA pictures of about 40 KB. Annotated pictures are decoded, drawn on and encoded once each, however many
watch: ``pictures_ms_per_frame`` is that share, ``viewers_annotated_serving_ratio`` what is left without it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import resource
import selectors
import socket
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bridge.frames import codec
from bridge.frames.store import FrameStore
from bridge.model import Scene, Track
from bridge.runtime.clock import SystemClock
from bridge.runtime.metrics import Metrics
from bridge.runtime.worker import Supervisor
from bridge.serve import mjpeg
from bridge.serve.fake import FakeAdoption, FakeBridge, FakeUpdates
from bridge.serve.http import HttpSettings, WebServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from bridge.serve.live import LiveView

SWEEP = (1, 10, 50, 100, 200)
_REQUEST = b"GET /cameras/door/stream.mjpg HTTP/1.1\r\nHost: bench\r\n\r\n"


def _picture() -> bytes:
    """VGA with soft noise: about 30 KB, as a board sends."""
    noise = np.random.default_rng(1).integers(0, 255, (60, 80, 3), np.uint8)
    rough = np.kron(noise, np.ones((8, 8, 1), np.uint8)).astype(np.uint8)
    return codec.encode(rough, 80)


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _pictures_cpu_s() -> float:
    """CPU time of the threads that make pictures."""
    makers = [thread.native_id for thread in threading.enumerate() if thread.name.startswith("web-pictures")]
    return sum(int(Path(f"/proc/self/task/{maker}/schedstat").read_text().split()[0]) for maker in makers) / 1e9


def _rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def _on_time(fps: float, seconds: float) -> list[float]:
    start_s = time.monotonic()
    return [start_s + step / fps for step in range(round(fps * seconds))]


def serve(pipe: Connection, fps: float, *, boxes: bool) -> None:
    """The real server; reports CPU time, frames and encodes."""
    clock, metrics = SystemClock(), Metrics()
    store = FrameStore(clock, metrics)
    store.add_camera("door")
    server = WebServer(
        HttpSettings(host="127.0.0.1", port=0, max_viewers=1000),
        FakeBridge(),
        adoption=FakeAdoption(),
        updates=FakeUpdates(),
        store=store,
        metrics=metrics,
        clock=clock,
        supervisor=Supervisor(),
    )
    server.start()
    jpeg = _picture()
    pipe.send(server.port)
    while (seconds := pipe.recv()) is not None:
        view = server.site.view("door")
        cpu_s, pictures_s, encodes = _cpu_s(), _pictures_cpu_s(), view.encodes
        for due_s in _on_time(fps, seconds):
            time.sleep(max(0.0, due_s - time.monotonic()))
            if boxes:
                tracks = tuple(Track(n, "person", 0.9, (n / 7, 0.2, (n + 1) / 7, 0.9), 5) for n in range(6))
                store.set_scene(Scene("door", 1, clock.mono_s(), tracks))
            store.put("door", jpeg, 640, 480)
        outcome = {"cpu_s": _cpu_s() - cpu_s, "pictures_cpu_s": _pictures_cpu_s() - pictures_s}
        outcome |= {"frames": fps * seconds, "encodes": view.encodes - encodes, "part_bytes": len(_part(view))}
        pipe.send(outcome | {"rss_mb": _rss_mb()})
    pipe.send({})
    server.stop()


def _part(view: LiveView) -> bytes:
    frame = view.newest
    assert frame is not None
    return view.picture(frame).result().part


def bare(pipe: Connection, fps: float, *, boxes: bool) -> None:  # noqa: ARG001 - called like serve
    """Accepts, then writes the same parts to every socket in a loop."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
        part = mjpeg.part(_picture(), 0)
        pipe.send(listener.getsockname()[1])
        viewers: list[socket.socket] = []
        listener.settimeout(0.5)
        while (seconds := pipe.recv()) is not None:
            try:
                while True:
                    viewers.append(listener.accept()[0])
            except TimeoutError:
                pass
            cpu_s = _cpu_s()
            for due_s in _on_time(fps, seconds):
                time.sleep(max(0.0, due_s - time.monotonic()))
                for viewer in viewers:
                    viewer.sendall(part)
            pipe.send({"cpu_s": _cpu_s() - cpu_s, "frames": fps * seconds, "part_bytes": len(part)})
        pipe.send({})


def _read_all(sockets: list[socket.socket], stop: threading.Event, received: list[int]) -> None:
    selector = selectors.DefaultSelector()
    for one in sockets:
        selector.register(one, selectors.EVENT_READ)
    buffer = bytearray(262144)
    while not stop.is_set():
        for key, _ in selector.select(0.1):
            with contextlib.suppress(ConnectionError):  # the server is done
                received[0] += key.fileobj.recv_into(buffer)  # type: ignore[union-attr]  # sockets only


def measure(target: Callable[..., None], viewers: int, fps: float, seconds: float, *, boxes: bool) -> dict[str, float]:
    """Run one of the two servers (``serve``, ``bare``) with this many viewers.

    Returns:
        Among others ``cpu_s`` of the server, of it ``pictures_cpu_s``, and ``fps_seen`` by the mean viewer.
    """
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=target, args=(theirs, fps), kwargs={"boxes": boxes}, daemon=True
    )
    process.start()
    port = ours.recv()
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(viewers)]
    for one in sockets:
        one.sendall(_REQUEST)
    stop, received = threading.Event(), [0]
    reader = threading.Thread(target=_read_all, args=(sockets, stop, received))
    reader.start()
    time.sleep(1)
    before = received[0]
    ours.send(seconds)
    outcome: dict[str, float] = ours.recv()
    time.sleep(0.2)
    outcome["fps_seen"] = (received[0] - before) / outcome["part_bytes"] / viewers / seconds
    ours.send(None)
    outcome |= ours.recv()
    stop.set()
    reader.join()
    for one in sockets:
        one.close()
    process.join()
    return outcome


def compare(viewers: int, fps: float, seconds: float, rounds: int) -> dict[str, float]:
    """The bare loop, the raw and the annotated stream in turns; medians over the rounds."""
    kinds = {"bare": (bare, False), "raw": (serve, False), "annotated": (serve, True)}
    outcomes: dict[str, list[dict[str, float]]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, (target, boxes) in kinds.items():
            outcomes[name].append(measure(target, viewers, fps, seconds, boxes=boxes))

    def median(name: str, of: Callable[[dict[str, float], dict[str, float]], float]) -> float:
        """Of a figure that takes this server's outcome and the bare loop's of the same round."""
        return statistics.median(of(*both) for both in zip(outcomes[name], outcomes["bare"], strict=True))

    viewer_s = viewers * seconds
    report: dict[str, float] = {"viewers": viewers}
    for name in kinds:
        report[f"{name}_ms_per_viewer_s"] = round(median(name, lambda own, _: own["cpu_s"] / viewer_s * 1000), 3)
        report[f"{name}_fps_seen"] = round(median(name, lambda own, _: own["fps_seen"]), 2)
    for name in ("raw", "annotated"):
        report[f"{name}_rss_mb"] = round(median(name, lambda own, _: own["rss_mb"]), 1)
        report[f"viewers_{name}_ratio"] = round(median(name, lambda own, other: own["cpu_s"] / other["cpu_s"]), 2)
    report["viewers_annotated_serving_ratio"] = round(
        median("annotated", lambda own, other: (own["cpu_s"] - own["pictures_cpu_s"]) / other["cpu_s"]), 2
    )
    report["pictures_ms_per_frame"] = round(
        median("annotated", lambda own, _: own["pictures_cpu_s"] / own["frames"] * 1000), 2
    )
    return report


def main() -> int:
    """Print a JSON object a line: one for each number of viewers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--fps", type=float, default=10)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sweep", action="store_true", help=f"{SWEEP} viewers")
    options = parser.parse_args()
    for viewers in SWEEP if options.sweep else (options.viewers,):
        print(json.dumps(compare(viewers, options.fps, options.seconds, options.rounds)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
