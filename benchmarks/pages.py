"""What the pages weigh and cost, in a real Chromium.

    python benchmarks/pages.py [--seconds 10]

For each page: milliseconds to its first paint, bytes and requests of HTML, styles and scripts, and whether anything was
asked of another machine. Then the server's CPU seconds a second with 16 cameras (VGA, 10 frames/s, boxes drawn): nobody
watches, one page shows 16 tiles, 16 live streams are open. The server runs in a process of its own; the cameras' own
share is in each of the three.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import shutil
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from playwright.sync_api import sync_playwright

from bridge.frames import codec
from bridge.frames.store import FrameStore
from bridge.model import Scene, Track
from bridge.runtime.clock import SystemClock
from bridge.runtime.metrics import Metrics
from bridge.runtime.worker import Supervisor
from bridge.serve.fake import FakeAdoption, FakeBridge, FakePastEvents, FakeUpdates
from bridge.serve.http import HttpSettings, WebServer

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from playwright.sync_api import Browser

CAMERAS = 16
FPS = 10
PAGES = ("/", "/cameras/camera_0", "/events", "/system")
_CODE = {"Document", "Script", "Stylesheet"}


def serve(pipe: Connection) -> None:
    """A server with cameras that send and always show somebody; tells its CPU seconds when asked."""
    clock, metrics = SystemClock(), Metrics()
    store = FrameStore(clock, metrics)
    server = WebServer(
        HttpSettings(host="127.0.0.1", port=0),
        FakeBridge(),
        adoption=FakeAdoption(),
        updates=FakeUpdates(),
        store=store,
        metrics=metrics,
        clock=clock,
        supervisor=Supervisor(),
        events=FakePastEvents(),
    )
    for number in range(CAMERAS):
        store.add_camera(f"camera_{number}")
    noise = np.random.default_rng(1).integers(0, 255, (60, 80, 3), np.uint8)
    jpeg = codec.encode(np.kron(noise, np.ones((8, 8, 1), np.uint8)).astype(np.uint8), 80)
    stop = threading.Event()

    def send() -> None:
        step = 0
        while not stop.wait(1 / FPS):
            track = Track(1, "person", 0.9, (0.1 + step % 50 / 100, 0.2, 0.3 + step % 50 / 100, 0.9), 5)
            for number in range(CAMERAS):
                store.set_scene(Scene(f"camera_{number}", step, time.monotonic(), (track,)))
                store.put(f"camera_{number}", jpeg, 640, 480)
            step += 1

    server.start()
    threading.Thread(target=send, daemon=True).start()
    pipe.send(server.port)
    while pipe.recv():
        usage = resource.getrusage(resource.RUSAGE_SELF)
        pipe.send(usage.ru_utime + usage.ru_stime)
    stop.set()
    server.stop()


def weigh(browser: Browser, base: str, path: str) -> dict[str, Any]:
    """One page, once."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    kinds: dict[str, str] = {}
    sizes: dict[str, int] = {}
    outside: set[str] = set()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.responseReceived", lambda told: kinds.update({told["requestId"]: told["type"]}))
    network.on("Network.loadingFinished", lambda told: sizes.update({told["requestId"]: told["encodedDataLength"]}))
    page.on("request", lambda asked: None if asked.url.startswith((base, "blob:", "data:")) else outside.add(asked.url))
    page.goto(base + path)
    page.wait_for_timeout(2500)
    paint_ms = page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
    code = [size for request, size in sizes.items() if kinds.get(request) in _CODE]
    context.close()
    return {
        "page": path,
        "first_paint_ms": round(paint_ms),
        "code_bytes": sum(code),
        "requests": len(code),
        "asked_elsewhere": sorted(outside),
    }


def cost(pipe: Connection, seconds: float) -> float:
    """The server's CPU seconds a second, from now on."""
    pipe.send("cpu")
    before_s, began_s = pipe.recv(), time.monotonic()
    time.sleep(seconds)
    pipe.send("cpu")
    return float((pipe.recv() - before_s) / (time.monotonic() - began_s))


def streams(port: int) -> list[socket.socket]:
    """As many open streams as there are cameras, all read."""
    opened = []
    for number in range(CAMERAS):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.sendall(f"GET /cameras/camera_{number}/stream.mjpg HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        opened.append(sock)

        def read(sock: socket.socket = sock) -> None:
            try:
                while sock.recv(1 << 16):
                    pass
            except OSError:
                return

        threading.Thread(target=read, daemon=True).start()
    return opened


def main() -> None:
    """Measure, and print JSON lines."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=10.0)
    seconds = options.parse_args().seconds
    pipe, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,))
    process.start()
    port = pipe.recv()
    base = f"http://127.0.0.1:{port}"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for path in PAGES:
            print(json.dumps(weigh(browser, base, path)))
        time.sleep(1)
        nobody = cost(pipe, seconds)
        page = browser.new_page(viewport={"width": 1280, "height": 2400})
        page.goto(base)
        page.wait_for_timeout(3000)
        tiles = cost(pipe, seconds)
        page.close()
        browser.close()
    opened = streams(port)
    time.sleep(2)
    streaming = cost(pipe, seconds)
    for sock in opened:
        sock.shutdown(socket.SHUT_RDWR)
        sock.close()
    told = {"cpu_nobody": nobody, "cpu_16_tiles": tiles, "cpu_16_streams": streaming}
    print(json.dumps({name: round(value, 3) for name, value in told.items()}))
    pipe.send("")
    process.join(10)


if __name__ == "__main__":
    main()
