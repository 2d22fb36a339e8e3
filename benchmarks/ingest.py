"""Ingest alone: frames/s that the camera link takes, as a ratio to a bare ``websockets`` server that only counts.

Both servers run in their own process, pinned to one core; the same client sends the same masked 30 KB frames as fast
as TCP takes them, from another core when there is one. Counted are frames a second of the server's own CPU time (user
and kernel): what one core takes when it has nothing else to do, also while the machine is shared. Rounds alternate;
medians are compared. Target: 0.8.

    python benchmarks/ingest.py [--rounds 5] [--frames 4000]
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import socket
import statistics
import struct
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

FRAME_BYTES = 30_000
BATCH = 16  # frames a send call: the client must not be what is measured


def main() -> None:
    """Print both rates and their ratio."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--frames", type=int, default=4000)
    chosen = options.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[1:] or cores)
    rates: dict[str, list[float]] = {"bare": [], "ingest": []}
    for _ in range(chosen.rounds):
        for name, serve in (("bare", serve_bare), ("ingest", serve_ingest)):
            rates[name].append(measure(serve, chosen.frames, cores[0]))
    bare, ingest = (statistics.median(rates[name]) for name in ("bare", "ingest"))
    print(f"bare websockets server  {bare:8.0f} frames/CPU-s")
    print(f"ingest                  {ingest:8.0f} frames/CPU-s")
    print(f"ratio                   {ingest / bare:8.2f}   (target 0.8)")


def measure(serve: Callable[[Connection, int], None], frames: int, core: int) -> float:
    """Frames a CPU second of one server over one connection."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, core))
    process.start()
    try:
        with socket.create_connection(("127.0.0.1", ours.recv())) as link:
            shake_hands(link)
            batch = masked(0x82, jpeg_of(FRAME_BYTES)) * BATCH
            for _ in range(frames // BATCH):
                link.sendall(batch)
            link.sendall(masked(0x88, b"\x03\xe8"))
            while link.recv(65536):  # the answer to the close comes after the last frame was taken
                pass
        sent = frames // BATCH * BATCH
        ours.send(None)
        counted, cpu_s = ours.recv()
        assert counted == sent, f"{counted} of {sent} frames arrived"
        return sent / float(cpu_s)
    finally:
        process.join(10)


def serve_bare(pipe: Connection, core: int) -> None:
    """A ``websockets`` server that only counts."""
    from websockets.asyncio.server import ServerConnection, serve

    os.sched_setaffinity(0, {core})
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


def serve_ingest(pipe: Connection, core: int) -> None:
    """The camera link with a store that nobody reads."""
    from bridge.frames.store import FrameStore
    from bridge.ingest.server import IngestServer
    from bridge.ingest.settings import IngestSettings
    from bridge.runtime.clock import SystemClock
    from bridge.runtime.metrics import Metrics
    from bridge.runtime.worker import Supervisor

    os.sched_setaffinity(0, {core})
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
        assert any(thread.name == "ingest" for thread in threading.enumerate())
        pipe.send(server.port)
        begin_s = time.process_time()
        pipe.recv()
        pipe.send((store.status("camera").received, time.process_time() - begin_s))


def shake_hands(link: socket.socket) -> None:
    """Open the WebSocket."""
    link.sendall(
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += link.recv(4096)
    assert b" 101 " in answer


def masked(first_byte: int, payload: bytes) -> bytes:
    """A client's WebSocket frame; a mask of real weight, so that the server has to undo it."""
    mask = b"\x37\xfa\x21\x3d"
    stream = mask * (len(payload) // 4 + 1)
    body = bytes(one ^ other for one, other in zip(payload, stream, strict=False))
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
    return bytes([first_byte]) + length + mask + body


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
