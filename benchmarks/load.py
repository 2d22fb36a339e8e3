"""Cameras and viewers that cost next to nothing, as a process of their own, so that what is measured is the server.

    python benchmarks/load.py cameras --url ws://127.0.0.1:3001/ws/load_{} --count 4 --fps 25 --frames FOLDER
    python benchmarks/load.py viewers --url http://127.0.0.1:8080/cameras/load_{}/stream.mjpg --count 4

``{}`` counts from 1; with ``--spread N`` the N-th is followed by the first again. A line on stdin is answered with one
JSON line: what was done so far. The process ends with its stdin, so it cannot outlive who started it. Only the
standard library: a camera is a socket and its frames, masked and framed once before the first is sent.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import heapq
import json
import os
import selectors
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_PART = b"Content-Type: image/jpeg"
_BUFFER = bytearray(1 << 18)


class Camera:
    """A board that never falls ill: dials once, sends its frames in turn, answers pings."""

    def __init__(self, url: str, frames: list[bytes], first: int) -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        answer = self.socket.recv(65536)
        if b" 101 " not in answer:
            raise SystemExit(f"{url}: {answer[:80]!r}")
        self.socket.settimeout(0)
        self._frames = frames
        self._next = first
        self._rest = memoryview(b"")
        self.sent = self.late = 0

    def send_frame(self) -> None:
        """Send the next frame; when the last one is not gone yet, this one is never sent, as on a board."""
        if self._rest:
            self.late += 1
            return
        self._rest = memoryview(self._frames[self._next % len(self._frames)])
        self._next += 1
        self.sent += 1
        self.flush()

    def flush(self) -> bool:
        """Send what the socket takes; True when nothing is left."""
        with contextlib.suppress(BlockingIOError):
            self._rest = self._rest[self.socket.send(self._rest) :]
        return not self._rest

    def read(self) -> bool:
        """Answer pings, drop all else; False when the server is gone."""
        try:
            count = self.socket.recv_into(_BUFFER)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        if count and _BUFFER[0] == 0x89 and not self._rest:
            self.socket.send(framed(bytes(_BUFFER[2 : 2 + _BUFFER[1]]), 0xA))
        return count > 0


def framed(payload: bytes, opcode: int) -> bytes:
    """A WebSocket frame from a client; with a mask of zeros, which costs the server as much as any other."""
    size = len(payload)
    if size < 126:
        head = struct.pack(">BB", 0x80 | opcode, 0x80 | size)
    elif size < 65536:
        head = struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack(">BBQ", 0x80 | opcode, 0x80 | 127, size)
    return head + bytes(4) + payload


def run_cameras(options: argparse.Namespace) -> None:
    frames = [framed(path.read_bytes(), 0x2) for path in sorted(options.frames.glob("*.jpg"))]
    cameras = [Camera(url, frames, len(frames) * place // options.count) for place, url in enumerate(urls_of(options))]
    selector = selectors.DefaultSelector()
    for camera in cameras:
        selector.register(camera.socket, selectors.EVENT_READ, camera)
    selector.register(sys.stdin.buffer, selectors.EVENT_READ)
    interval_s, start_s = 1 / options.fps, time.monotonic()
    due = [(start_s + interval_s * place / len(cameras), place) for place in range(len(cameras))]
    heapq.heapify(due)
    say({"ready": True})
    while True:
        for key, mask in selector.select(max(0.0, due[0][0] - time.monotonic()) if due else None):
            camera = key.data
            if camera is None:
                if not sys.stdin.buffer.readline():
                    return
                say({"sent": [one.sent for one in cameras], "late": sum(one.late for one in cameras)})
                continue
            if mask & selectors.EVENT_READ and not camera.read():
                selector.unregister(camera.socket)
                due = [entry for entry in due if cameras[entry[1]] is not camera]
                heapq.heapify(due)
            elif mask & selectors.EVENT_WRITE and camera.flush():
                selector.modify(camera.socket, selectors.EVENT_READ, camera)
        now_s = time.monotonic()
        while due and due[0][0] <= now_s:
            due_s, place = heapq.heappop(due)
            camera = cameras[place]
            camera.send_frame()
            if not camera.flush():
                selector.modify(camera.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, camera)
            heapq.heappush(due, (max(due_s + interval_s, now_s), place))


def run_viewers(options: argparse.Namespace) -> None:
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin.buffer, selectors.EVENT_READ)
    parts = [0] * options.count
    tails = [b""] * options.count
    received = 0
    for place, url in enumerate(urls_of(options)):
        where = urlsplit(url)
        viewer = socket.create_connection((where.hostname, where.port))
        viewer.sendall(f"GET {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode())
        selector.register(viewer, selectors.EVENT_READ, place)
    say({"ready": True})
    while True:
        for key, _ in selector.select():
            place = key.data
            if place is None:
                if not sys.stdin.buffer.readline():
                    return
                say({"frames": parts, "bytes": received})
                continue
            try:
                count = key.fileobj.recv_into(_BUFFER)
            except ConnectionError:
                count = 0
            if not count:
                selector.unregister(key.fileobj)
                continue
            received += count
            data = tails[place] + _BUFFER[:count]
            parts[place] += data.count(_PART)
            tails[place] = bytes(data[-len(_PART) + 1 :])


def urls_of(options: argparse.Namespace) -> list[str]:
    return [
        options.url.replace("{}", str(1 + place % (options.spread or options.count))) for place in range(options.count)
    ]


def say(told: dict[str, Any]) -> None:
    print(json.dumps({"mono_s": time.monotonic(), "cpu_s": time.process_time(), **told}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("cameras", "viewers"))
    parser.add_argument("--url", required=True)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--spread", type=int)
    parser.add_argument("--fps", type=float, default=10)
    parser.add_argument("--frames", type=Path)
    options = parser.parse_args()
    run_cameras(options) if options.what == "cameras" else run_viewers(options)


if __name__ == "__main__":
    main()
