"""Ingest alone: frames/s that the camera link takes, as a ratio to a bare ``websockets`` server that only counts.

Server and client (``websockets`` too) exchange 30 KB frames over loopback TCP. Counted is CPU time, user and kernel:
frames a second that one core carries when it does nothing else, also while the machine is shared. Rounds alternate;
the best of each are compared, because other load only ever takes away.

* ``link``: client and server together, what one core does for a frame from end to end. Target: 0.8.
* ``server``: the server alone. Moving bytes is cheaper than in the bare server (no queue, no task between the socket
  and the store), but every byte of a picture is looked at for damage, and each frame is handed to the store.

    python benchmarks/ingest.py [--rounds 10] [--frames 4000]
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

FRAME_BYTES = 30_000


class Cost(NamedTuple):
    """CPU seconds a frame."""

    link_s: float
    server_s: float


def main() -> None:
    """Print the rates and their ratios."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--frames", type=int, default=4000)
    chosen = options.parse_args()
    bare: list[Cost] = []
    ingest: list[Cost] = []
    for _ in range(chosen.rounds):
        bare.append(measure(serve_bare, chosen.frames))
        ingest.append(measure(serve_ingest, chosen.frames))
    print("                 link            server     (frames/CPU-s)")
    print_rates("bare websockets", best(bare))
    print_rates("ingest         ", best(ingest))
    link, server = (ours / theirs for ours, theirs in zip(best(bare), best(ingest), strict=True))
    print(f"ratio            {link:8.2f}        {server:8.2f}   (target for the link: 0.8)")


def best(costs: list[Cost]) -> Cost:
    """The least that a frame cost."""
    return Cost(min(cost.link_s for cost in costs), min(cost.server_s for cost in costs))


def print_rates(name: str, cost: Cost) -> None:
    """One line of the table."""
    print(f"{name}  {1 / cost.link_s:8.0f}        {1 / cost.server_s:8.0f}")


def measure(serve: Callable[[Connection], None], frames: int) -> Cost:
    """Send frames over one connection."""
    from websockets.sync.client import connect

    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,))
    process.start()
    try:
        jpeg = jpeg_of(FRAME_BYTES)
        with connect(f"ws://127.0.0.1:{ours.recv()}/ws", compression=None) as camera:
            begin_s = time.process_time()
            for _ in range(frames):
                camera.send(jpeg)
            camera.close()  # answered after the last frame was taken
            client_s = time.process_time() - begin_s
        ours.send(None)
        counted, server_s = ours.recv()
        assert counted == frames, f"{counted} of {frames} frames arrived"
        return Cost((client_s + server_s) / frames, server_s / frames)
    finally:
        process.join(10)


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
            begin_s = time.process_time()
            await asyncio.to_thread(pipe.recv)
            pipe.send((count, time.process_time() - begin_s))

    asyncio.run(run())


def serve_ingest(pipe: Connection) -> None:
    """The camera link with a store that nobody reads."""
    from bridge.frames.store import FrameStore
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
        redirect_url=str,
    ) as server:
        pipe.send(server.port)
        begin_s = time.process_time()
        pipe.recv()
        pipe.send((store.status("camera").received, time.process_time() - begin_s))


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
