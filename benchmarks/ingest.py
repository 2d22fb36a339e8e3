"""Ingest alone: frames/s that the camera link takes, as a ratio to a bare ``websockets`` server that only counts.

Both servers run side by side, and one client (``websockets`` too) sends 30 KB frames over loopback TCP to one and the
other in turn, some milliseconds each, so that whatever else the machine does meets both. Counted is CPU time, user and
kernel: frames a second that one core carries when it does nothing else. Of a start's rounds the median counts, of the
starts the best: asyncio allocates 256 KB for each read, and whether those lie on fresh pages or not, which a process
decides for good when it starts, makes the bare server cost 15 us a frame or 30. It is compared at its best.

* ``link``: client and server together, what one core does for a frame from end to end. Target: 0.8.
* ``server``: the server alone. Its share of the work that the bare server does is cheaper, but it looks at every byte
  of a picture for damage and hands each frame to the store.

    python benchmarks/ingest.py [--starts 5] [--rounds 20] [--frames 500]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import statistics
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from websockets.sync.client import ClientConnection

FRAME_BYTES = 30_000


class Cost(NamedTuple):
    """CPU seconds a frame."""

    link_s: float
    server_s: float


class Server(NamedTuple):
    """A running server: the client's connection to it, and a pipe that tells what it counted and used."""

    camera: ClientConnection
    pipe: Connection


def main() -> None:
    """Print the rates and their ratios."""
    options = argparse.ArgumentParser()
    options.add_argument("--starts", type=int, default=5)
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--frames", type=int, default=500)
    chosen = options.parse_args()
    pairs = [compare(chosen.rounds, chosen.frames) for _ in range(chosen.starts)]
    bare, ingest = best([bare for bare, _ in pairs]), best([ingest for _, ingest in pairs])
    print("                 link            server     (frames/CPU-s)")
    for name, cost in (("bare websockets", bare), ("ingest         ", ingest)):
        print(f"{name}  {1 / cost.link_s:8.0f}        {1 / cost.server_s:8.0f}")
    link, server = bare.link_s / ingest.link_s, bare.server_s / ingest.server_s
    print(f"ratio            {link:8.2f}        {server:8.2f}   (target for the link: 0.8)")


def compare(rounds: int, frames: int) -> tuple[Cost, Cost]:
    """What a frame costs the bare server and ours, started anew."""
    jpeg = jpeg_of(FRAME_BYTES)
    with started(serve_bare) as theirs, started(serve_ingest) as ours:
        costs = [(send(theirs, jpeg, frames), send(ours, jpeg, frames)) for _ in range(rounds + 1)][1:]  # warming up
    return median([bare for bare, _ in costs]), median([ingest for _, ingest in costs])


def median(costs: list[Cost]) -> Cost:
    """What the rounds of one start cost."""
    return Cost(statistics.median(cost.link_s for cost in costs), statistics.median(cost.server_s for cost in costs))


def best(costs: list[Cost]) -> Cost:
    """The cheapest start."""
    return Cost(min(cost.link_s for cost in costs), min(cost.server_s for cost in costs))


@contextlib.contextmanager
def started(serve: Callable[[Connection], None]) -> Iterator[Server]:
    """Run a server in a process of its own, and connect to it."""
    from websockets.sync.client import connect

    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,))
    process.start()
    try:
        with connect(f"ws://127.0.0.1:{ours.recv()}/ws", compression=None) as camera:
            yield Server(camera, ours)
    finally:
        ours.send(None)
        process.join(10)


def send(server: Server, jpeg: bytes, frames: int) -> Cost:
    """Send frames, until the last one was taken."""
    counted, before_s = usage(server)
    wanted = counted + frames
    begin_s = time.process_time()
    for _ in range(frames):
        server.camera.send(jpeg)
    server.camera.ping().wait()  # answered when the last frame has arrived
    client_s = time.process_time() - begin_s
    while counted < wanted:  # websockets has a queue
        time.sleep(0.002)
        counted, after_s = usage(server)
    assert counted == wanted
    server_s = after_s - before_s
    return Cost((client_s + server_s) / frames, server_s / frames)


def usage(server: Server) -> tuple[int, float]:
    """How many frames the server has counted, and its CPU seconds."""
    server.pipe.send("usage")
    count, used_s = server.pipe.recv()
    return count, used_s


def answer(pipe: Connection, count: Callable[[], int]) -> None:
    """The server's end of ``usage``."""
    while pipe.recv():
        pipe.send((count(), time.process_time()))


def serve_bare(pipe: Connection) -> None:
    """A ``websockets`` server that only counts."""
    from websockets.asyncio.server import ServerConnection, serve

    count = 0

    async def handle(connection: ServerConnection) -> None:
        nonlocal count
        async for _ in connection:
            count += 1

    async def run() -> None:
        async with serve(handle, "127.0.0.1", 0, compression=None) as server:
            pipe.send(next(iter(server.sockets)).getsockname()[1])
            await asyncio.to_thread(answer, pipe, lambda: count)

    asyncio.run(run())


def serve_ingest(pipe: Connection) -> None:
    """The camera link with a store that nobody reads."""
    from bridge.frames.store import FrameStore
    from bridge.ingest.fake import FakeTalk
    from bridge.ingest.server import IngestServer
    from bridge.ingest.settings import IngestSettings
    from bridge.runtime.clock import SystemClock
    from bridge.runtime.metrics import Metrics
    from bridge.runtime.worker import Supervisor

    clock = SystemClock()
    store = FrameStore(clock, Metrics())
    with IngestServer(
        IngestSettings(host="127.0.0.1", port=0),
        store,
        clock=clock,
        supervisor=Supervisor(),
        admit=store.add_camera,
        talk=FakeTalk(),
        redirect_url=str,
    ) as server:
        pipe.send(server.port)
        answer(pipe, lambda: store.status("camera").received)


def jpeg_of(size: int) -> bytes:
    """A JPEG of noise with exactly ``size`` bytes; scan data as dense as a camera's."""
    import numpy as np

    from bridge.frames.codec import encode

    noise = np.random.default_rng(1).integers(0, 256, (240, 320, 3), np.uint8)
    for quality in range(95, 0, -1):
        jpeg = encode(noise, quality)
        if len(jpeg) <= size - 4:
            padding = size - len(jpeg) - 4  # a comment fills it up
            return jpeg[:2] + b"\xff\xfe" + (padding + 2).to_bytes(2, "big") + bytes(padding) + jpeg[2:]
    raise AssertionError("noise of 320x240 does not fit")


if __name__ == "__main__":
    main()
