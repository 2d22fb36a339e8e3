"""What a live viewer costs: CPU seconds a viewer-second, against a bare loop that writes the same bytes to sockets.

    python benchmarks/viewers.py [--viewers 50] [--fps 10] [--seconds 10]

The server and the bare loop run in processes of their own, one after the other; the viewers, which only read, are in
this one. Both send the same annotated VGA pictures.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import resource
import selectors
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from bridge.frames import codec
from bridge.frames.store import FrameStore
from bridge.model import Scene, Track
from bridge.runtime.clock import SystemClock
from bridge.runtime.metrics import Metrics
from bridge.runtime.worker import Supervisor
from bridge.serve import mjpeg
from bridge.serve.fake import FakeBridge
from bridge.serve.http import HttpSettings, WebServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

_REQUEST = b"GET /cameras/door/stream.mjpg HTTP/1.1\r\nHost: bench\r\n\r\n"


def _picture() -> bytes:
    """VGA with soft noise: about 30 KB, as a board sends."""
    noise = np.random.default_rng(1).integers(0, 255, (60, 80, 3), np.uint8)
    rough = np.kron(noise, np.ones((8, 8, 1), np.uint8)).astype(np.uint8)
    return codec.encode(rough, 80)


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _on_time(fps: float, seconds: float) -> list[float]:
    start_s = time.monotonic()
    return [start_s + step / fps for step in range(round(fps * seconds))]


def serve(pipe: Connection, fps: float, *, boxes: bool) -> None:
    """The real server; reports CPU time, frames and encodes."""
    clock, metrics = SystemClock(), Metrics()
    store = FrameStore(clock, metrics)
    store.add_camera("door")
    server = WebServer(
        HttpSettings(host="127.0.0.1", port=0),
        FakeBridge(),
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
        cpu_s, encodes = _cpu_s(), view.encodes
        for due_s in _on_time(fps, seconds):
            time.sleep(max(0.0, due_s - time.monotonic()))
            if boxes:
                tracks = tuple(Track(n, "person", 0.9, (n / 7, 0.2, (n + 1) / 7, 0.9), 5) for n in range(6))
                store.set_scene(Scene("door", 1, clock.mono_s(), tracks))
            store.put("door", jpeg, 640, 480)
        pipe.send({"cpu_s": _cpu_s() - cpu_s, "frames": fps * seconds, "encodes": view.encodes - encodes})
    pipe.send({"rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024})
    server.stop()


def bare(pipe: Connection, fps: float, *, boxes: bool) -> None:  # noqa: ARG001 - called like serve
    """Accepts, then writes the same parts to every socket in a loop."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
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
            pipe.send({"cpu_s": _cpu_s() - cpu_s, "frames": fps * seconds})
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
    """Run one of the two servers with this many viewers."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=target, args=(theirs, fps), kwargs={"boxes": boxes})
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
    outcome["mb_received"] = (received[0] - before) / 1e6
    ours.send(None)
    outcome |= ours.recv()
    stop.set()
    reader.join()
    for one in sockets:
        one.close()
    process.join()
    return outcome


def main() -> int:
    """Print both and their ratio as one JSON line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--fps", type=float, default=10)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    cpu_s = {}
    for name, target, boxes in (("bare", bare, False), ("raw", serve, False), ("annotated", serve, True)):
        outcome = measure(target, options.viewers, options.fps, options.seconds, boxes=boxes)
        cpu_s[name] = outcome["cpu_s"] / (options.viewers * options.seconds)
        print(json.dumps({"server": name, **outcome, "cpu_ms_per_viewer_s": round(cpu_s[name] * 1000, 3)}))
    for name in ("raw", "annotated"):
        print(json.dumps({"figure": f"viewers_{name}_ratio", "value": round(cpu_s[name] / cpu_s["bare"], 2)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
