"""A real camera port on 127.0.0.1, and raw sockets to break the rules with."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
import pytest

from bridge.frames import codec
from bridge.frames.store import FrameStore
from bridge.ingest.fake import FakeTalk
from bridge.ingest.server import IngestServer
from bridge.ingest.settings import CameraAccess, IngestSettings, TlsFiles, UnknownCameras
from bridge.runtime.clock import ManualClock
from bridge.runtime.metrics import Metrics
from bridge.runtime.worker import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from bridge.model import CameraStatus

CAMERAS = {"camera": CameraAccess(), "door": CameraAccess("s3cret"), "yard": CameraAccess()}


@dataclass
class Port:
    """A running server and what stands behind it; ``clock`` stands still unless moved."""

    server: IngestServer
    store: FrameStore
    clock: ManualClock
    supervisor: Supervisor
    admitted: list[str]
    talk: FakeTalk
    images: dict[str, bytes]

    def url(self, path: str = "/ws") -> str:
        return f"ws://127.0.0.1:{self.server.port}{path}"

    def status(self, camera_id: str = "camera") -> CameraStatus:
        return self.store.status(camera_id)

    def messages(self, camera_id: str = "camera") -> int:
        """How many binary messages were judged, good or bad."""
        status = self.status(camera_id)
        return status.received + sum(status.rejected.values())


class StartPort(Protocol):
    """See the fixture ``start_port``."""

    def __call__(
        self,
        *,
        cameras: Mapping[str, CameraAccess] = ...,
        max_frame_bytes: int = 1_048_576,
        unknown_cameras: UnknownCameras = UnknownCameras.APPROVE,
        allow_legacy: bool | None = None,
        default_camera: str = "camera",
        tls: TlsFiles | None = None,
        admit: Callable[[str], None] | None = None,
        talk: FakeTalk | None = None,
    ) -> Port: ...


@pytest.fixture
def start_port() -> Iterator[StartPort]:
    """Start servers; they end with the test, which fails when one of them crashed."""
    with contextlib.ExitStack() as stack:

        def start(
            *,
            cameras: Mapping[str, CameraAccess] = CAMERAS,
            max_frame_bytes: int = 1_048_576,
            unknown_cameras: UnknownCameras = UnknownCameras.APPROVE,
            allow_legacy: bool | None = None,
            default_camera: str = "camera",
            tls: TlsFiles | None = None,
            admit: Callable[[str], None] | None = None,
            talk: FakeTalk | None = None,
        ) -> Port:
            clock, supervisor, admitted, images = ManualClock(), Supervisor(), list[str](), dict[str, bytes]()
            talk = talk or FakeTalk({"door": {"framesize": "VGA"}})
            store = FrameStore(clock, Metrics())
            for camera_id in cameras:
                store.add_camera(camera_id)

            def note_and_add(camera_id: str) -> None:
                admitted.append(camera_id)
                store.add_camera(camera_id)

            settings = IngestSettings(
                host="127.0.0.1",
                port=0,
                default_camera=default_camera,
                max_frame_bytes=max_frame_bytes,
                unknown_cameras=unknown_cameras,
                allow_legacy=allow_legacy,
                cameras=cameras,
                tls=tls,
            )
            server = IngestServer(
                settings,
                store,
                clock=clock,
                supervisor=supervisor,
                admit=admit or note_and_add,
                talk=talk,
                redirect_url=lambda host: f"http://{host}:8080/cameras/camera/stream.mjpg",
                image=images.get,
            )
            stack.enter_context(server)
            stack.callback(supervisor.wait, 0)
            return Port(server, store, clock, supervisor, admitted, talk, images)

        yield start


@pytest.fixture
def port(start_port: StartPort) -> Port:
    """A server with the cameras ``camera`` (default), ``door`` (token ``s3cret``) and ``yard``."""
    return start_port()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[TlsFiles, ssl.SSLContext]:
    """A certificate for 127.0.0.1, and who trusts it."""
    trustme = pytest.importorskip("trustme")
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    return TlsFiles(folder / "cert.pem", folder / "key.pem"), trust


# --- pictures ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    """A real JPEG of noise, 160x120."""
    return codec.encode(np.random.default_rng(3).integers(0, 256, (120, 160, 3), np.uint8))


@pytest.fixture(scope="session")
def samples(jpeg: bytes) -> dict[str, bytes]:
    """JPEGs as boards send them, good and damaged; ours have the names and the damage of the real ones."""
    height_at = jpeg.index(b"\xff\xc0") + 5
    bomb = jpeg[:height_at] + struct.pack(">HH", 65_500, 65_500) + jpeg[height_at + 4 :]
    return {
        "bad-bomb-65500": bomb,
        "bad-empty": b"",
        "bad-no-eoi": jpeg[:-2],
        "bad-no-soi": jpeg[2:],
        "bad-png": b"\x89PNG\r\n\x1a\n" + bytes(2000),
        "bad-soi-eoi-only": jpeg[:2] + jpeg[-2:],
        "bad-text": b"not a jpeg " * 700,
        "bad-truncated-half": jpeg[: len(jpeg) // 2],
        "bad-two-frames-glued": jpeg[: len(jpeg) // 2] + jpeg,
        "ok-trailing-zeros": jpeg + bytes(512),
        "person-vga": jpeg,
    }


@pytest.fixture(params=["ours", "from boards"])
def camera_files(request: pytest.FixtureRequest, samples: dict[str, bytes]) -> dict[str, bytes]:
    """``samples``, and the shared ones where they are."""
    if request.param == "ours":
        return samples
    folder: Path = request.getfixturevalue("shared") / "frames"
    return {file.stem: file.read_bytes() for file in sorted(folder.glob("*.jpg"))}


# --- raw sockets ---------------------------------------------------------------------------------------------------

SKETCH_KEY = "x3JJHMbDL1EzLkh9GBhXDw=="


class RawCamera:
    """A TCP connection that sends exactly the bytes it is told, masked as a client must.

    Args:
        port: the camera port.
        receive_buffer_bytes: of the socket, for one that does not read.
    """

    def __init__(self, port: int, receive_buffer_bytes: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.socket.settimeout(5)
        self.socket.connect(("127.0.0.1", port))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def handshake(self, path: str = "/ws", *more: str) -> list[str]:
        """Dial as ArduinoWebsockets does: ``Host`` without the port, one second for each line of the answer."""
        lines = [
            f"GET {path} HTTP/1.1",
            "Host: 192.168.0.15",
            f"Sec-WebSocket-Key: {SKETCH_KEY}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            *more,
        ]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self.socket.settimeout(1)
        answer = []
        while line := self.line():
            answer.append(line)
        self.socket.settimeout(5)
        return answer

    def send_until_dropped(self, data: bytes, pause_s: float = 0.0, within_s: float = 15.0) -> None:
        """Send the same again and again.

        Raises:
            OSError: the server has dropped the connection.
        """
        deadline_s = time.monotonic() + within_s
        while time.monotonic() < deadline_s:
            self.socket.sendall(data)
            time.sleep(pause_s)

    def line(self) -> str:
        line = b""
        while not line.endswith(b"\r\n"):
            if not (byte := self.socket.recv(1)):
                break
            line += byte
        return line.decode().rstrip("\r\n")

    def send(self, opcode: int, payload: bytes, *, fin: bool = True) -> None:
        self.socket.sendall(self.masked(opcode, payload, fin=fin))

    @staticmethod
    def masked(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
        """A client's WebSocket frame."""
        mask = b"\x37\xfa\x21\x3d"
        body = bytes(octet ^ mask[index % 4] for index, octet in enumerate(payload))
        size = len(payload)
        if size < 126:
            length = bytes([0x80 | size])
        elif size < 65_536:
            length = bytes([0x80 | 126]) + size.to_bytes(2, "big")
        else:
            length = bytes([0x80 | 127]) + size.to_bytes(8, "big")
        return bytes([(0x80 if fin else 0) | opcode]) + length + mask + body

    def frame(self) -> tuple[int, bytes]:
        """The next frame from the server: opcode and payload; (0, b"") at the end of the stream."""
        head = self.exactly(2)
        if not head:
            return 0, b""
        length = head[1] & 0x7F
        if length == 126:
            length = int.from_bytes(self.exactly(2), "big")
        return head[0] & 0x0F, self.exactly(length)

    def exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            if not (more := self.socket.recv(size - len(data))):
                return b""
            data += more
        return data


class DialRaw(Protocol):
    """See the fixture ``dial_raw``."""

    def __call__(self, port: Port, receive_buffer_bytes: int | None = None) -> RawCamera: ...


@pytest.fixture
def dial_raw() -> Iterator[DialRaw]:
    """Open raw connections; they close with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda port, receive_buffer_bytes=None: stack.enter_context(
            RawCamera(port.server.port, receive_buffer_bytes)
        )
