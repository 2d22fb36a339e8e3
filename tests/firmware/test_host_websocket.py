"""The host camera's own WebSocket client and servers that break the rules (RFC 6455): it says why, and dials again."""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.firmware.conftest import StartCamera

pytestmark = pytest.mark.integration

_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_WELCOME = b'{"type":"welcome","v":1,"camera_id":"door","server_time_ms":0,"values":{}}'


class Server:
    """One raw connection at a time."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        # A server that does not read then holds back its camera soon, not after megabytes.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self._listener.settimeout(20)
        self.url = f"ws://127.0.0.1:{self._listener.getsockname()[1]}/ws/door"
        self._peer: socket.socket | None = None

    def accept(self, answer: bytes | None = None) -> None:
        """Take the next connection and shake hands, or give another answer."""
        self.hang_up()
        self._peer, _ = self._listener.accept()
        self._peer.settimeout(20)
        request = b""
        while b"\r\n\r\n" not in request:
            request += self._peer.recv(4096)
        key = next(
            line.split(b": ")[1] for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
        )
        accept = base64.b64encode(hashlib.sha1(key + _GUID.encode()).digest()).decode()  # noqa: S324 - as the RFC has it
        lines = (
            "HTTP/1.1 101 X",
            "upgrade: WebSocket",
            "Connection: keep-alive, Upgrade",
            f"Sec-WebSocket-Accept: {accept}",
        )
        self.send_bytes("\r\n".join((*lines, "", "")).encode() if answer is None else answer)

    def send_bytes(self, data: bytes) -> None:
        assert self._peer is not None
        self._peer.sendall(data)

    def send(self, opcode: int, body: bytes = b"", *, final: bool = True, flags: int = 0) -> None:
        """One frame, unmasked as a server's is."""
        length = bytes([len(body)]) if len(body) < 126 else bytes([126]) + struct.pack(">H", len(body))
        self.send_bytes(bytes([(0x80 if final else 0) | flags | opcode]) + length + body)

    def receive(self) -> tuple[int, bytes]:
        """The next frame, unmasked."""
        first, second = self._exactly(2)
        length = second & 0x7F
        assert second & 0x80, "a client masks"
        if length == 126:
            (length,) = struct.unpack(">H", self._exactly(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._exactly(8))
        mask = self._exactly(4)
        body = self._exactly(length)
        return first & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(body))

    def receive_of(self, opcode: int) -> bytes:
        """The next frame of a kind."""
        while True:
            kind, body = self.receive()
            if kind == opcode:
                return body

    def _exactly(self, count: int) -> bytes:
        assert self._peer is not None
        data = b""
        while len(data) < count:
            piece = self._peer.recv(count - len(data))
            if not piece:
                raise ConnectionError("the camera hung up")
            data += piece
        return data

    def hang_up(self) -> None:
        if self._peer is not None:
            self._peer.close()
            self._peer = None

    def close(self) -> None:
        self.hang_up()
        self._listener.close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def test_camera_answers_pings_and_sends_whole_pictures(
    server: Server, drawn_frames: Path, host_camera: StartCamera
) -> None:
    camera = host_camera(server.url, drawn_frames)
    server.accept()
    assert b'"hello"' in server.receive_of(_TEXT)
    server.send(_TEXT, _WELCOME[:20], final=False)
    server.send(_PING, b"between the pieces of a text")
    server.send(0, _WELCOME[20:])
    assert server.receive_of(_PONG) == b"between the pieces of a text"
    camera.wait_for("welcome")
    picture = server.receive_of(_BINARY)
    assert picture[:4] == b"ECF1"
    assert picture[20:] in {file.read_bytes() for file in drawn_frames.iterdir()}
    server.send(_CLOSE, struct.pack(">H", 4409) + b"a newer connection")
    assert server.receive_of(_CLOSE)[:2] == struct.pack(">H", 4409)
    camera.wait_for("closed", code=4409, reason="a newer connection")
    assert camera.stop() == 0, camera.story()


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (b"\x81\x82mask\x00\x00", 1002),  # a server does not mask
        (b"\xc1\x01x", 1002),  # reserved bits without an extension
        (b"\x83\x00", 1002),  # no such kind of frame
        (b"\x09\x00", 1002),  # a ping in pieces
        (b"\x89\x7e\x00\x7e" + b"x" * 126, 1002),  # a ping that is too long
        (b"\x80\x01x", 1002),  # goes on without a beginning
        (b"\x01\x01x\x81\x01x", 1002),  # begins within another
        (b"\x88\x01x", 1002),  # half a close code
        (b"\x88\x02" + struct.pack(">H", 1005), 1002),  # a code that is never sent
        (b"\x82\x01x", 1003),  # the bridge sends texts only
        (b"\x81\x02\xc3\x28", 1007),  # no UTF-8
        (b"\x81\x03\xed\xa0\x80", 1007),  # a surrogate
        (b"\x81\x7f" + struct.pack(">Q", 1 << 60), 1009),  # promises an exabyte
    ],
)
def test_broken_rule_ends_the_link_with_its_code(
    server: Server, drawn_frames: Path, host_camera: StartCamera, broken: bytes, code: int
) -> None:
    camera = host_camera(server.url, drawn_frames)
    server.accept()
    server.send_bytes(broken)
    assert server.receive_of(_CLOSE)[:2] == struct.pack(">H", code)
    assert camera.wait_for("closed", code=code)["reason"]
    server.accept()  # it comes back
    assert b'"hello"' in server.receive_of(_TEXT)
    assert camera.stop() == 0, camera.story()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "403"),
        (
            b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
            "handshake",
        ),
        (b"HTTP/1.1 101 X\r\n" + b"X: y\r\n" * 2000, "does not end"),
    ],
)
def test_wrong_answer_to_the_handshake_is_told(
    server: Server, drawn_frames: Path, host_camera: StartCamera, answer: bytes, reason: str
) -> None:
    camera = host_camera(server.url, drawn_frames)
    server.accept(answer)
    assert reason in camera.wait_for("closed", code=0)["reason"]
    server.accept()
    assert b'"hello"' in server.receive_of(_TEXT)
    assert camera.stop() == 0, camera.story()


def test_stalled_network_drops_old_pictures_and_the_newest_comes_first(
    server: Server, drawn_frames: Path, host_camera: StartCamera
) -> None:
    camera = host_camera(server.url, drawn_frames, "--fps", "60")
    server.accept()
    server.send(_TEXT, b'{"type":"welcome","v":1,"camera_id":"door","server_time_ms":0,"values":{"max_fps":60}}')
    server.receive_of(_TEXT)
    camera.wait_for("first_frame")
    time.sleep(12)  # nobody reads: the kernel's buffers fill, then the slot for one
    last, gap, until_s = None, 0.0, time.monotonic() + 15
    while gap < 1 and time.monotonic() < until_s:
        captured_us = struct.unpack(">Q", server.receive_of(_BINARY)[8:16])[0]
        gap = 0.0 if last is None else (captured_us - last) / 1e6
        last = captured_us
    assert gap > 1, "after what the network held already comes the newest picture, not the oldest"
    assert camera.stop() == 0, camera.story()
    assert camera.events("end")[0]["frames_dropped"] > 0
